"""A mempool server as a Feed."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

import msgspec

from bond_bitcoin.blocks import Step, Tip, far_off
from bond_bitcoin.config import Connection, Kind
from bond_bitcoin.messages import (
  EMPTY,
  NOTHING,
  SATOSHI,
  UNREADABLE,
  Entered,
  Fees,
  MempoolInfo,
  Message,
  Transaction,
  as_block,
  as_transaction,
  read_addresses,
  read_block,
  read_entered,
  read_fees,
  read_info,
  read_message,
  read_number,
  read_rows,
)
from bond_core import Batch, ChainEvent, Gap, Instrument, Refused
from bond_core.feeds import (
  Action,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Pong,
  Reject,
  Response,
  Send,
  Subscription,
  own_words,
  said,
)

T = TypeVar("T")

EXCHANGE = CHAIN = "bitcoin"
SYMBOL = "BTC"
INSTRUMENT = Instrument(EXCHANGE, None, SYMBOL)

LEAP = 1_000_000
"""So many changes are not left out at once."""

MAX_SEEN = 200_000
"""Transactions that are known to have had their event."""

GONE = -1.0
"""Stands for what a transaction moves that was taken back."""

LIMITS = Limits(
  messages=(5, 1.0),
  connects=(10, 60.0),
  ping_after=30.0,
  ping_text=b'{"action":"ping"}',
)
# The server publishes no rates; these are modest.


UNHEARD_NS = 30 * 1_000_000_000
"""So long after its requests a connection without any message has them sent again."""

WITHOUT_CHANGES = 5
"""So many statistics in a row without a requested change mean that the request was not read."""


class BitcoinFeed:
  """The feed of one connection identity. `duplicates` counts transactions that came again and were
  left out, `unknown` messages without a part that is read here."""

  exchange = EXCHANGE

  def __init__(self, connection: Connection) -> None:
    self.actions: deque[Action] = deque()
    self.duplicates = 0
    self.unreadable = 0
    self.unknown = 0
    self._to = connection
    self._kinds = connection.kinds
    self._whole = connection.values or "transfer" in connection.kinds
    self._subscriptions: dict[int, list[Subscription]] = {}
    self._received_ns: int | None = None
    self._tip = Tip()
    # A connection's own: another one may lag behind it, or count from elsewhere.
    self._sequences: dict[int, int] = {}
    self._doubted: dict[int, int] = {}
    self._without_changes: dict[int, int] = {}
    # When connections that had no message yet were last sent their requests, and which ones again.
    self._requested_ns: dict[int, int] = {}
    self._requested_again: set[int] = set()
    # With what they move.
    self._seen: OrderedDict[tuple[str, str], float | None] = OrderedDict()
    self._info: MempoolInfo | None = None
    self._fees: Fees | None = None
    self._vbytes_per_second: float | None = None
    self._metric_ns: int | None = None

  # What it takes ------------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    if subscription.channel != "chain" or subscription.instrument != INSTRUMENT:
      raise Refused(f"there is no {subscription} here; of bitcoin there is only the chain of BTC")
    return EXCHANGE

  def limits(self, group: str) -> Limits:
    return LIMITS

  def silence(self, subscription: Subscription) -> float | None:
    return None  # The server sends what changed in its mempool, which on a quiet chain is nothing.

  def last_received(self, subscription: Subscription) -> int | None:
    return self._received_ns

  def snapshot_weight(self, subscription: Subscription) -> int:
    return 0

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    # Statistics come with every change of the mempool, so its rhythm is known from them.
    messages: list[dict[str, Any]] = [{"action": "want", "data": ["blocks", "stats"]}]
    if self._kinds & {"tx", "transfer"}:
      if self._to.accounts:
        messages.append({"track-addresses": list(self._to.accounts)})
      else:
        messages.append({"track-mempool" if self._whole else "track-mempool-txids": True})
    return [msgspec.json.encode(message) for message in messages]

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    return Handshake(self._to.url)

  # Connections ---------------------------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self._subscriptions[connection] = list(subscriptions)
    self._received_ns = now.mono_ns
    self._request(connection, now)

  def _request(self, connection: int, now: Moment) -> None:
    self._requested_ns[connection] = now.mono_ns
    for message in self.opening_messages(EXCHANGE, self._subscriptions[connection]):
      self.actions.append(Send(connection, message))

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    carried = self._subscriptions.get(connection, [])
    self._subscriptions[connection] = [s for s in carried if s not in removed] + added

  def on_close(self, connection: int) -> None:
    self._subscriptions.pop(connection, None)
    for of_connection in (
      self._sequences, self._doubted, self._without_changes, self._requested_ns,
    ):  # fmt: skip
      of_connection.pop(connection, None)
    self._requested_again.discard(connection)

  def on_timer(self, now: Moment) -> Batch:
    for connection, since in list(self._requested_ns.items()):
      if now.mono_ns - since >= UNHEARD_NS:
        # Requests have no answer; a server that has read them sends something in this time.
        self._requested_again.add(connection)
        self._request(connection, now)
    return []

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    return []  # Nothing is ever fetched.

  def explain(self, status: int, body: bytes) -> str | None:
    if status == 429:
      return f"the mempool server limits new connections{said(body)}; wait, or run your own"
    return None

  # Messages ------------------------------------------------------------------------------------

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    out: Batch = []
    if not self._subscriptions.get(connection):
      return out
    for frame in frames:
      try:
        message = read_message(frame)
      except UNREADABLE as exc:
        self._lost(exc, received, out)
        continue
      if message.pong is not NOTHING:
        self.actions.append(Pong(connection))
        continue
      self._received_ns = received.mono_ns
      if self._requested_ns.pop(connection, None) and connection in self._requested_again:
        self._requested_again.discard(connection)
        out.append(_gap("what was requested had not been read, and was requested again", received))
      if message.error is not None:
        for subscription in self._subscriptions[connection]:
          reason = f"the mempool server says: {own_words(message.error)}"
          self.actions.append(Reject(subscription, reason))
        continue
      self.unknown += message == EMPTY
      # Each part is read by itself: one that cannot be read spoils no other.
      for part in (self._blocks, self._entered, self._of_accounts, self._metric):
        try:
          out += part(connection, message, received)
        except UNREADABLE as exc:
          self._lost(exc, received, out)
    return out

  def _lost(self, exc: Exception, received: Moment, out: Batch) -> None:
    self.unreadable += 1
    cause = f"a message could not be read: {str(exc)[:200] or type(exc).__name__}"
    out.append(_gap(cause, received, missed=1))

  def _readable(
    self, items: list[Any], read: Callable[[Any], T], received: Moment, out: Batch
  ) -> Iterator[T]:
    """The items that can be read; the others are declared, each by itself."""
    for item in items:
      try:
        yield read(item)
      except UNREADABLE as exc:
        self._lost(exc, received, out)

  def _blocks(self, connection: int, message: Message, received: Moment) -> Batch:
    steps: list[Step] = []
    out: Batch = []
    if message.blocks is not NOTHING:
      rows = list(self._readable(read_rows(message.blocks), as_block, received, out))
      wrong = far_off(rows)
      for block in wrong:
        self._lost(ValueError(f"block {block.height} is none of the latest"), received, out)
      steps += self._tip.latest(block for block in rows if block not in wrong)
    if message.block is not NOTHING:
      steps += self._tip.new(read_block(message.block))
    if "block" not in self._kinds:
      return out
    for step in steps:
      if step.missed:
        height = step.block.height
        lost = f"blocks {height - step.missed} to {height - 1} did not come"
        out.append(_gap(lost, received, missed=step.missed))
      out.append(_block_event(step, received))
    return out

  def _entered(self, connection: int, message: Message, received: Moment) -> Batch:
    part = message.transactions if message.transactions is not NOTHING else message.txids
    if part is NOTHING:
      return [] if message.info is NOTHING else self._unheard(connection, received)
    self._without_changes[connection] = 0
    entered = read_entered(part)
    out: Batch = []
    whole = message.transactions is not NOTHING
    found = list(self._readable(entered.added, partial(_identified, whole=whole), received, out))
    replaces: dict[str, list[str]] = {}
    for pair in entered.replaced:
      by = pair.by["txid"] if isinstance(pair.by, dict) else pair.by
      replaces.setdefault(str(by), []).append(pair.replaced)
    # A message that came again brings nothing back that has left the mempool since.
    is_news = entered.sequence > self._sequences.get(connection, -1)
    out += self._numbered(connection, entered, received)
    by = {old: new for new, replaced in replaces.items() for old in replaced}
    for txid in (*by, *(txid for txid in entered.removed if isinstance(txid, str))):
      out += self._undone(txid, by.get(txid), received)
    for txid, tx in found:
      moved = None if tx is None else moved_by(tx)
      if self._seen.get((txid, "")) == GONE and is_news:
        del self._seen[txid, ""]
      if not self._new(txid, "", moved):
        continue
      meta: dict[str, Any] = {"txid": txid, "status": "mempool"}
      if txid in replaces:
        meta["replaces"] = replaces[txid]
      if tx is not None:
        meta |= _figures(tx)
      out += self._moved(moved, meta, received)
    return out

  def _moved(
    self, moved: float | None, meta: dict[str, Any], received: Moment
  ) -> Iterable[ChainEvent]:
    if "tx" in self._kinds:
      yield _event("tx", moved, meta, received)
    if "transfer" in self._kinds and moved is not None and moved >= self._to.min_amount:
      yield _event("transfer", moved, meta, received)

  def _undone(self, txid: str, by: str | None, received: Moment) -> Iterable[ChainEvent]:
    """Takes a transaction back that had its event, and is in no block."""
    moved = self._seen.get((txid, ""), GONE)
    if moved != GONE:
      self._seen[txid, ""] = GONE
      meta = {"txid": txid, "status": "removed"} | ({"replaced_by": by} if by else {})
      yield from self._moved(moved, meta, received)

  def _unheard(self, connection: int, received: Moment) -> Batch:
    """A change of the mempool without its transactions. Requests have no answer, so several of them
    show that one was not read; it is sent again, and what did not come is declared."""
    if self._to.accounts or not self._kinds & {"tx", "transfer"}:
      return []
    count = self._without_changes.get(connection, 0) + 1
    self._without_changes[connection] = count % WITHOUT_CHANGES
    if count < WITHOUT_CHANGES:
      return []
    self.actions.append(Send(connection, self.opening_messages(EXCHANGE, [])[-1]))
    return [_gap("the mempool changed, and its transactions did not come", received)]

  def _numbered(self, connection: int, entered: Entered, received: Moment) -> Iterable[Gap]:
    last, number = self._sequences.get(connection), entered.sequence
    self._sequences[connection] = number
    doubted = self._doubted.pop(connection, None)
    if last is None or number in (last, last + 1) or doubted == number - 1:
      return
    if number - last > LEAP:
      # It is believed when the next one follows it.
      self._sequences[connection], self._doubted[connection] = last + 1, number
      yield _gap(f"a change of the mempool has the number {number}, the last one {last}", received)
      return
    if entered.sequence < last:
      cause = f"the numbers of changes went back from {last} to {entered.sequence}"
      yield _gap(cause, received)
      return
    first, end = last + 1, entered.sequence - 1
    cause = f"changes {first} to {end} of the mempool did not come"
    yield _gap(cause, received, venue_from=first, venue_to=end)

  def _of_accounts(self, connection: int, message: Message, received: Moment) -> Batch:
    out: Batch = []
    if message.addresses is NOTHING:
      return out
    for account, found in read_addresses(message.addresses).items():
      for status, transactions in (("mempool", found.mempool), ("confirmed", found.confirmed)):
        for tx in self._readable(transactions, as_transaction, received, out):
          if self._new(tx.txid, account):
            out += self._of_account(tx, account, status, received)
      for tx in self._readable(found.removed, as_transaction, received, out):
        if (tx.txid, account) in self._seen:
          del self._seen[tx.txid, account]
          out += self._of_account(tx, account, "removed", received)
    return out

  def _of_account(
    self, tx: Transaction, account: str, status: str, received: Moment
  ) -> Iterable[ChainEvent]:
    net = net_of(tx, account)
    meta: dict[str, Any] = {"txid": tx.txid, "status": status, "account": account}
    meta |= {"direction": "in" if net >= 0 else "out", "height": tx.status.block_height}
    meta |= _figures(tx)
    if "tx" in self._kinds:
      yield _event("tx", moved_by(tx), meta, received)
    if "transfer" in self._kinds and abs(net) >= self._to.min_amount:
      yield _event("transfer", abs(net), meta, received)

  def _metric(self, connection: int, message: Message, received: Moment) -> Batch:
    if message.info is not NOTHING:
      self._info = read_info(message.info)
    if message.vbytes_per_second is not NOTHING:
      self._vbytes_per_second = read_number(message.vbytes_per_second)
    if message.fees is not NOTHING:
      self._fees = read_fees(message.fees)
    changed = message.info is not NOTHING or message.fees is not NOTHING
    info, fees = self._info, self._fees
    if "metric" not in self._kinds or not changed or info is None or fees is None:
      return []
    last = self._metric_ns
    if last is not None and received.mono_ns - last < self._to.every * 1e9:
      return []
    self._metric_ns = received.mono_ns
    meta = {
      "fastest_fee": fees.fastest_fee,
      "half_hour_fee": fees.half_hour_fee,
      "hour_fee": fees.hour_fee,
      "economy_fee": fees.economy_fee,
      "minimum_fee": fees.minimum_fee,
      "mempool_transactions": info.size,
      "mempool_vbytes": info.bytes,
      "mempool_fees": info.total_fee,
      "vbytes_per_second": self._vbytes_per_second,
    }
    return [_event("metric", fees.fastest_fee, meta, received)]

  def _new(self, txid: str, account: str, moved: float | None = None) -> bool:
    """Whether a transaction is seen for the first time; then it has been."""
    key = (txid, account)
    if key in self._seen:
      self.duplicates += 1
      return False
    self._seen[key] = moved
    if len(self._seen) > MAX_SEEN:
      self._seen.popitem(last=False)
    return True


def _identified(item: Any, *, whole: bool) -> tuple[str, Transaction | None]:
  """The id of a transaction, and the transaction where the server sends them `whole`."""
  if whole:
    tx = as_transaction(item)
    return tx.txid, tx
  if not isinstance(item, str) or not item:
    raise ValueError("a transaction has no id")
  return item, None


def moved_by(tx: Transaction) -> float:
  """What a transaction moves, in BTC: its outputs but for those that go back to where the money
  came from. Change that goes to a new address looks the same as a payment."""
  sources = {
    entry.prevout.scriptpubkey_address for entry in tx.vin if entry.prevout is not None
  } - {None}
  return sum(o.value for o in tx.vout if o.scriptpubkey_address not in sources) / SATOSHI


def net_of(tx: Transaction, account: str) -> float:
  """What an address gets from a transaction, in BTC; below zero what it gives."""
  gets = sum(o.value for o in tx.vout if o.scriptpubkey_address == account)
  gives = sum(
    entry.prevout.value
    for entry in tx.vin
    if entry.prevout is not None and entry.prevout.scriptpubkey_address == account
  )
  return (gets - gives) / SATOSHI


def _figures(tx: Transaction) -> dict[str, Any]:
  fee = None if tx.fee is None else tx.fee / SATOSHI
  rate = None if tx.fee is None or not tx.weight else round(tx.fee / (tx.weight / 4), 2)
  return {"fee": fee, "fee_rate": rate, "inputs": len(tx.vin), "outputs": len(tx.vout)}


def _block_event(step: Step, received: Moment) -> ChainEvent:
  block = step.block
  extras = block.extras
  fees = None if extras is None else extras.total_fees
  pool = None if extras is None else extras.pool
  meta = {
    "hash": block.id,
    "height": block.height,
    "previous": block.previousblockhash,
    "status": "removed" if step.removed else "confirmed",
    "time": block.timestamp,
    "transactions": block.tx_count,
    "size": block.size,
    "weight": block.weight,
    "fees": None if fees is None else fees / SATOSHI,
    "median_fee": None if extras is None else extras.median_fee,
    "pool": None if pool is None else pool.name,
  }
  return _event("block", float(block.tx_count), meta, received)


def _event(kind: Kind, value: float | None, meta: dict[str, Any], received: Moment) -> ChainEvent:
  # No venue time: a transaction has none, and a block's is its miner's, minutes off either way.
  return ChainEvent(
    exchange=EXCHANGE,
    symbol=SYMBOL,
    ts_event=received.ts_ms,
    ts_internal=received.mono_ns,
    chain=CHAIN,
    kind=kind,
    value=value,
    meta=meta,
  )


def _gap(
  cause: str,
  received: Moment,
  *,
  missed: int | None = None,
  venue_from: int | None = None,
  venue_to: int | None = None,
) -> Gap:
  return Gap(
    channel="chain",
    exchange=EXCHANGE,
    symbol=SYMBOL,
    ts_event=received.ts_ms,
    ts_from=received.ts_ms,
    ts_to=received.ts_ms,
    venue_from=venue_from,
    venue_to=venue_to,
    missed=missed,
    cause=cause,
  )
