"""Books whose snapshots are fetched over REST, while the connection brings only what changes."""

from collections.abc import Callable
from operator import itemgetter

import attrs

from bond_core import Batch, Level, OrderBook
from bond_core.books import Book
from bond_core.feeds import Fetch, Moment, Notice, Response, Subscription
from bond_core.venues import SECOND, UNREADABLE, Explain, FeedControl, SubscriptionState
from bond_venuekit.book_sync import BookSync, Update
from bond_venuekit.repair import BookRepair
from bond_venuekit.sequence import SequenceRule

QUIET_START_NS = 2 * SECOND
"""A snapshot that is older than the first update is of no use, so it is requested after that. A
market where nothing happens has its snapshot requested after this time all the same."""

EXTEND_EVERY_NS = 10 * SECOND
"""Between attempts to extend a book."""

# Repairs before starts, and both before extensions.
_REPAIR, _START, _EXTEND = 1, 2, 3

_EVERYTHING = (0.0, float("inf"))

_price = itemgetter(0)


def _nothing(status: int, body: bytes) -> str | None:
  return None


def _never(response: Response) -> bool:
  return False


@attrs.frozen(kw_only=True)
class SnapshotSource:
  """Where a venue has the snapshot of one book, and how it is read.

  `weight` is what a request costs in `group`'s rate limit. A snapshot has at most `levels` a side.
  `read` decodes the body into an Update with bids and asks, best first, and `ids`; it raises
  UNREADABLE. `explain` gives a sentence for an HTTP status and body, as Feed's, and `final` says of
  an answer that is no snapshot whether the venue means that it does not have this book.
  """

  url: str
  group: str
  weight: int
  levels: int
  read: Callable[[bytes], Update]
  explain: Explain = _nothing
  final: Callable[[Response], bool] = _never


class FetchedBook(SubscriptionState):
  """The book of one instrument. A venue's own class decodes a message in `take` and calls `update`;
  `rule` says how the venue numbers its updates.

  When the chain breaks the loss is declared and a new snapshot is fetched.

  What rests beyond the levels of a snapshot stays unknown until it changes. When the market has
  moved half of the way to that edge, a second book is started from a new snapshot while the first
  goes on; once both stand at the same number, what the second knows better is added to the next
  update. Readers see an unbroken chain.
  """

  numbered = True

  def __init__(
    self,
    subscription: Subscription,
    name: str,
    feed: FeedControl,
    rule: SequenceRule,
    snapshots: SnapshotSource,
  ) -> None:
    super().__init__(subscription, name)
    self._feed = feed
    self._rule = rule
    self._snapshots = snapshots
    self._sync = self._new_sync()
    self._second: BookSync | None = None
    self._repair = BookRepair(subscription)
    # One request at a time.
    self._requested = False
    self._unavailable = False
    self._start_at = 0
    self._extend_not_before = 0
    self._reach = self._edges = _EVERYTHING

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if overlap:
      return
    self._second = None
    self._repair.restart()
    self._sync.restart("the connection was lost")
    # The driver has declared the outage, and a first start is no loss.
    self._sync.take_need()
    self._start_at = now.mono_ns + QUIET_START_NS

  def update(self, update: Update, out: Batch) -> None:
    """Adds to `out` what the changes in an update prove right. Its `ts_event` and `ts_internal` are
    the times of `take`."""
    self.received_ns = update.ts_internal
    sync, second = self._sync, self._second
    events = sync.on_delta(update)
    out += events
    if not events and sync.needs_snapshot:
      self._on_broken(update.ts_event, update.ts_internal or 0, out)
    elif second is not None:
      second.on_delta(update)
      if events and not second.needs_snapshot and second.sequence == sync.sequence:
        self._extend(events[-1], second.book)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.missed += 1
    self._sync.spoil(f"a message could not be read: {cause}")
    self._on_broken(ts_ms, mono_ns, out)

  def on_timer(self, now: Moment, out: Batch) -> None:
    if self._sync.needs_snapshot:
      if now.mono_ns >= self._start_at:
        self._request(now.mono_ns)
    elif self._second is None and self._near_the_edge():
      self._second = self._new_sync()
    if self._second is not None and self._second.needs_snapshot:
      self._request_extension(now.mono_ns)

  def on_response(self, response: Response, received: Moment, out: Batch) -> None:
    self._requested = False
    snapshots = self._snapshots
    reason = snapshots.explain(response.status, response.body) or f"HTTP {response.status}"
    if response.status == 200:
      try:
        snapshot = snapshots.read(response.body)
      except UNREADABLE as exc:
        reason = f"the snapshot could not be read: {exc}"
      else:
        self._tell(None)
        snapshot.ts_event, snapshot.ts_internal = received
        self._on_snapshot(snapshot, out)
        return
    if not self._sync.needs_snapshot:
      return
    reason = f"no book without a snapshot. {reason}"
    if snapshots.final(response):
      self._feed.reject(self.subscription, f"{self.subscription}: {reason}")
    else:
      # It is requested again, ever more rarely, for as long as there are readers.
      self._tell(reason)

  # Details -------------------------------------------------------------------------------------

  def _tell(self, reason: str | None) -> None:
    """Tells readers why there is no book, or that there is one again."""
    if reason is not None or self._unavailable:
      self._feed.actions.append(Notice(self.subscription, reason))
    self._unavailable = reason is not None

  def _new_sync(self) -> BookSync:
    return BookSync(self.subscription.instrument, self._rule)

  def _on_snapshot(self, snapshot: Update, out: Batch) -> None:
    mono_ns = snapshot.ts_internal or 0
    if self._sync.needs_snapshot:
      out += self._sync.on_snapshot(snapshot)
      if self._sync.needs_snapshot:
        self._on_broken(snapshot.ts_event, mono_ns, out)
        return
      self._repair.succeeded(mono_ns)
      self._reach = self._reach_of(snapshot)
      self._set_edges()
    elif self._second is not None:
      self._second.on_snapshot(snapshot)
      if not self._second.needs_snapshot and self._second.sequence < self._sync.sequence:
        # REST may be behind the connection; this snapshot is too old to be of use.
        self._second = self._new_sync()
      self._reach = self._reach_of(snapshot)

  def _on_broken(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares the loss if there is one to declare, and requests a snapshot."""
    self._second = None
    need = self._sync.take_need()
    if need is not None:
      self._repair.broken(need, ts_ms, mono_ns, out)
    self._request(mono_ns)

  def _request(self, mono_ns: int) -> None:
    """Requests a snapshot, unless a request is under way or it is too early for another."""
    if not self._requested and self._repair.start(mono_ns):
      self._fetch(_REPAIR if self._sync.resyncs else _START)

  def _request_extension(self, mono_ns: int) -> None:
    """The same for a book that is right and lacks only what is far from its best prices."""
    if not self._requested and mono_ns >= self._extend_not_before:
      self._extend_not_before = mono_ns + EXTEND_EVERY_NS
      self._fetch(_EXTEND)

  def _fetch(self, priority: int) -> None:
    self._requested = True
    self._feed.actions.append(
      Fetch(
        self._snapshots.url,
        f"snapshot of {self.subscription.instrument}",
        self._snapshots.group,
        self._snapshots.weight,
        self.subscription,
        priority,
        # A book that lacks only what is far from its best prices serves its readers.
        needed=priority != _EXTEND,
      )
    )

  def _reach_of(self, snapshot: Update) -> tuple[float, float]:
    """The prices between which a snapshot has all levels; a side that is not full has all."""
    low, high = _EVERYTHING
    if len(snapshot.bids) >= self._snapshots.levels:
      low = snapshot.bids[-1][0]
    if len(snapshot.asks) >= self._snapshots.levels:
      high = snapshot.asks[-1][0]
    return low, high

  def _near_the_edge(self) -> bool:
    bid, ask = self._sync.book.best_bid, self._sync.book.best_ask
    low, high = self._edges
    return (bid is not None and bid[0] < low) or (ask is not None and ask[0] > high)

  def _set_edges(self) -> None:
    """Half of the way to where the known levels end: a best bid below or a best ask above calls for
    an extension."""
    bid, ask = self._sync.book.best_bid, self._sync.book.best_ask
    low, high = self._reach
    self._edges = (
      (low if bid is None or not low else (bid[0] + low) / 2),
      (high if ask is None else (ask[0] + high) / 2),
    )

  def _extend(self, event: OrderBook, known: Book) -> None:
    """Adds to the book, and to the update that brought both books to the same number, what the
    second book knows and the first does not."""
    book = self._sync.book
    low, high = self._reach
    ours, theirs = book.levels(), known.levels()
    bids = _difference(ours[0], theirs[0], lambda price: price >= low)
    asks = _difference(ours[1], theirs[1], lambda price: price <= high)
    trimmed = book.apply(bids, asks)
    event.bids = sorted([*event.bids, *bids, *trimmed[0]], key=_price, reverse=True)
    event.asks = sorted([*event.asks, *asks, *trimmed[1]], key=_price)
    self._second = None
    self._set_edges()


def _difference(
  ours: list[Level], theirs: list[Level], within: Callable[[float], bool]
) -> list[Level]:
  """The levels that make ours equal to theirs, as far as theirs reach."""
  mine, other = dict(ours), dict(theirs)
  changed = [level for level in theirs if mine.get(level[0]) != level[1]]
  return changed + [(price, 0.0) for price in mine if price not in other and within(price)]
