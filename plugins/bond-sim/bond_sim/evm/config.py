"""How the simulated EVM node is started."""

from collections.abc import Iterable

import attrs
import trio

from bond_sim.errors import SimulatorError
from bond_sim.evm.faults import parse_fault


def _listed(values: Iterable[str]) -> list[str]:
  return list(values)


@attrs.frozen(kw_only=True)
class EvmConfig:
  """A block comes every `block_time` seconds, at `speed` 2 twice as often, with about as many
  `transfers` in it; every so many blocks (`forks`, 0 for never) the last one to three are
  replaced by others."""

  host: str = "127.0.0.1"
  port: int = 9008
  block_time: float = 12.0
  transfers: int = 20
  forks: int = 8
  speed: float = 1.0
  seed: int = 1
  faults: list[str] = attrs.field(factory=list, converter=_listed)

  def __attrs_post_init__(self) -> None:
    if not 0 < self.speed <= 1000:
      raise SimulatorError(f"speed is {self.speed:g}; expected more than 0 and at most 1000")
    if self.block_time / self.speed < 0.01:
      raise SimulatorError(f"blocks every {self.block_time / self.speed:g} s are too many")
    if not 1 <= self.transfers <= 1000 or self.forks < 0:
      raise SimulatorError("expected 1 to 1000 transfers in a block, and forks of 0 or more")
    for written in self.faults:
      parse_fault(written)


async def serve_evm(
  config: EvmConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_sim.clock import VenueClock
  from bond_sim.evm.chain import Chain
  from bond_sim.evm.node import EvmNode
  from bond_sim.server import serve

  every = config.block_time / config.speed
  chain = Chain(config.seed, config.transfers)
  node = EvmNode(VenueClock(), chain, every=every, forks=config.forks, seed=config.seed)
  async with trio.open_nursery() as nursery:
    nursery.start_soon(node.run)
    for written in config.faults:
      nursery.start_soon(node.fault_later, parse_fault(written))
    task_status.started(await nursery.start(serve, node, config.host, config.port))
