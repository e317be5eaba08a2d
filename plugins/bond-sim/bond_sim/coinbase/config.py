"""The configuration of the simulated Coinbase, and its server."""

import attrs
import trio

from bond_sim.market.config import RecordedMarketConfig


@attrs.frozen(kw_only=True)
class CoinbaseConfig(RecordedMarketConfig):
  """A generated market, or recordings of one."""

  port: int = 9010


async def serve_coinbase(
  config: CoinbaseConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.coinbase.dialect import CoinbaseDialect
  from bond_sim.coinbase.generator import CoinbaseGenerator
  from bond_sim.coinbase.markets import CoinbaseMarkets
  from bond_sim.coinbase.playback import CAPTURED, CoinbasePlayback
  from bond_sim.market.capture_files import scan_answers, scan_captures

  markets: CoinbaseMarkets
  clock = VenueClock(config.start, ahead=config.ahead)
  if config.capture:
    captures = await scan_captures(config.capture, CAPTURED.scan)
    markets = CoinbasePlayback(captures, config.speed, config.settle)
  else:
    markets = CoinbaseGenerator(config, clock)
  answers = await scan_answers(config.capture, "coinbase")
  dialect = CoinbaseDialect(markets, clock, answers)
  await serve_venue(
    dialect, config, refusal=dialect.refusal, stats=dialect.stats, task_status=task_status
  )
