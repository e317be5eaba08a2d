"""Transfers of the chain's own currency: what the transactions of each block move, read by the
block's hash, with the receipts that say which of them succeeded.

They are in no log, so that a block has to be read whole; in return its hash proves that it is the
one. What contracts move inside a transaction is in traces only and not read. Blocks are sent in the
order of the chain.
"""

from collections.abc import Callable
from functools import partial

import attrs

from bond_core import ChainEvent
from bond_evm.backfill import is_gone
from bond_evm.calls import Call, never
from bond_evm.config import Evm
from bond_evm.events import NATIVE_DECIMALS, EventWriter
from bond_evm.messages import (
  Block,
  Error,
  Message,
  Receipt,
  Sent,
  read_receipt,
  read_receipts,
  read_sent,
)
from bond_evm.tip import DEPTH

FEW = 4
"""So many receipts are requested one by one; of more, all of the block."""
ROUNDS = 6
"""How often the requests of a block are begun anew, after the tries of each."""
METHOD_NOT_FOUND, INVALID_PARAMS = -32601, -32602


@attrs.define(eq=False)
class _Reading:
  """A block while it is read. `left` are transactions whose receipts have not come; `events` are
  there when it is read."""

  block: Block
  rounds: int = 0
  left: dict[str, Sent] = attrs.field(factory=dict)
  receipts: dict[str, Receipt] = attrs.field(factory=dict)
  moved: list[Sent] = attrs.field(factory=list)
  events: list[ChainEvent] | None = None


class NativeTransfers:
  """The transfers of the currency `symbol`. `emit` takes events, `request` calls to the node,
  `lost` a block that cannot be read, and why; `now_ms` returns the time."""

  def __init__(
    self,
    config: Evm,
    symbol: str,
    writer: EventWriter,
    *,
    emit: Callable[[ChainEvent], None],
    request: Callable[[Call], None],
    lost: Callable[[Block, str], None],
    now_ms: Callable[[], int],
  ) -> None:
    self._symbol = symbol
    self._least = config.min_value * 10**NATIVE_DECIMALS
    self._wallets = frozenset(account.lower() for account in config.accounts)
    self._direction = config.direction
    self._writer = writer
    self._emit, self._request, self._lost, self._now_ms = emit, request, lost, now_ms
    self._reading: dict[str, _Reading] = {}
    self._sent: dict[str, tuple[int, list[ChainEvent]]] = {}
    self._most = max(config.backfill, DEPTH)
    self._whole_receipts = True
    """Whether the node answers the receipts of a block at once, as far as is known."""

  @property
  def waiting(self) -> list[Block]:
    """The blocks that are not read yet."""
    return [reading.block for reading in self._reading.values()]

  def opened(self) -> None:
    """A new connection: what the last one did not answer is requested again."""
    for reading in self._reading.values():
      if reading.events is None:
        self._begin(reading)

  def add(self, block: Block) -> None:
    """The chain goes on with a block. Of more than `backfill` that are not read, as of a node that
    never answers, the oldest is given up."""
    if len(self._reading) >= self._most:
      self._give_up(next(iter(self._reading.values())), "too many blocks wait for their answers")
    reading = self._reading[block.hash] = _Reading(block)
    self._begin(reading)

  def remove(self, block: Block) -> None:
    """A block is not part of the chain any more."""
    self._reading.pop(block.hash, None)
    _, events = self._sent.pop(block.hash, (0, []))
    for event in reversed(events):
      self._emit(self._writer.removal(event, self._now_ms()))
    self._send()

  def forget(self, below: int) -> None:
    """Forgets blocks below this number: their transfers cannot be retracted any more."""
    for name in [name for name, (number, _) in self._sent.items() if number < below]:
      del self._sent[name]

  # Requests --------------------------------------------------------------------------------------

  def _begin(self, reading: _Reading) -> None:
    reading.left, reading.receipts = {}, {}

    def done(message: Message) -> bool:
      found = read_sent(message.result, reading.block.hash)
      if found is None:
        return False
      reading.moved = [sent for sent in found if self._is_wanted(sent)]
      reading.left = {sent.txid: sent for sent in reading.moved}
      self._request_receipts(reading)
      return True

    self._call(reading, "eth_getBlockByHash", [reading.block.hash, True], done)

  def _request_receipts(self, reading: _Reading) -> None:
    if not reading.left:
      self._complete(reading)
    elif len(reading.left) > FEW and self._whole_receipts:

      def done(message: Message) -> bool:
        found = read_receipts(message.result, reading.block.hash)
        if found is None or not reading.left.keys() <= found.keys():
          return False
        reading.receipts = found
        self._complete(reading)
        return True

      self._call(reading, "eth_getBlockReceipts", [reading.block.hash], done)
    else:
      for txid in reading.left:
        done_one = partial(self._on_receipt, reading, txid)
        self._call(reading, "eth_getTransactionReceipt", [txid], done_one)

  def _on_receipt(self, reading: _Reading, txid: str, message: Message) -> bool:
    found = read_receipt(message.result, reading.block.hash)
    if found is None or found[0] != txid:
      return False
    reading.receipts[txid] = found[1]
    reading.left.pop(txid, None)
    if not reading.left:
      self._complete(reading)
    return True

  def _call(
    self, reading: _Reading, method: str, params: list[object], done: Callable[[Message], bool]
  ) -> None:
    began = reading.rounds

    def current(message: Message) -> bool:
      # An answer for a block that was removed, or that is requested anew, is nobody's.
      return not self._is_open(reading, began) or done(message)

    def failed(error: Error) -> None:
      if self._is_open(reading, began):
        self._failed(reading, method, error)

    final = _without_method if method == "eth_getBlockReceipts" else never
    self._request(Call(method, params, current, failed, lambda e: is_gone(e) or final(e)))

  def _is_open(self, reading: _Reading, began: int) -> bool:
    known = self._reading.get(reading.block.hash)
    return known is reading and reading.events is None and reading.rounds == began

  def _failed(self, reading: _Reading, method: str, error: Error) -> None:
    reading.rounds += 1
    if method == "eth_getBlockReceipts" and _without_method(error):
      self._whole_receipts = False
      self._request_receipts(reading)
    elif is_gone(error) or (reading.rounds >= ROUNDS and self._others_are_read):
      self._give_up(reading, str(error))
    else:
      self._begin(reading)

  @property
  def _others_are_read(self) -> bool:
    """Whether a block waits that could be read: the node refuses another one, not everything."""
    return any(reading.events is not None for reading in self._reading.values())

  def _give_up(self, reading: _Reading, why: str) -> None:
    del self._reading[reading.block.hash]
    self._lost(reading.block, f"transfers of a block cannot be read: {why}")
    self._send()

  # Events ----------------------------------------------------------------------------------------

  def _is_wanted(self, sent: Sent) -> bool:
    if not sent.amount or sent.amount < self._least:
      return False
    out = self._direction != "in" and sent.sender in self._wallets
    into = self._direction != "out" and sent.receiver in self._wallets
    # Who receives what makes a contract is in its receipt, and no wallet.
    return not self._wallets or out or into

  def _complete(self, reading: _Reading) -> None:
    reading.events = []
    for sent in reading.moved:
      receipt = reading.receipts[sent.txid]
      if receipt.succeeded:
        receiver = sent.receiver or receipt.contract
        event = self._writer.native(sent, receiver, reading.block, self._symbol, self._now_ms())
        reading.events.append(event)
    self._send()

  def _send(self) -> None:
    """Sends blocks that are read, up to the first that is not."""
    for name, reading in list(self._reading.items()):
      if reading.events is None:
        return
      del self._reading[name]
      self._sent[name] = reading.block.number, reading.events
      for event in reading.events:
        self._emit(event)


def _without_method(error: Error) -> bool:
  """Returns whether a node does not give the receipts of a block by its hash."""
  return error.code in (METHOD_NOT_FOUND, INVALID_PARAMS)
