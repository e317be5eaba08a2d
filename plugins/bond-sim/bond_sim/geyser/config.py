"""The configuration of the simulated Geyser, and its server."""

import attrs
import trio
from bond_simkit import SimulatorError, faults_field, speed_field

from bond_sim.geyser.faults import GEYSER_FAULTS


@attrs.frozen(kw_only=True)
class GeyserConfig:
  """A slot every `slot_ms`, with `speed` times 20 transactions and six votes. `forks` is the share
  of slots whose block dies, is abandoned or never comes. With a `token` every call needs it as
  `x-token`."""

  host: str = "127.0.0.1"
  port: int = 9005
  speed: float = speed_field(200)
  seed: int = 1
  ahead: float = 0.0
  faults: list[str] = faults_field(GEYSER_FAULTS)
  slot_ms: int = 400
  forks: float = 0.05
  token: str = attrs.field(default="", repr=False)


async def serve_geyser(
  config: GeyserConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL; gRPC and the control endpoint share the
  port."""
  try:
    import grpc  # noqa: F401
  except ImportError:
    raise SimulatorError(
      "the simulated Geyser speaks gRPC, which is not installed; pip install 'bond-sim[geyser]'"
    ) from None
  from bond_simkit import VenueClock, strike_in_time

  from bond_sim.geyser.node import GeyserNode
  from bond_sim.geyser.serving import serve_node

  node = GeyserNode(
    VenueClock(ahead=config.ahead),
    seed=config.seed,
    speed=config.speed,
    slot_ms=config.slot_ms,
    forks=config.forks,
    token=config.token,
  )
  faults = [GEYSER_FAULTS.parse(written) for written in config.faults]
  async with trio.open_nursery() as nursery:
    nursery.start_soon(strike_in_time, faults, node.fault)
    task_status.started(await nursery.start(serve_node, node, config.host, config.port))
    await node.run()
