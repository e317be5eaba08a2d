"""One order book of the log as it is now, and its readers."""

import math
from array import array
from bisect import bisect_left
from typing import Generic

import trio
from bond_bookkit import BookKey, ReplicaBook, concerns, may_concern

from bond_broker.books.views import Reader, View, Views
from bond_broker.protocol.filters import Filter
from bond_core import Gap, OrderBook
from bond_core.books import Book

# A book is written to the log again when this many times its levels have changed since, and not
# more often than that.
CHECKPOINT_SHARE = 2
CHECKPOINT_AFTER = 10.0
REMEMBERED_SNAPSHOTS = 10_000


class LiveBook(Generic[Reader]):
  """One book with its readers: those of `deltas` receive each update, those of `views` its state
  now and then."""

  __slots__ = (
    "changed_levels",
    "checkpointed",
    "count",
    "deltas",
    "key",
    "last",
    "replica",
    "resyncs",
    "snapshots",
    "updated_at",
    "views",
  )

  def __init__(self, key: BookKey) -> None:
    self.key = key
    self.count = 0
    self.resyncs = 0
    self.snapshots = array("q")
    """The log numbers of its snapshots: where a replay can begin."""
    self.changed_levels = 0
    self.checkpointed = -math.inf
    self.last: OrderBook | None = None
    self.updated_at = 0.0
    """When its last update came (trio's time)."""
    self.replica: ReplicaBook | None = None
    self.deltas: list[tuple[Reader, Filter]] = []
    self.views = Views[Reader]()

  @property
  def whole(self) -> ReplicaBook | None:
    """The book, where no update of it is missing."""
    replica = self.replica
    return replica if replica is not None and replica.chained else None

  @property
  def certain(self) -> ReplicaBook | None:
    """The book, where no update of it is or may be missing."""
    replica = self.whole
    return replica if replica is not None and replica.doubt is None else None

  def update(self, event: OrderBook) -> bool:
    """Applies an update; whether the book can be shown now and has changed."""
    replica = self.replica
    self.count += 1
    self.last = event
    self.updated_at = trio.current_time()
    if event.update_type == "snapshot":
      self.resyncs += event.is_reset is True
      self.note_snapshot(event.seq_internal or 0)
      if replica is None:
        replica = self.replica = ReplicaBook(Book(), event)
      whole = replica.restart(event)
      if replica.reset:
        replica.reset = False
        self.views.reset()
    else:
      self.changed_levels += len(event.bids) + len(event.asks)
      if replica is None or not replica.chained or replica.holds(event):
        return False
      whole = replica.advance(event)
    if not whole:
      replica.chained = False
      self.views.cancel_due()
    return whole

  def note_snapshot(self, number: int) -> None:
    """A snapshot of the book stands in the log at a number."""
    self.snapshots.append(number)
    if len(self.snapshots) > REMEMBERED_SNAPSHOTS:
      del self.snapshots[: REMEMBERED_SNAPSHOTS // 10]
    self.changed_levels = 0
    self.checkpointed = trio.current_time()

  def forget_before(self, oldest: int) -> None:
    """The log begins at this number now."""
    del self.snapshots[: bisect_left(self.snapshots, oldest)]

  def release(self) -> None:
    """Nothing brings updates any more: what it holds is no book of now."""
    self.replica = self.last = None
    self.views.cancel_due()

  def checkpoint(self, now: float, torn_at: int) -> OrderBook | None:
    """The whole book, where it is time to write it to the log again: a replay begins at one, and it
    may weigh only a part of what the deltas since the last one weighed. Where the log lacks events
    before `torn_at` that came after its snapshot, it is written at once, for all: whoever reads the
    log elsewhere has lost the book. One that is in doubt is not written: whoever reads it would
    take it for proven."""
    replica = self.certain
    if replica is None:
      return None
    torn = bool(self.snapshots) and self.snapshots[-1] < torn_at
    if not torn and (
      now < self.checkpointed + CHECKPOINT_AFTER
      or self.changed_levels < CHECKPOINT_SHARE * sum(replica.book.size)
    ):
      return None
    event = replica.view(None)
    event.is_reset = torn
    return event

  def due_before(self, gap: Gap) -> list[View[Reader]]:
    """The views that wait, where a gap puts the book in doubt and no more."""
    if self.certain is None or not may_concern(gap, self.key) or concerns(gap, self.key):
      return []
    return [view for view in self.views if view.due < math.inf]

  def on_gap(self, gap: Gap) -> None:
    """Notes a declared loss; it may concern this book."""
    replica = self.whole
    if replica is None or not may_concern(gap, self.key):
      return
    if concerns(gap, self.key):
      replica.chained = False
      self.views.cancel_due()
    else:
      replica.doubt = gap

  def add(self, reader: Reader, matched: Filter, round_: int) -> None:
    """One more reader, from a round on."""
    if matched.deltas:
      self.deltas.append((reader, matched))
    else:
      self.views.add(reader, matched, round_)

  def remove(self, reader: Reader) -> None:
    """A reader leaves."""
    self.deltas = [(other, matched) for other, matched in self.deltas if other is not reader]
    self.views.remove(reader)

  def show(self, view: View[Reader], now: float, round_: int) -> OrderBook | None:
    """A view as an event, which counts as shown in a round; None where the book is not certain."""
    view.due = math.inf
    replica = self.certain
    if replica is None:
      return None
    view.shown, view.round = now, round_
    event = replica.view(view.depth, reset=view.reset)
    view.reset = False
    return event
