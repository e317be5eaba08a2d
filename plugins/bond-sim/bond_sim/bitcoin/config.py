"""How the simulated Bitcoin is started."""

from collections.abc import Iterable

import attrs
import trio

from bond_sim.errors import SimulatorError
from bond_sim.faults import parse_fault


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


@attrs.frozen(kw_only=True)
class BitcoinConfig:
  """At speed 1 the mempool changes every two seconds and a block comes about every 30; every
  fourth block takes the place of the one before it."""

  host: str = "127.0.0.1"
  port: int = 9006
  speed: float = attrs.field(default=1.0)
  seed: int = 1
  faults: list[str] = attrs.field(factory=list, converter=_listed)

  @speed.validator
  def _check_speed(self, attribute: object, speed: float) -> None:
    if not 0 < speed <= 100:
      raise SimulatorError(f"speed is {speed:g}; expected more than 0 and at most 100")

  @faults.validator
  def _check_faults(self, attribute: object, faults: list[str]) -> None:
    for written in faults:
      parse_fault(written)


async def serve_bitcoin(
  config: BitcoinConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_sim.bitcoin.dialect import BitcoinDialect
  from bond_sim.bitcoin.world import World
  from bond_sim.clock import VenueClock
  from bond_sim.venue import run_venue

  world = World(VenueClock(), seed=config.seed, speed=config.speed)
  faults = [parse_fault(written) for written in config.faults]
  await run_venue(BitcoinDialect(world), faults, config.host, config.port, task_status=task_status)
