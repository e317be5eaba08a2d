"""From a venue's snapshot and deltas to a verified, unbroken chain of one instrument's book."""

from collections import deque
from collections.abc import Iterable, Sequence
from operator import itemgetter

import attrs
import msgspec

from bond_core import Gap, Instrument, Level, OrderBook
from bond_core.books import Book, Texts
from bond_venuekit.numbered import LEAP, witnesses
from bond_venuekit.sequence import Ids, SequenceRule, Verdict

MAX_BUFFERED = 5_000
"""Deltas that wait while a snapshot is on its way: eight minutes of one every 100 ms."""

MAX_SKIPPED, MAX_SKIPPED_MS = 1_000, 20_000
"""Old deltas in a row, with no new one, and ms of them, after which the venue must have started a
new numbering."""

SNAPSHOT_AHEAD = 1_000_000_000
"""No snapshot is so many numbers ahead of the deltas that come after it."""

_price = itemgetter(0)


class Update(msgspec.Struct, gc=False, kw_only=True):
  """A snapshot or delta as a feed parsed it. `checksum` is the venue's, over the book after this
  update; the texts are the venue's rows, for a book whose checksum needs them."""

  bids: Sequence[Level]
  asks: Sequence[Level]
  ids: Ids | None = None
  ts_event: int = 0
  ts_exchange: int | None = None
  ts_internal: int | None = None
  checksum: int | None = None
  bid_texts: Texts | None = None
  ask_texts: Texts | None = None
  raw: object = None


@attrs.frozen(kw_only=True)
class Need:
  """Why a snapshot is needed.

  `gap` says that a chain which readers follow ended here, so that the loss has to be declared;
  `venue_from` and `venue_to` are then the first and last missing venue numbers where known,
  `ts_from` and `ts_to` when the last good and the first bad update were received (epoch ms).
  """

  reason: str
  gap: bool = False
  venue_from: int | None = None
  venue_to: int | None = None
  ts_from: int | None = None
  ts_to: int | None = None

  def declare(self, instrument: Instrument, ts_event: int) -> Gap:
    """The event that declares the loss to readers."""
    return Gap(
      channel="orderbook",
      exchange=instrument.exchange,
      symbol=instrument.symbol,
      market_type=instrument.market_type,
      expiry=instrument.expiry,
      reason="upstream",
      ts_event=ts_event,
      ts_from=self.ts_from,
      ts_to=self.ts_to,
      venue_from=self.venue_from,
      venue_to=self.venue_to,
      cause=self.reason,
    )


class BookSync:
  """Joins snapshots and deltas of one instrument and lets out only what is proved right.

  Deltas wait until a snapshot comes; those it contains already are dropped, the rest follows it.
  Every delta is checked against the sequence `rule`, then the book against the venue's checksum and
  for being crossed. When a check fails nothing more is let out until the next snapshot, and
  `take_need` says that one is needed.

  What is let out are OrderBook events: a snapshot with `is_reset` where a chain begins, then deltas
  whose `prev_sequence` is the `sequence` let out before. A reader that applies them has this very
  book; levels that the bounded book drops are in them as removals.

  `rule` None is for venues that do not number their updates: they are then numbered here, and only
  order on the connection and the checksum hold the chain together.
  """

  def __init__(
    self,
    instrument: Instrument,
    rule: SequenceRule | None,
    book: Book | None = None,
    *,
    max_buffered: int = MAX_BUFFERED,
    max_skipped: int = MAX_SKIPPED,
    allow_crossed: bool = False,
  ) -> None:
    self.instrument = instrument
    self.book = Book() if book is None else book
    self.sequence = 0
    """Number of the last applied update."""
    self.skipped = 0
    """Deltas that were left out because the book contained them already."""
    self.resyncs = 0
    """Chains that broke."""
    self._rule = rule
    self._max_buffered = max_buffered
    self._max_skipped = max_skipped
    self._allow_crossed = allow_crossed
    self._buffer: deque[Update] = deque()
    self._synced = False
    self._fresh = False
    self._skipped_in_row = self._skipped_since = 0
    # The number before the last delta, 0 where that is not known.
    self._before = 0
    self._emitted: int | None = None
    self._past = 0
    self._ts_good: int | None = None
    self._need: Need | None = Need(reason="the book has no snapshot yet")

  @property
  def needs_snapshot(self) -> bool:
    """Whether the chain waits for a snapshot."""
    return not self._synced

  def take_need(self) -> Need | None:
    """The need that arose since the last call, once, so that each leads to one request; None where
    there is none or its answer is on the way. Call it after each `on_delta` and `on_snapshot`, so
    that a gap is declared right behind the events that came before it."""
    need, self._need = self._need, None
    return need

  def restart(self, reason: str) -> None:
    """Gives up the chain, as after a lost connection. Waiting deltas are dropped, and the venue's
    numbers may begin anew."""
    self.spoil(reason)
    self._past = 0

  def spoil(self, reason: str) -> None:
    """Gives up the chain where an update could not be read; the venue's numbers go on."""
    self._buffer.clear()
    self._break(reason)

  def on_delta(self, update: Update) -> list[OrderBook]:
    """The events this delta lets out: itself, or nothing."""
    if not self._synced:
      self._buffer_delta(update)
      return []
    ids = self._ids(update)
    if ids is None:
      self._break("a delta carries no number", update)
      return []
    if self._rule is not None:
      verdict = self._rule(self.sequence, self._fresh, ids)
      if verdict is Verdict.SKIP:
        self._skip(ids, update)
        return []
      if verdict is Verdict.GAP:
        self._break_at_gap(ids, update)
        return []
    self._skipped_in_row = 0
    book = self.book
    try:
      trimmed = book.apply(update.bids, update.asks, update.bid_texts, update.ask_texts)
    except ValueError as error:
      self._break(str(error), update, ids.last)
      return []
    if (fault := self._fault(update)) is not None:
      self._break(fault, update, ids.last)
      return []
    self._fresh = False
    self._before, self.sequence = self.sequence, ids.last
    self._ts_good = update.ts_event
    if not (update.bids or update.asks):
      # A sign of life without a change moves the venue's numbers; readers' chain goes on from
      # what they were last given.
      return []
    previous, self._emitted = self._emitted, ids.last
    event = self._event(
      update,
      _sorted(update.bids, trimmed[0], descending=True),
      _sorted(update.asks, trimmed[1], descending=False),
    )
    event.update_type = "delta"
    event.prev_sequence = previous
    return [event]

  def on_snapshot(self, update: Update, *, in_stream: bool = False) -> list[OrderBook]:
    """The events this snapshot lets out: itself, then the waiting deltas that follow it.

    One that was requested elsewhere (a REST answer) may be older than what the connection has
    brought: if a waiting delta proves that changes between them are missing, or the chain broke
    beyond it, a newer snapshot is needed, and if the chain is past it already, it is ignored. One
    that came `in_stream`, among the deltas, always starts a new chain, and what came before it is
    dropped.
    """
    ids = self._ids(update)
    if ids is None:
      self._raise_need(Need(reason="the snapshot carries no number"))
      return []
    if in_stream or self._rule is None:
      self._buffer.clear()
    elif not self._synced and not self._buffer and ids.last < self._past:
      self._raise_need(Need(reason=f"the snapshot at {ids.last} is older than {self._past}"))
      return []
    elif (self._synced and ids.last <= self.sequence) or not self._reaches_buffer(
      ids.last, self._rule
    ):
      return []
    try:
      self.book.snapshot(update.bids, update.asks, update.bid_texts, update.ask_texts)
      fault = self._fault(update)
    except ValueError as error:
      fault = str(error)
    if fault is not None:
      self._break(f"in the snapshot: {fault}", update)
      return []
    self._synced = self._fresh = True
    if self._need is not None and not self._need.gap:
      self._need = None
    self._skipped_in_row = self._before = 0
    self.sequence = self._emitted = ids.last
    self._ts_good = update.ts_event
    event = self._event(update, *self.book.levels())
    event.is_reset = True
    events = [event]
    waiting, self._buffer = self._buffer, deque()
    for delta in waiting:
      # Should the chain break on the way, on_delta buffers the rest for the next snapshot.
      events += self.on_delta(delta)
    return events

  # Details -------------------------------------------------------------------------------------

  def _ids(self, update: Update) -> Ids | None:
    if self._rule is None:
      return Ids(self.sequence + 1)
    return update.ids

  def _buffer_delta(self, update: Update) -> None:
    if len(self._buffer) >= self._max_buffered:
      self._buffer.clear()
      self._raise_need(Need(reason=f"no snapshot came within {self._max_buffered} deltas"))
    self._buffer.append(update)

  def _skip(self, ids: Ids, update: Update) -> None:
    ahead = self.sequence - ids.last
    # One delta that goes on from before the last one shows that the number of that was wrong.
    wrong = witnesses(self._before, self.sequence, ids.last) == 1
    if wrong or (self._fresh and ahead > SNAPSHOT_AHEAD):
      self._break(f"the book's number is {self.sequence}, and deltas go on at {ids.last}", update)
      self._past = self._before
      self._buffer_delta(update)
      return
    self.skipped += 1
    self._skipped_in_row += 1
    if self._skipped_in_row == 1:
      self._skipped_since = update.ts_event
    skipped_ms = update.ts_event - self._skipped_since
    if self._skipped_in_row > self._max_skipped or skipped_ms > MAX_SKIPPED_MS:
      self._break(
        f"{self._skipped_in_row} deltas in a row were older than the book; "
        "the venue must have started a new numbering",
        update,
      )

  def _reaches_buffer(self, sequence: int, rule: SequenceRule) -> bool:
    """Whether the waiting deltas continue a snapshot of that number; drops those it contains."""
    buffer = self._buffer
    while buffer:
      ids = buffer[0].ids
      if ids is None:
        buffer.popleft()
        continue
      verdict = rule(sequence, True, ids)
      if verdict is Verdict.APPLY:
        return True
      if verdict is Verdict.GAP:
        self._raise_need(
          Need(reason=f"the snapshot at {sequence} is older than the first delta, {ids.last}")
        )
        return False
      buffer.popleft()
      self.skipped += 1
    return True

  def _fault(self, update: Update) -> str | None:
    """What is wrong with the book after an update."""
    book = self.book
    if not self._allow_crossed and book.crossed:
      bid, ask = book.best_bid, book.best_ask
      return f"the book is crossed: the best bid is {bid and bid[0]}, the best ask {ask and ask[0]}"
    if update.checksum is not None and book.verifiable:
      computed = book.checksum()
      if computed != update.checksum:
        return f"the checksum is {computed}, the venue says {update.checksum}"
    return None

  def _break_at_gap(self, ids: Ids, update: Update) -> None:
    start = self.sequence + 1
    end = ids.prev if ids.prev is not None else (ids.last if ids.first is None else ids.first) - 1
    known = 0 <= end - start <= LEAP
    self._break(
      f"deltas are missing between {self.sequence} and {ids.last}",
      update,
      start if known else None,
      end if known else None,
    )
    self._buffer_delta(update)

  def _break(
    self,
    reason: str,
    update: Update | None = None,
    venue_from: int | None = None,
    venue_to: int | None = None,
  ) -> None:
    was_synced, self._synced = self._synced, False
    self._past = self.sequence
    self.resyncs += was_synced
    self._skipped_in_row = 0
    self.book.clear()
    self._raise_need(
      Need(
        reason=reason,
        gap=was_synced,
        venue_from=venue_from,
        venue_to=venue_from if venue_to is None else venue_to,
        ts_from=self._ts_good if was_synced else None,
        ts_to=None if update is None else update.ts_event,
      )
    )

  def _raise_need(self, need: Need) -> None:
    """Raises a need. A gap that has not been taken yet is not overwritten: it still has to be
    declared."""
    if self._need is None or not self._need.gap:
      self._need = need

  def _event(self, update: Update, bids: list[Level], asks: list[Level]) -> OrderBook:
    instrument = self.instrument
    return OrderBook(
      exchange=instrument.exchange,
      symbol=instrument.symbol,
      market_type=instrument.market_type,
      expiry=instrument.expiry,
      ts_event=update.ts_event,
      ts_exchange=update.ts_exchange,
      ts_internal=update.ts_internal,
      raw=update.raw,
      bids=bids,
      asks=asks,
      sequence=self._emitted,
      checksum=update.checksum,
    )


def _sorted(given: Iterable[Level], trimmed: list[Level], *, descending: bool) -> list[Level]:
  # By price alone and stable: where one delta names a price twice, the later size must stay last.
  levels = sorted(given, key=_price, reverse=descending)
  return levels if not trimmed else sorted(levels + trimmed, key=_price, reverse=descending)
