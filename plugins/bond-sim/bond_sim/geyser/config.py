"""How the simulated Geyser is started."""

from collections.abc import Iterable

import attrs
import trio

from bond_sim.errors import SimulatorError
from bond_sim.geyser.faults import parse_fault


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


@attrs.frozen(kw_only=True)
class GeyserConfig:
  """A slot every `slot_ms`, with `speed` times 20 transactions and six votes. `forks` is the part
  of slots whose block dies, is abandoned or never comes. With a `token` every call needs it as
  `x-token`."""

  host: str = "127.0.0.1"
  port: int = 9005
  speed: float = attrs.field(default=1.0)
  seed: int = 1
  faults: list[str] = attrs.field(factory=list, converter=_listed)
  slot_ms: int = 400
  forks: float = 0.05
  token: str = attrs.field(default="", repr=False)

  @speed.validator
  def _check_speed(self, attribute: object, speed: float) -> None:
    if not 0 < speed <= 200:
      raise SimulatorError(f"speed is {speed:g}; expected more than 0 and at most 200")

  @faults.validator
  def _check_faults(self, attribute: object, faults: list[str]) -> None:
    for written in faults:
      parse_fault(written)


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
  from bond_sim.clock import VenueClock
  from bond_sim.geyser.node import Node
  from bond_sim.geyser.serving import serve_node

  node = Node(
    VenueClock(),
    seed=config.seed,
    speed=config.speed,
    slot_ms=config.slot_ms,
    forks=config.forks,
    token=config.token,
  )
  async with trio.open_nursery() as nursery:
    for written in config.faults:
      nursery.start_soon(node.fault_later, parse_fault(written))
    task_status.started(await nursery.start(serve_node, node, config.host, config.port))
    await node.run()
