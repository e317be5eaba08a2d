"""The source that this plugin offers."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from bond_core import ChainEvent, Gap, SourceType
from bond_onchain.config import Solana

if TYPE_CHECKING:
  from bond_onchain.session import SolanaSession, Subscribe
  from bond_onchain.transport import GeyserTransport


def _session(config: Solana) -> "SolanaSession":
  from bond_onchain.node import node_of
  from bond_onchain.session import SolanaSession

  return SolanaSession(config, node_of(config))


def _transport(subscribe: "Subscribe") -> AbstractAsyncContextManager["GeyserTransport"]:
  from bond_onchain.transport import open_transport

  return open_transport(subscribe)


def _account(config: Solana) -> str | None:
  return "GRPC_ENDPOINT" if config.endpoint is None and not config.is_mock() else None


SOURCES = [
  SourceType(
    name="onchain.solana",
    summary="Transactions, transfers, blocks and balances of Solana, from a Geyser node.",
    config=Solana,
    emits=(ChainEvent, Gap),
    session=_session,
    transport=_transport,
    words=("solana transfers", "solana transactions", "solana blocks", "spl transfers"),
    aliases={"onchain": {}, "onchain.grpc": {}, "onchain:sol": {}, "onchain:solana": {}},
    environment=("GRPC_ENDPOINT", "GRPC_TOKEN", "ONCHAIN_MODE"),
    account=_account,
    simulator="geyser",
    mock=Solana.is_mock,
    exchange=lambda config: "solana",
    public=True,
    terms="those of the node's provider",
    example="{symbols: [USDC], min_amount: 100000}",
  )
]
