"""The configuration of the simulated EVM node, and its server."""

from functools import partial

import attrs
import trio
from bond_simkit import SimulatorError, faults_field, speed_field

from bond_sim.evm.faults import EVM_FAULTS


@attrs.frozen(kw_only=True)
class EvmConfig:
  """A block comes every `block_time` seconds, at `speed` 2 twice as often, with about as many
  transfers as `transfers` says. Every `forks` blocks (0: never) the last one to three blocks are
  replaced by others."""

  host: str = "127.0.0.1"
  port: int = 9008
  block_time: float = 12.0
  transfers: int = 20
  forks: int = 8
  speed: float = speed_field(1000)
  seed: int = 1
  ahead: float = 0.0
  faults: list[str] = faults_field(EVM_FAULTS)

  def __attrs_post_init__(self) -> None:
    if self.block_time / self.speed < 0.01:
      raise SimulatorError(f"blocks every {self.block_time / self.speed:g} s are too many")
    if not 1 <= self.transfers <= 1000 or self.forks < 0:
      raise SimulatorError("expected 1 to 1000 transfers in a block, and forks of 0 or more")


async def serve_evm(
  config: EvmConfig, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves until cancelled and reports the base URL."""
  from bond_simkit import VenueClock, serve_site, strike_in_time

  from bond_sim.evm.chain import EvmChain
  from bond_sim.evm.node import EvmNode

  every = config.block_time / config.speed
  chain = EvmChain(config.seed, config.transfers)
  node = EvmNode(
    VenueClock(ahead=config.ahead), chain, every=every, forks=config.forks, seed=config.seed
  )
  faults = [EVM_FAULTS.parse(written) for written in config.faults]
  async with trio.open_nursery() as nursery:
    nursery.start_soon(node.run)
    nursery.start_soon(partial(strike_in_time, faults, node.fault, first_client=node.first_client))
    task_status.started(await nursery.start(serve_site, node, config.host, config.port))
