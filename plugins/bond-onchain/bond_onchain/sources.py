"""The sources this plugin offers."""

from bond_core import ChainEvent, Gap, Out, SourceContext, SourceType
from bond_onchain.config import Solana


async def _solana(config: Solana, out: Out, ctx: SourceContext) -> None:
  from bond_onchain.running import run_solana

  await run_solana(config, out, ctx)


SOURCES = [
  SourceType(
    name="onchain.solana",
    summary="Transactions, transfers, blocks and balances of Solana, from a Geyser node.",
    config=Solana,
    emits=(ChainEvent, Gap),
    run=_solana,
    words=("solana transfers", "solana transactions", "solana blocks", "spl transfers"),
    aliases={"onchain": {}, "onchain.grpc": {}, "onchain:sol": {}, "onchain:solana": {}},
    environment=("GRPC_ENDPOINT", "GRPC_TOKEN", "ONCHAIN_MODE"),
    simulator="geyser",
    mock=Solana.is_mock,
    exchange=lambda config: "solana",
    terms="those of the node's provider",
    example="{symbols: [USDC], min_amount: 100000}",
  )
]
