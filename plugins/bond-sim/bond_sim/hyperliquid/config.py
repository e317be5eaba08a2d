"""The configuration of the simulated Hyperliquid, and its server."""

import attrs
import trio

from bond_sim.market.config import RecordedMarketConfig


@attrs.frozen(kw_only=True)
class HyperliquidConfig(RecordedMarketConfig):
  """A generated market, or recordings of one."""

  port: int = 9009


async def serve_hyperliquid(
  config: HyperliquidConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.hyperliquid.dialect import HyperliquidDialect
  from bond_sim.hyperliquid.generator import HyperliquidGenerator
  from bond_sim.hyperliquid.markets import HyperliquidMarkets
  from bond_sim.hyperliquid.playback import CAPTURED, HyperliquidPlayback
  from bond_sim.market.capture_files import scan_answers, scan_captures

  markets: HyperliquidMarkets
  if config.capture:
    captures = await scan_captures(config.capture, CAPTURED.scan)
    markets = HyperliquidPlayback(captures, config.speed, config.settle)
  else:
    markets = HyperliquidGenerator(config, VenueClock(config.start, ahead=config.ahead))
  answers = await scan_answers(config.capture, "hyperliquid")
  dialect = HyperliquidDialect(markets, answers)
  await serve_venue(
    dialect, config, refusal=dialect.refusal, stats=dialect.stats, task_status=task_status
  )
