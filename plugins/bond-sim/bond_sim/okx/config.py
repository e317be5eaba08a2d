"""The configuration of the simulated OKX, and its server."""

from collections.abc import Mapping

import attrs
import trio

from bond_sim.market.config import RecordedMarketConfig


@attrs.frozen(kw_only=True)
class OkxConfig(RecordedMarketConfig):
  """A generated market, or recordings of one."""

  port: int = 9002


async def serve_okx(
  config: OkxConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.market.capture_files import scan_captures
  from bond_sim.okx.capture import scan
  from bond_sim.okx.dialect import OkxDialect
  from bond_sim.okx.endpoints import OkxEndpoints
  from bond_sim.okx.generator import OkxGenerator
  from bond_sim.okx.markets import OkxEndpoint, OkxMarkets
  from bond_sim.okx.playback import OkxPlayback

  markets: OkxMarkets
  endpoints: Mapping[str, OkxEndpoint]
  clock = VenueClock(config.start, ahead=config.ahead)
  if config.capture:
    captures = await scan_captures(config.capture, scan)
    markets = playback = OkxPlayback(captures, config.speed, config.settle, clock)
    endpoints = playback.endpoints
  else:
    markets = generator = OkxGenerator(config, clock)
    endpoints = OkxEndpoints(generator).by_path()
  dialect = OkxDialect(markets, endpoints)
  await serve_venue(
    dialect, config, refusal=dialect.refusal, stats=dialect.stats, task_status=task_status
  )
