"""How the simulated Bybit is started."""

import attrs
import trio

from bond_sim.faults import parse_fault
from bond_sim.market.config import Generated


@attrs.frozen(kw_only=True)
class BybitConfig(Generated):
  """A generated market."""

  port: int = 9003


async def serve_bybit(
  config: BybitConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_sim.bybit.dialect import BybitDialect
  from bond_sim.bybit.world import World
  from bond_sim.clock import VenueClock
  from bond_sim.venue import run_venue

  world = World(
    seed=config.seed,
    speed=config.speed,
    symbols=config.symbols,
    clock=VenueClock(config.start),
    markets=config.markets,
  )
  faults = [parse_fault(written) for written in config.faults]
  await run_venue(BybitDialect(world), faults, config.host, config.port, task_status=task_status)
