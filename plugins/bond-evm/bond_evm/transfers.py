"""Logs as transfers: each told once, held while its contract is asked for its decimals, taken back
when its block is not part of the chain any more."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from bond_core import ChainEvent
from bond_evm.abi import DECIMALS, SYMBOL, TRANSFER, as_topic, decimals_of, symbol_of, transfer_of
from bond_evm.calls import Call
from bond_evm.config import Evm
from bond_evm.events import Writer
from bond_evm.messages import UNREADABLE, Error, Log, Message, read_text
from bond_evm.tokens import Known, Tokens
from bond_evm.told import Told

MAX_HELD = 20_000
"""Transfers of contracts that are being asked; more are told without decimals."""

_REVERTED = re.compile(r"revert|opcode|out of gas|stack|invalid jump", re.IGNORECASE)


def filters_of(config: Evm) -> list[dict[str, Any]]:
  """The filters of logs that a configuration asks for: one, or with accounts one for what they send
  and one for what they get. Places of topics are AND, what is at one place is OR."""
  tokens = sorted(config.wanted_tokens())
  base: dict[str, Any] = {"address": tokens} if tokens else {}
  if not config.accounts:
    return [base | {"topics": [[TRANSFER]]}]
  wallets = sorted({as_topic(account) for account in config.accounts})
  return [
    base | {"topics": [[TRANSFER], wallets]},
    base | {"topics": [[TRANSFER], None, wallets]},
  ]


class Transfers:
  """The transfers of one chain. `put` takes events, `ask` requests to the node; `now_ms` tells the
  time, `hash_at` the chain's block of a number, `time_of` when a block was. `duplicates` counts
  logs that came again, `retracted` transfers that were taken back."""

  def __init__(
    self,
    config: Evm,
    write: Writer,
    *,
    put: Callable[[ChainEvent], None],
    ask: Callable[[Call], None],
    now_ms: Callable[[], int],
    hash_at: Callable[[int], str | None],
    time_of: Callable[[str], int | None],
  ) -> None:
    self.duplicates = self.retracted = 0
    self.held = 0
    """Transfers that wait for what their contract answers."""
    self._least = config.min_value
    self._write = write
    self._put, self._ask = put, ask
    self._now_ms, self._hash_at, self._time_of = now_ms, hash_at, time_of
    self._tokens = Tokens(config.listed(), frozenset(a.lower() for a in config.addresses))
    self._told = Told()
    self._held: dict[str, dict[tuple[str, str, int], Log]] = {}
    self._asked: set[str] = set()

  def opened(self) -> None:
    """A new connection: what the last one was asked is asked again."""
    self._asked.clear()
    for address in self._held:
      self._ask_contract(address)

  def take(self, log: Log) -> None:
    """A log that was announced, or found."""
    key = log.block, log.txid, log.place
    held = self._held.get(log.address, {})
    if log.removed:
      if held.pop(key, None) is not None:
        self.held -= 1
      elif (event := self._told.take(log)) is not None:
        self._take_back(event)
      return
    if log in self._told or key in held:
      self.duplicates += 1
      return
    if transfer_of(log.topics, log.data) is None:
      return
    known = self._tokens.get(log.address)
    if known is not None or self.held >= MAX_HELD:
      self._tell(log, known or Known())
      return
    self._held.setdefault(log.address, {})[key] = log
    self.held += 1
    if log.address not in self._asked:
      self._ask_contract(log.address)

  def take_back_strays(self, hash_at: Callable[[int], str | None]) -> None:
    """Takes back what was told of blocks that are not those of the chain."""
    for event in self._told.strays(hash_at):
      self._take_back(event)

  def forget(self, below: int) -> None:
    """What was told of blocks below this number is not told again and not taken back."""
    self._told.forget(below)

  def _tell(self, log: Log, known: Known) -> None:
    moved = transfer_of(log.topics, log.data)
    if moved is None:
      return
    time = self._time_of(log.block) if log.time is None else log.time
    event = self._write.transfer(log, moved, known, time, self._now_ms())
    if self._least and (event.value is None or event.value < self._least):
      return
    self._told.add(log, event)
    self._put(event)

  def _take_back(self, event: ChainEvent) -> None:
    self.retracted += 1
    self._put(self._write.taken_back(event, self._now_ms()))

  # Contracts -------------------------------------------------------------------------------------

  def _ask_contract(self, address: str) -> None:
    """Asks a contract for its decimals, then for its symbol."""
    self._asked.add(address)
    self._call(address, DECIMALS, partial(self._decimals, address))

  def _decimals(self, address: str, answer: object) -> None:
    decimals = decimals_of(answer)

    def symbol(said: object) -> None:
      self._release(address, self._tokens.learn(address, decimals, symbol_of(said)))

    self._call(address, SYMBOL, symbol)

  def _call(self, address: str, data: str, then: Callable[[object], None]) -> None:
    def done(message: Message) -> bool:
      then(_text(message.result))
      return True

    def failed(error: Error) -> None:
      if _is_reverted(error):
        then(None)
      else:
        # Told without decimals for now, and asked again with the next transfer.
        self._asked.discard(address)
        self._release(address, Known())

    params = [{"to": address, "data": data}, "latest"]
    self._ask(Call("eth_call", params, done, failed, final=_is_reverted))

  def _release(self, address: str, known: Known) -> None:
    held = self._held.pop(address, {})
    self.held -= len(held)
    for log in held.values():
      if self._hash_at(log.number) in (None, log.block):
        self._tell(log, known)


def _is_reverted(error: Error) -> bool:
  """Whether a contract has no such function, which is an answer; 3 is geth's code for it."""
  return error.code == 3 or _REVERTED.search(error.message) is not None


def _text(answer: msgspec.Raw) -> object:
  try:
    return read_text(answer)
  except UNREADABLE:
    return None
