"""Views of books: the best levels, at most every so many milliseconds."""

from bond_bookkit.replica import BookKey, ReplicaBook, concerns, may_concern
from bond_bookkit.throttle import NEVER, Throttle
from bond_core import Batch, Gap, OrderBook
from bond_core.books import MAX_LEVELS, Book


class BookView:
  """Turns the snapshots and deltas of any number of books into views: `orderbook` events with
  `update_type` snapshot and the best `depth` levels, whose `sequence` and times are those of the
  last update they contain.

  A book is shown at once if its last view is `speed_ms` old, else when that time has passed, so its
  final state always comes out; `speed_ms` 0 shows each update. Time is the greatest `ts_event` seen
  or `now_ms` of `on_timer`; views that are due by then come before the event that brought the time,
  and `speed_ms` counts from when they were due, so equal input gives equal output however punctual
  the timer is.

  A book whose chain is broken, or for which a Gap is declared, is not shown until its next
  snapshot; the first view after that has `is_reset`, as after any snapshot that has it. A Gap that
  only may concern it ("*", or no market type) holds it back until a delta continues its chain,
  which proves that nothing is missing. All other events pass through in order.
  """

  def __init__(self, depth: int = 20, speed_ms: int = 100, *, max_levels: int = MAX_LEVELS) -> None:
    if depth < 1:
      raise ValueError(f"depth is {depth}; a view needs at least one level a side")
    self._depth = depth
    self._max_levels = max(depth, max_levels)
    self._books: dict[BookKey, ReplicaBook] = {}
    self._throttle: Throttle[BookKey] = Throttle(speed_ms)

  def __call__(self, batch: Batch) -> Batch:
    """Returns the batch with views in place of book updates."""
    out: Batch = []
    throttle = self._throttle
    for event in batch:
      # A window has no receive time.
      if throttle.move_to(getattr(event, "ts_event", 0)):
        out += self._take_due(throttle.now)
      if isinstance(event, OrderBook):
        self._follow(event, out)
        continue
      if isinstance(event, Gap):
        self._hold(event, out)
      out.append(event)
    return out

  @property
  def levels(self) -> int:
    """How many levels its books have."""
    return sum(sum(replica.book.size) for replica in self._books.values())

  def next_timer(self) -> int | None:
    """Returns when the next view is due (epoch ms), None where all are shown."""
    return None if self._throttle.next == NEVER else self._throttle.next

  def on_timer(self, now_ms: int) -> Batch:
    """Returns the views that are due at `now_ms`."""
    self._throttle.move_to(now_ms)
    return self._take_due(self._throttle.now)

  def finish(self) -> Batch:
    """Returns the views of all books that changed since they were last shown."""
    return self._take_due(NEVER)

  # Details -------------------------------------------------------------------------------------

  def _follow(self, event: OrderBook, out: Batch) -> None:
    key = (event.exchange, event.market_type, event.symbol, event.expiry)
    replica = self._books.get(key)
    if event.update_type == "snapshot":
      if replica is None:
        replica = self._books[key] = ReplicaBook(Book(max_levels=self._max_levels), event)
      good = replica.restart(event)
    else:
      if replica is None or not replica.chained:
        return
      if replica.holds(event):
        return
      good = replica.advance(event)
    if not good:
      self._withhold(key)
      return
    if self._throttle.changed(key):
      out.append(self._show(key))

  def _show(self, key: BookKey) -> OrderBook:
    """The view of a book as it is."""
    replica = self._books[key]
    reset, replica.reset = replica.reset, False
    return replica.view(self._depth, reset=reset)

  def _take_due(self, until: int) -> Batch:
    return [self._show(key) for key in self._throttle.take_due(until)]

  def _withhold(self, key: BookKey) -> None:
    self._books[key].chained = False
    self._throttle.forget(key)

  def _hold(self, gap: Gap, out: Batch) -> None:
    if gap.channel not in ("orderbook", "*"):
      return
    for key, replica in self._books.items():
      if not replica.chained or not may_concern(gap, key):
        continue
      if concerns(gap, key):
        self._withhold(key)
        continue
      # What came before the gap is right; show it, since the next proof may take long.
      if self._throttle.show(key):
        out.append(self._show(key))
      replica.doubt = gap
