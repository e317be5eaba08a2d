"""The configuration of the simulated Bybit, and its server."""

import attrs
import trio

from bond_sim.market.config import RecordedMarketConfig


@attrs.frozen(kw_only=True)
class BybitConfig(RecordedMarketConfig):
  """A generated market, or recordings of one."""

  port: int = 9003


async def serve_bybit(
  config: BybitConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_simkit import VenueClock, serve_venue

  from bond_sim.bybit.dialect import BybitDialect
  from bond_sim.bybit.generator import BybitGenerator
  from bond_sim.bybit.playback import CAPTURED, BybitPlayback, RecordedRest
  from bond_sim.bybit.rest import GeneratedRest
  from bond_sim.market.capture_files import scan_answers, scan_captures

  clock = VenueClock(config.start, ahead=config.ahead)
  if config.capture:
    captures = await scan_captures(config.capture, CAPTURED.scan)
    answers = await scan_answers(config.capture, "bybit")
    playback = BybitPlayback(captures, config.speed, config.settle)
    dialect = BybitDialect(playback, RecordedRest(answers, clock))
  else:
    generator = BybitGenerator(config, clock)
    dialect = BybitDialect(generator, GeneratedRest(generator))
  await serve_venue(
    dialect, config, refusal=dialect.refusal, stats=dialect.stats, task_status=task_status
  )
