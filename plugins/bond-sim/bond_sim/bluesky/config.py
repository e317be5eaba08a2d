"""The configuration of the simulated Bluesky, and its server."""

import attrs
import trio
from bond_simkit import faults_field, speed_field

from bond_sim.bluesky.faults import BLUESKY_FAULTS


@attrs.frozen(kw_only=True)
class BlueskyConfig:
  """`speed` times twenty posts a second are written, about half of them about assets."""

  host: str = "127.0.0.1"
  port: int = 9007
  speed: float = speed_field(100)
  seed: int = 1
  ahead: float = 0.0
  faults: list[str] = faults_field(BLUESKY_FAULTS)


async def serve_bluesky(
  config: BlueskyConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_simkit import VenueClock, serve_site, strike_in_time

  from bond_sim.bluesky.site import BlueskySite

  site = BlueskySite(VenueClock(ahead=config.ahead), seed=config.seed, speed=config.speed)
  faults = [BLUESKY_FAULTS.parse(written) for written in config.faults]
  async with trio.open_nursery() as nursery:
    nursery.start_soon(site.run)
    nursery.start_soon(strike_in_time, faults, site.fault)
    task_status.started(await nursery.start(serve_site, site, config.host, config.port))
