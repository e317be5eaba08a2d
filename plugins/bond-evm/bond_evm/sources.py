"""The source that this plugin offers."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from bond_core import ChainEvent, Gap, SourceType
from bond_evm.chains import CHAINS
from bond_evm.config import Evm

if TYPE_CHECKING:
  from bond_core.feeds import Handshake
  from bond_core.sessions import WebSocketTransport
  from bond_evm.session import EvmSession

MAX_MESSAGE = 128 * 1024 * 1024
"""Bytes: 10,000 logs are about ten million."""
MAX_GUARDED = 16 * 1024 * 1024
"""The same of a node that a spec from outside named, which this machine's user need not trust."""


def _session(config: Evm) -> "EvmSession":
  from bond_evm.session import EvmSession

  return EvmSession(config, config.node())


def _transport(handshake: "Handshake") -> AbstractAsyncContextManager["WebSocketTransport"]:
  from bond_core.sessions import open_websocket_transport

  most = MAX_MESSAGE if handshake.allowance is None else MAX_GUARDED
  return open_websocket_transport(handshake, max_message_bytes=most)


def _account(config: Evm) -> str | None:
  own = config.url is None and config.endpoint is None and not config.is_mock()
  return "EVM_ENDPOINT" if own else None


SOURCES = [
  SourceType(
    name="onchain.evm",
    summary="Transfers of tokens and ether, blocks and fees of Ethereum and its kin, from a node.",
    config=Evm,
    emits=(ChainEvent, Gap),
    session=_session,
    transport=_transport,
    words=("ethereum blocks", "ethereum transfers"),
    aliases={
      "onchain:eth": {"chain": "ethereum"},
      **{f"onchain:{chain}": {"chain": chain} for chain in CHAINS},
    },
    environment=("EVM_ENDPOINT",),
    account=_account,
    simulator="evm",
    mock=Evm.is_mock,
    exchange=lambda config: str(config.chain),
    public=True,
    terms="those of the node's provider",
    example="{symbols: [USDT, USDC], min_value: 100000}",
  )
]
