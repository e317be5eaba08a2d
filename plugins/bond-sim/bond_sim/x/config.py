"""The configuration of the simulated X, and its server."""

import attrs
import trio
from bond_simkit import faults_field, speed_field

from bond_sim.x.faults import X_FAULTS


@attrs.frozen(kw_only=True)
class XConfig:
  """`speed` times five posts a second are written."""

  host: str = "127.0.0.1"
  port: int = 9004
  speed: float = speed_field(100)
  seed: int = 1
  ahead: float = 0.0
  faults: list[str] = faults_field(X_FAULTS)


async def serve_x(
  config: XConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_simkit import VenueClock, serve_site, strike_in_time

  from bond_sim.x.site import XSite

  site = XSite(VenueClock(ahead=config.ahead), seed=config.seed, speed=config.speed)
  faults = [X_FAULTS.parse(written) for written in config.faults]
  async with trio.open_nursery() as nursery:
    nursery.start_soon(strike_in_time, faults, site.fault)
    nursery.start_soon(site.run)
    task_status.started(await nursery.start(serve_site, site, config.host, config.port))
