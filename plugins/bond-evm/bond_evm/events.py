"""Events: transfers, blocks, fees, and what of them was removed."""

from typing import Any

import msgspec

from bond_core import ChainEvent, ChainKind, Gap
from bond_evm.messages import Block, Log, Sent
from bond_evm.tokens import TokenInfo

GWEI = 10**9
NATIVE_DECIMALS = 18
REMOVED = "removed"


class EventWriter:
  """Makes events of one chain; `symbol` is that of all events but transfers.

  Events have no venue time: a block has the time when its slot began, which is seconds before
  anybody has it, so in windows it would always be late. It is in `time`.
  """

  def __init__(self, chain: str, symbol: str) -> None:
    self._chain = chain
    self._symbol = symbol

  def transfer(
    self, log: Log, moved: tuple[str, str, int], token: TokenInfo, time: int | None, now_ms: int
  ) -> ChainEvent:
    """Returns a transfer. Its value is in whole tokens, None where the decimals are not known."""
    sender, receiver, amount = moved
    decimals = token.decimals
    meta: dict[str, Any] = {
      "txid": log.txid,
      "log_index": log.log_index,
      "height": log.number,
      "block": log.block,
      "time": time,
      "status": "confirmed",
      "token": log.address,
      "from": sender,
      "to": receiver,
      "amount": str(amount),
      "decimals": decimals,
    }
    if token.symbol is None:
      meta["says"] = token.says
    value = None if decimals is None else amount / 10**decimals
    return self._event("transfer", token.symbol or log.address, value, meta, now_ms)

  def native(
    self, sent: Sent, receiver: str | None, block: Block, symbol: str, now_ms: int
  ) -> ChainEvent:
    """Returns a transfer of the chain's own currency: in the form of one of tokens, without a
    contract and its log."""
    meta: dict[str, Any] = {
      "txid": sent.txid,
      "log_index": None,
      "height": block.number,
      "block": block.hash,
      "time": block.time,
      "status": "confirmed",
      "token": None,
      "from": sent.sender,
      "to": receiver,
      "amount": str(sent.amount),
      "decimals": NATIVE_DECIMALS,
    }
    value = sent.amount / 10**NATIVE_DECIMALS
    return self._event("transfer", symbol, value, meta, now_ms)

  def block(self, block: Block, now_ms: int, *, removed: bool = False) -> ChainEvent:
    """Returns a block. Its value is the number of its transactions."""
    meta = _figures(block)
    meta |= {"previous": block.parent, "status": REMOVED if removed else "confirmed"}
    meta["miner"] = block.miner
    count = block.transactions
    return self._event("block", self._symbol, None if count is None else float(count), meta, now_ms)

  def metric(self, block: Block, now_ms: int) -> ChainEvent:
    """Returns the base fee of a block, in Gwei."""
    fee = None if block.base_fee is None else block.base_fee / GWEI
    meta = _figures(block) | {"full": _share(block.gas_used, block.gas_limit)}
    return self._event("metric", self._symbol, fee, meta, now_ms)

  def removal(self, event: ChainEvent, now_ms: int) -> ChainEvent:
    """Returns an event again, with the status removed."""
    meta = {**(event.meta or {}), "status": REMOVED}
    return msgspec.structs.replace(
      event, meta=meta, ts_event=now_ms, ts_internal=None, seq_internal=None
    )

  def gap(self, cause: str, since_ms: int, now_ms: int, first: int | None, last: int | None) -> Gap:
    """Returns the gap of blocks (both included) of which events are missing."""
    return Gap(
      exchange=self._chain,
      symbol="*",
      channel="chain",
      ts_event=now_ms,
      ts_from=since_ms,
      ts_to=now_ms,
      venue_from=first,
      venue_to=last,
      cause=cause,
    )

  def _event(
    self, kind: ChainKind, symbol: str, value: float | None, meta: dict[str, Any], now_ms: int
  ) -> ChainEvent:
    return ChainEvent(
      exchange=self._chain,
      symbol=symbol,
      ts_event=now_ms,
      chain=self._chain,
      kind=kind,
      value=value,
      meta=meta,
    )


def _figures(block: Block) -> dict[str, Any]:
  return {
    "hash": block.hash,
    "height": block.number,
    "time": block.time,
    "transactions": block.transactions,
    "gas_used": block.gas_used,
    "gas_limit": block.gas_limit,
    "base_fee": block.base_fee,
  }


def _share(part: int, whole: int) -> float | None:
  return round(part / whole, 6) if whole else None
