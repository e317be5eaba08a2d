"""How the simulated OKX is started."""

from collections.abc import Mapping

import attrs
import trio

from bond_sim.faults import parse_fault
from bond_sim.market.config import Recorded


@attrs.frozen(kw_only=True)
class OkxConfig(Recorded):
  """A generated market, or recordings of one."""

  port: int = 9002


async def serve_okx(
  config: OkxConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL. Raises SimulatorError for a recording that
  cannot be played."""
  from bond_sim.clock import VenueClock
  from bond_sim.okx.answers import Answers
  from bond_sim.okx.dialect import OkxDialect
  from bond_sim.okx.playback import Playback
  from bond_sim.okx.source import Answer, Source
  from bond_sim.okx.world import World
  from bond_sim.venue import run_venue

  source: Source
  answers: Mapping[str, Answer]
  clock = VenueClock(config.start)
  if config.capture:
    source = playback = await Playback.load(config.capture, config.speed, config.settle, clock)
    answers = playback.answers
  else:
    source = world = World(
      seed=config.seed,
      speed=config.speed,
      symbols=config.symbols,
      clock=clock,
      markets=config.markets,
    )
    answers = Answers(world).by_endpoint()
  faults = [parse_fault(written) for written in config.faults]
  await run_venue(
    OkxDialect(source, answers), faults, config.host, config.port, task_status=task_status
  )
