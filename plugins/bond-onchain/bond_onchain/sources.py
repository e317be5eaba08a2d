"""The sources this plugin offers."""

from bond_core.components import Out, SourceContext, SourceSpec
from bond_core.events import ChainEvent, Gap
from bond_onchain.config import Solana


async def _solana(config: Solana, out: Out, ctx: SourceContext) -> None:
  from bond_onchain.running import run_solana

  await run_solana(config, out, ctx)


SPECS = [
  SourceSpec(
    name="onchain.solana",
    summary="Transactions, transfers, blocks and balances of Solana, from a Geyser node.",
    config=Solana,
    emits=(ChainEvent, Gap),
    run=_solana,
    words=("solana transfers", "solana transactions", "solana blocks", "spl transfers"),
    simulator="geyser",
    mock=Solana.is_mock,
    exchange=lambda config: "solana",
    terms="those of the node's provider",
    example="{symbols: [USDC], min_amount: 100000}",
  )
]
