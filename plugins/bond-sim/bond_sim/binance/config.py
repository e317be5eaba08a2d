"""The configuration of the simulated Binance, and its server."""

import attrs
import trio

from bond_sim.market.config import RecordedMarketConfig


@attrs.frozen(kw_only=True)
class BinanceConfig(RecordedMarketConfig):
  """A generated market, or recordings of one."""

  port: int = 9001


async def serve_binance(
  config: BinanceConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.binance.capture import scan
  from bond_sim.binance.dialect import BinanceDialect
  from bond_sim.binance.generator import BinanceGenerator
  from bond_sim.binance.markets import BinanceMarkets
  from bond_sim.binance.playback import BinancePlayback
  from bond_sim.market.capture_files import scan_captures

  markets: BinanceMarkets
  clock = VenueClock(config.start, ahead=config.ahead)
  if config.capture:
    found = await scan_captures(config.capture, scan)
    captures = [capture for of_file in found for capture in of_file]
    markets = BinancePlayback(captures, config.speed, config.settle, clock)
  else:
    markets = BinanceGenerator(config, clock)
  dialect = BinanceDialect(markets)
  await serve_venue(
    dialect, config, refusal=dialect.refusal, stats=dialect.stats, task_status=task_status
  )
