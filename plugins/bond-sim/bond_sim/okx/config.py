"""How the simulated OKX is started."""

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
  from bond_sim.okx.dialect import OkxDialect
  from bond_sim.okx.playback import Playback
  from bond_sim.okx.source import Source
  from bond_sim.okx.world import World
  from bond_sim.venue import run_venue

  source: Source
  clock = VenueClock(config.start)
  if config.capture:
    source = await Playback.load(config.capture, config.speed, config.settle, clock)
  else:
    source = World(
      seed=config.seed,
      speed=config.speed,
      symbols=config.symbols,
      clock=clock,
      markets=config.markets,
    )
  faults = [parse_fault(written) for written in config.faults]
  await run_venue(OkxDialect(source), faults, config.host, config.port, task_status=task_status)
