"""The source this plugin offers."""

from bond_core import ChainEvent, Gap, Out, SourceContext, SourceType
from bond_evm.chains import CHAINS
from bond_evm.config import Evm


async def _evm(config: Evm, out: Out, ctx: SourceContext) -> None:
  from bond_evm.running import run_evm

  await run_evm(config, out, ctx)


SOURCES = [
  SourceType(
    name="onchain.evm",
    summary="ERC-20 transfers, blocks and fees of Ethereum and other EVM chains, from a node.",
    config=Evm,
    emits=(ChainEvent, Gap),
    run=_evm,
    words=("ethereum blocks", "ethereum transfers"),
    aliases={
      "onchain:eth": {"chain": "ethereum"},
      **{f"onchain:{chain}": {"chain": chain} for chain in CHAINS},
    },
    environment=("EVM_ENDPOINT",),
    simulator="evm",
    mock=Evm.is_mock,
    exchange=lambda config: str(config.chain),
    terms="those of the node's provider",
    example="{symbols: [USDT, USDC], min_value: 100000}",
  )
]
