"""The order books of a log as they are now, and who is shown what of them."""

import math
from collections import deque

import trio

from bond_broker.filters import Filter
from bond_broker.groups import Group
from bond_broker.views import View, Views
from bond_core import Gap, OrderBook
from bond_core.books import Book, BookKey, ReplicaBook, concerns, may_concern

# A book is written to the log again when this many times its levels have changed since, and not
# more often than that.
CHECKPOINT_SHARE = 2
CHECKPOINT_AFTER = 10.0
REMEMBERED = 10_000


class LiveBook:
  """One book with its readers: `deltas` get each update, `views` its state now and then."""

  __slots__ = (
    "changed_levels",
    "checkpointed",
    "count",
    "deltas",
    "followed",
    "key",
    "last",
    "resyncs",
    "snapshots",
    "taken",
    "views",
  )

  def __init__(self, key: BookKey) -> None:
    self.key = key
    self.count = 0
    self.resyncs = 0
    self.snapshots: deque[int] = deque()
    """The log numbers of its snapshots: where a replay can begin."""
    self.changed_levels = 0
    self.checkpointed = -math.inf
    self.last: OrderBook | None = None
    self.taken = 0.0
    """When its last update came (trio's time)."""
    self.followed: ReplicaBook | None = None
    self.deltas: list[tuple[Group, Filter]] = []
    self.views = Views()

  @property
  def good(self) -> bool:
    """It can be shown."""
    return self.followed is not None and self.followed.chained

  def take(self, event: OrderBook) -> bool:
    """Takes an update; whether the book can be shown now and has changed."""
    followed = self.followed
    self.count += 1
    self.last = event
    self.taken = trio.current_time()
    if event.update_type == "snapshot":
      self.resyncs += event.is_reset is True
      self.began(event.seq_internal or 0)
    else:
      self.changed_levels += len(event.bids) + len(event.asks)
    if event.update_type == "snapshot":
      if followed is None:
        followed = self.followed = ReplicaBook(Book(), event)
      good = followed.restart(event)
      if followed.reset:
        followed.reset = False
        self.views.reset()
    elif followed is None or not followed.chained or followed.holds(event):
      return False
    else:
      good = followed.advance(event)
    if not good:
      followed.chained = False
      self.views.forget_due()
    return good

  def began(self, number: int) -> None:
    """A snapshot of it stands in the log."""
    self.snapshots.append(number)
    if len(self.snapshots) > REMEMBERED:
      self.snapshots.popleft()
    self.changed_levels = 0
    self.checkpointed = trio.current_time()

  def checkpoint(self, now: float) -> OrderBook | None:
    """The whole book, where it is time that the log has it again: replays begin at one, and it may
    be no more than a part of what the deltas since the last one weighed."""
    followed = self.followed
    if followed is None or not followed.chained or now < self.checkpointed + CHECKPOINT_AFTER:
      return None
    if self.changed_levels < CHECKPOINT_SHARE * sum(followed.book.size):
      return None
    event = followed.view(None)
    event.is_reset = False
    return event

  def hold(self, gap: Gap) -> None:
    """A gap may concern this book."""
    if self.followed is None or not self.followed.chained or not may_concern(gap, self.key):
      return
    if concerns(gap, self.key):
      self.followed.chained = False
      self.views.forget_due()
    else:
      self.followed.doubtful = True

  def add(self, group: Group, wish: Filter) -> None:
    """One more reader."""
    if wish.deltas:
      self.deltas.append((group, wish))
      return
    self.views.add(
      group, wish, 0 if self.followed is None else self.followed.last.seq_internal or 0
    )

  def remove(self, group: Group) -> None:
    """A reader goes."""
    self.deltas = [(other, wish) for other, wish in self.deltas if other is not group]
    self.views.remove(group)

  def show(self, view: View, now: float) -> OrderBook | None:
    """The view as an event; it counts as shown."""
    view.due = math.inf
    if not self.good or self.followed is None:
      return None
    view.shown = now
    event = self.followed.view(view.depth, reset=view.reset)
    view.reset = False
    view.number = event.seq_internal or 0
    return event
