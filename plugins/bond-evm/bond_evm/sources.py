"""The source this plugin offers."""

from bond_core.components import Out, SourceContext, SourceSpec
from bond_core.events import ChainEvent, Gap
from bond_evm.config import Evm


async def _evm(config: Evm, out: Out, ctx: SourceContext) -> None:
  from bond_evm.running import run_evm

  await run_evm(config, out, ctx)


SPECS = [
  SourceSpec(
    name="onchain.evm",
    summary="ERC-20 transfers, blocks and fees of Ethereum and other EVM chains, from a node.",
    config=Evm,
    emits=(ChainEvent, Gap),
    run=_evm,
    words=("ethereum blocks", "ethereum transfers"),
    simulator="evm",
    mock=Evm.is_mock,
    exchange=lambda config: str(config.chain),
    terms="those of the node's provider",
    example="{symbols: [USDT, USDC], min_value: 100000}",
  )
]
