"""Views of books at a readable pace: the best levels, at most every so many milliseconds."""

from bond_core.book.book import MAX_LEVELS, Book
from bond_core.book.followed import BookKey, FollowedBook, concerns, may_concern
from bond_core.events import Batch, Gap, OrderBook

_STEP_BACK_MS = 10_000
"""Receive times that lie this far behind are no disorder: a clock was set back or a recording began
again, and the pace starts anew from there."""

_NEVER = 1 << 62


class BookView:
  """Turns the snapshots and deltas of any number of books into views: `orderbook` events with
  `update_type` snapshot and the best `depth` levels, whose `sequence` and times are those of the
  last update they contain.

  A book is shown at once if its last view is `speed_ms` old, else when that time has passed, so its
  final state always comes out; `speed_ms` 0 shows each update. Time is the greatest `ts_event` seen
  or `now_ms` of `on_timer`; views that are due by then come before the event that tells the time,
  and the pace counts from when they were due, so equal input gives equal output however punctual
  the timer is.

  A book whose chain is broken, or for which a Gap is declared, is not shown until its next
  snapshot; the first view after that has `is_reset`, as after any snapshot that has it. A Gap that
  only may concern it ("*", or no market type) holds it back until a delta continues its chain,
  which proves that nothing is missing. All other events pass through in order.
  """

  def __init__(self, depth: int = 20, speed_ms: int = 100, *, max_levels: int = MAX_LEVELS) -> None:
    if depth < 1:
      raise ValueError(f"depth is {depth}; a view needs at least one level a side")
    if speed_ms < 0:
      raise ValueError(f"speed_ms is {speed_ms}; give milliseconds between views, or 0 for all")
    self._depth = depth
    self._speed = speed_ms
    self._max_levels = max(depth, max_levels)
    self._books: dict[BookKey, FollowedBook] = {}
    self._due: dict[BookKey, int] = {}
    self._next = _NEVER
    self._now = 0

  def __call__(self, batch: Batch) -> Batch:
    """The batch with views in place of book updates."""
    out: Batch = []
    for event in batch:
      # A window has no receive time.
      ts = getattr(event, "ts_event", 0)
      if ts > self._now:
        self._now = ts
        if ts >= self._next:
          out += self._take_due(ts)
      elif 0 < ts < self._now - _STEP_BACK_MS:
        self._step_back(ts)
      if isinstance(event, OrderBook):
        self._follow(event, out)
        continue
      if isinstance(event, Gap):
        self._hold(event, out)
      out.append(event)
    return out

  def next_timer(self) -> int | None:
    """When the next view is due (epoch ms), None where all are shown."""
    return None if self._next == _NEVER else self._next

  def on_timer(self, now_ms: int) -> Batch:
    """The views that are due at `now_ms`."""
    if now_ms < self._now - _STEP_BACK_MS:
      self._step_back(now_ms)
    self._now = max(self._now, now_ms)
    return self._take_due(self._now)

  def finish(self) -> Batch:
    """The views of all books that changed since they were last shown."""
    return self._take_due(_NEVER)

  # Details -------------------------------------------------------------------------------------

  def _follow(self, event: OrderBook, out: Batch) -> None:
    key = (event.exchange, event.market_type, event.symbol, event.expiry)
    followed = self._books.get(key)
    if event.update_type == "snapshot":
      if followed is None:
        followed = self._books[key] = FollowedBook(Book(max_levels=self._max_levels), event)
      good = followed.restart(event)
    else:
      if followed is None or not followed.chained:
        return
      if followed.holds(event):
        return
      good = followed.advance(event)
    if not good:
      self._withhold(key)
      return
    shown = followed.shown
    if shown is None or self._now >= shown + self._speed:
      out.append(self._show(key, self._now))
    elif key not in self._due:
      due = self._due[key] = shown + self._speed
      self._next = min(self._next, due)

  def _show(self, key: BookKey, when: int) -> OrderBook:
    """The view of a book as it is; it counts as shown at `when`."""
    followed = self._books[key]
    followed.shown = when
    reset, followed.reset = followed.reset, False
    return followed.view(self._depth, reset=reset)

  def _take_due(self, until: int) -> Batch:
    """The views due by then, soonest first; those due together in the order their books changed."""
    taken = [entry for entry in self._due.items() if entry[1] <= until]
    taken.sort(key=lambda entry: entry[1])
    for key, _ in taken:
      del self._due[key]
    self._next = min(self._due.values(), default=_NEVER)
    return [self._show(key, due) for key, due in taken]

  def _forget_due(self, key: BookKey) -> None:
    if self._due.pop(key, None) is not None:
      self._next = min(self._due.values(), default=_NEVER)

  def _withhold(self, key: BookKey) -> None:
    self._books[key].chained = False
    self._forget_due(key)

  def _hold(self, gap: Gap, out: Batch) -> None:
    if gap.channel not in ("orderbook", "*"):
      return
    for key, followed in self._books.items():
      if not followed.chained or not may_concern(gap, key):
        continue
      if concerns(gap, key):
        self._withhold(key)
        continue
      # What came before the gap is good; show it, for the next proof may be long in coming.
      if key in self._due:
        self._forget_due(key)
        out.append(self._show(key, self._now))
      followed.doubtful = True

  def _step_back(self, to: int) -> None:
    self._now = to
    for followed in self._books.values():
      if followed.shown is not None and followed.shown > to:
        followed.shown = to
    for key, due in self._due.items():
      self._due[key] = min(due, to + self._speed)
    self._next = min(self._due.values(), default=_NEVER)
