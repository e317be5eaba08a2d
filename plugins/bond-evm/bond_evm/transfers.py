"""Logs as transfers: each sent once, delayed until its contract has answered its decimals, and
retracted when its block is not part of the chain any more."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from bond_core import ChainEvent
from bond_evm.abi import (
  DECIMALS,
  SYMBOL,
  TRANSFER,
  as_topic,
  decimals_of,
  is_unindexed,
  symbol_of,
  transfer_of,
)
from bond_evm.calls import Call
from bond_evm.config import Evm
from bond_evm.events import EventWriter
from bond_evm.messages import UNREADABLE, Error, Log, Message, read_text
from bond_evm.sent import SentTransfers
from bond_evm.tokens import TokenInfo, Tokens

MAX_WAITING = 20_000
"""Transfers that wait for their contracts' answers; more are sent without decimals."""

_REVERTED = re.compile(r"revert|opcode|out of gas|stack|invalid jump", re.IGNORECASE)


def filters_of(config: Evm) -> list[dict[str, Any]]:
  """Returns the filters of logs of a configuration: one, or with accounts one for what they send
  and one for what they receive, or that of the `direction`. Topics of a filter are combined with
  AND, a list within them with OR."""
  tokens = sorted(config.token_filter())
  base: dict[str, Any] = {"address": tokens} if tokens else {}
  if not config.accounts:
    return [base | {"topics": [[TRANSFER]]}]
  wallets = sorted({as_topic(account) for account in config.accounts})
  filters = {
    "out": base | {"topics": [[TRANSFER], wallets]},
    "in": base | {"topics": [[TRANSFER], None, wallets]},
  }
  return list(filters.values()) if config.direction is None else [filters[config.direction]]


class Transfers:
  """The transfers of one chain. `emit` takes events, `request` calls to the node; `now_ms` returns
  the time, `hash_at` the hash of the chain's block of a number, `time_of` when a block was.
  `duplicates` counts logs that came again, `retracted` transfers that were retracted."""

  def __init__(
    self,
    config: Evm,
    writer: EventWriter,
    *,
    emit: Callable[[ChainEvent], None],
    request: Callable[[Call], None],
    now_ms: Callable[[], int],
    hash_at: Callable[[int], str | None],
    time_of: Callable[[str], int | None],
  ) -> None:
    self.duplicates = self.retracted = 0
    self.waiting = 0
    """Transfers that wait for their contracts' answers."""
    self._least = config.min_value
    self._writer = writer
    self._emit, self._request = emit, request
    self._now_ms, self._hash_at, self._time_of = now_ms, hash_at, time_of
    self._tokens = Tokens(config.known_tokens(), frozenset(a.lower() for a in config.addresses))
    self._sent = SentTransfers()
    self._waiting: dict[str, dict[tuple[str, str, int], Log]] = {}
    self._requested: set[str] = set()
    self._orphans: dict[str, int] = {}
    """Blocks whose transfers were retracted or left out since they were not the chain's, with their
    numbers."""

  def opened(self) -> None:
    """A new connection: requests of the last one are repeated."""
    self._requested.clear()
    for address in self._waiting:
      self._request_token(address)

  def take(self, log: Log) -> None:
    """Takes a log that was announced, or found."""
    key = log.block, log.txid, log.log_index
    waiting = self._waiting.get(log.address, {})
    if log.removed:
      if waiting.pop(key, None) is not None:
        self.waiting -= 1
      elif (event := self._sent.pop(log)) is not None:
        self._retract(event)
      return
    if log in self._sent or key in waiting:
      self.duplicates += 1
      return
    if transfer_of(log.topics, log.data) is None:
      return
    token = self._tokens.get(log.address)
    if token is not None or self.waiting >= MAX_WAITING:
      self._send(log, token or TokenInfo())
      return
    self._waiting.setdefault(log.address, {})[key] = log
    self.waiting += 1
    if log.address not in self._requested:
      self._request_token(log.address)

  def retract_orphans(self, hash_at: Callable[[int], str | None]) -> None:
    """Retracts transfers of blocks that are not those of the chain."""
    for event in self._sent.pop_orphans(hash_at):
      meta = event.meta or {}
      self._orphans[meta["block"]] = meta["height"]
      self._retract(event)

  def is_orphan(self, block: str) -> bool:
    """Whether transfers of this block were retracted. Logs may come before the head of their block,
    which then replaces another one."""
    return block in self._orphans

  def forget(self, below: int) -> None:
    """Forgets blocks below this number: their transfers are neither sent again nor retracted."""
    self._sent.forget(below)
    for name in [name for name, number in self._orphans.items() if number < below]:
      del self._orphans[name]

  def _send(self, log: Log, token: TokenInfo) -> None:
    moved = transfer_of(log.topics, log.data)
    if moved is None:
      return
    if token.decimals is None and is_unindexed(log.topics):
      return  # What has no decimals is a collectible, as far as is known.
    time = self._time_of(log.block) if log.time is None else log.time
    event = self._writer.transfer(log, moved, token, time, self._now_ms())
    if self._least and (event.value is None or event.value < self._least):
      return
    self._sent.add(log, event)
    self._emit(event)

  def _retract(self, event: ChainEvent) -> None:
    self.retracted += 1
    self._emit(self._writer.removal(event, self._now_ms()))

  # Contracts -------------------------------------------------------------------------------------

  def _request_token(self, address: str) -> None:
    """Requests a contract's decimals, then its symbol."""
    self._requested.add(address)
    self._call(address, DECIMALS, partial(self._decimals, address))

  def _decimals(self, address: str, answer: object) -> None:
    decimals = decimals_of(answer)

    def symbol(answer: object) -> None:
      self._release(address, self._tokens.add(address, decimals, symbol_of(answer)))

    self._call(address, SYMBOL, symbol)

  def _call(self, address: str, data: str, then: Callable[[object], None]) -> None:
    def done(message: Message) -> bool:
      answer = _text(message.result)
      if answer is None:
        return False
      then(answer)
      return True

    def failed(error: Error) -> None:
      if _is_reverted(error):
        then(None)
      else:
        # Sent without decimals for now, and requested again with the next transfer. What may be a
        # collectible as well cannot be sent so, and waits for the next answer.
        self._requested.discard(address)
        logs = self._waiting.pop(address, {})
        kept = {key: log for key, log in logs.items() if is_unindexed(log.topics)}
        self._waiting[address] = {key: log for key, log in logs.items() if key not in kept}
        self.waiting -= len(kept)
        self._release(address, TokenInfo())
        if kept:
          self._waiting[address] = kept
          self.waiting += len(kept)
          self._request_token(address)

    params = [{"to": address, "data": data}, "latest"]
    self._request(Call("eth_call", params, done, failed, final=_is_reverted))

  def _release(self, address: str, token: TokenInfo) -> None:
    logs = self._waiting.pop(address, {})
    self.waiting -= len(logs)
    for log in logs.values():
      if self._hash_at(log.number) in (None, log.block):
        self._send(log, token)
      else:
        self._orphans[log.block] = log.number


def _is_reverted(error: Error) -> bool:
  """Returns whether a contract has no such function, which is an answer (geth: code 3)."""
  return error.code == 3 or _REVERTED.search(error.message) is not None


def _text(answer: msgspec.Raw) -> object:
  try:
    return read_text(answer)
  except UNREADABLE:
    return None
