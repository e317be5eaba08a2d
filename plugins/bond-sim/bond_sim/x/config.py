"""How the simulated X is started."""

from collections.abc import Iterable

import attrs
import trio

from bond_sim.errors import SimulatorError
from bond_sim.x.faults import parse_fault


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


@attrs.frozen(kw_only=True)
class XConfig:
  """Five posts a second are written, `speed` times as many."""

  host: str = "127.0.0.1"
  port: int = 9004
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


async def serve_x(
  config: XConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_sim.clock import VenueClock
  from bond_sim.server import serve
  from bond_sim.x.site import XSite

  site = XSite(VenueClock(), seed=config.seed, speed=config.speed)
  async with trio.open_nursery() as nursery:
    for written in config.faults:
      nursery.start_soon(site.fault_later, parse_fault(written))
    nursery.start_soon(site.run)
    task_status.started(await nursery.start(serve, site, config.host, config.port))
