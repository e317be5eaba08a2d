"""How the simulated Bluesky is started."""

from collections.abc import Iterable

import attrs
import trio

from bond_sim.bluesky.faults import parse_fault
from bond_sim.errors import SimulatorError


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


@attrs.frozen(kw_only=True)
class BlueskyConfig:
  """Twenty posts a second are written, `speed` times as many, about half of them on assets."""

  host: str = "127.0.0.1"
  port: int = 9007
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


async def serve_bluesky(
  config: BlueskyConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_sim.bluesky.site import BlueskySite
  from bond_sim.clock import VenueClock
  from bond_sim.server import serve

  site = BlueskySite(VenueClock(), seed=config.seed, speed=config.speed)
  async with trio.open_nursery() as nursery:
    nursery.start_soon(site.run)
    for written in config.faults:
      nursery.start_soon(site.fault_later, parse_fault(written))
    task_status.started(await nursery.start(serve, site, config.host, config.port))
