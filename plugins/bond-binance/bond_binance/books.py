"""Order books: depth updates joined to a REST snapshot by the venue's recipe.

Sources: Spot "How to manage a local order book correctly", USD-M "How to manage a local order book
correctly"; the sequence rules themselves are bond_core.book's `contiguous` and `linked_ranges`.
"""

from collections import deque
from collections.abc import Callable
from operator import itemgetter

from bond_binance.endpoints import SNAPSHOT_LEVELS, SNAPSHOT_WEIGHT
from bond_binance.messages import Snapshot, read_depth
from bond_binance.symbols import USDM
from bond_core import Batch, Level, OrderBook
from bond_core.books import Book, BookSync, Ids, Update, contiguous, linked_ranges
from bond_core.feeds import Action, Fetch, Moment, Subscription
from bond_core.venues import SubscriptionState

SECOND = 1_000_000_000

SNAPSHOT = "snapshot"
"""What the purpose of a book's Fetch begins with."""

QUIET_START_NS = 2 * SECOND
"""The recipe asks for the snapshot after the first update, or it may be too old. A market where
nothing happens has its snapshot asked for after this time all the same."""

MAX_BACKOFF_NS = 60 * SECOND
HEALTHY_NS = 60 * SECOND
"""A book that held for so long starts its next repair at once."""
FURTHER_NS = 10 * SECOND
"""Between attempts to look further."""

# Repairs before beginnings, and both before looking further.
REPAIR, START, EXTEND = 1, 2, 3

_EVERYTHING = (0.0, float("inf"))

_price = itemgetter(0)


class BookState(SubscriptionState):
  """The book of one instrument. Snapshots are asked for through `actions`: at once the first time
  and while they do not help ever more rarely, down to once a minute.

  A snapshot holds the best 1,000 levels a side; what rests beyond stays unknown until it changes.
  When the market has moved half of the way to that edge, a second book is begun with a new snapshot
  while the first goes on; once both stand at the same number, what the second knows better is added
  to the next update. Readers see an unbroken chain.
  """

  numbered = True

  def __init__(
    self, subscription: Subscription, name: str, market: str, url: str, actions: deque[Action]
  ) -> None:
    super().__init__(subscription, name)
    self._market = market
    self._url = url
    self._actions = actions
    self._sync = self._new_sync()
    self._second: BookSync | None = None
    # Fetched at most once at a time.
    self._asked = False
    self._attempts = 0
    self._not_before = 0
    self._ask_anyway = 0
    self._not_further_before = 0
    self._good_since = 0
    self._reach = self._edges = _EVERYTHING

  def opened(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().opened(connection, overlap=overlap, now=now)
    if overlap:
      return
    self._second = None
    # The driver paces reconnects; a book need not wait beyond that.
    self._attempts = self._not_before = self._good_since = 0
    self._sync.restart("the connection was lost")
    # The driver has declared the outage, and a first start is none.
    self._sync.take_need()
    self._ask_anyway = now.mono_ns + QUIET_START_NS

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    depth = read_depth(frame).data
    self.heard = mono_ns
    update = Update(
      bids=depth.bids,
      asks=depth.asks,
      ids=Ids(depth.last, depth.first, depth.previous),
      ts_event=ts_ms,
      ts_exchange=depth.sent if depth.time is None else depth.time,
      ts_internal=mono_ns,
    )
    sync, second = self._sync, self._second
    events = sync.on_delta(update)
    out += events
    if sync.needs_snapshot:
      self._lacking(ts_ms, mono_ns, out)
    elif second is not None:
      second.on_delta(update)
      if events and not second.needs_snapshot and second.sequence == sync.sequence:
        self._extend(events[-1], second.book)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.missed += 1
    self._sync.restart(f"a message could not be read: {cause}")
    self._lacking(ts_ms, mono_ns, out)

  def due(self, now: Moment, out: Batch) -> None:
    if self._sync.needs_snapshot:
      if now.mono_ns >= self._ask_anyway:
        self._ask(now.mono_ns)
    elif self._second is None and self._near_the_edge():
      self._second = self._new_sync()
    if self._second is not None and self._second.needs_snapshot:
      self._ask_further(now.mono_ns)

  def on_snapshot(self, snapshot: Snapshot, received: Moment, out: Batch) -> None:
    """Takes the answer to a Fetch."""
    self._asked = False
    update = Update(
      bids=snapshot.bids,
      asks=snapshot.asks,
      ids=Ids(snapshot.last),
      ts_event=received.ts_ms,
      ts_exchange=snapshot.time,
      ts_internal=received.mono_ns,
    )
    if self._sync.needs_snapshot:
      out += self._sync.on_snapshot(update)
      if self._sync.needs_snapshot:
        self._lacking(received.ts_ms, received.mono_ns, out)
        return
    elif self._second is None:
      return
    else:
      self._second.on_snapshot(update)
      if not self._second.needs_snapshot and self._second.sequence < self._sync.sequence:
        # REST may be behind the stream; what it tells is too old to be of use.
        self._second = self._new_sync()
      self._reach = _reach(snapshot)
      return
    self._good_since = received.mono_ns
    self._reach = _reach(snapshot)
    self._set_edges()

  def failed(self) -> int:
    """Takes an answer that is no snapshot; how many requests in a row have not helped a book that
    cannot do without."""
    self._asked = False
    return self._attempts if self._sync.needs_snapshot else 0

  # Details -------------------------------------------------------------------------------------

  def _new_sync(self) -> BookSync:
    rule = linked_ranges if self._market == USDM else contiguous
    return BookSync(self.subscription.instrument, rule)

  def _lacking(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares the loss if there is one to declare, and asks for a snapshot."""
    self._second = None
    if self._good_since and mono_ns - self._good_since >= HEALTHY_NS:
      self._attempts = self._not_before = 0
    self._good_since = 0
    need = self._sync.take_need()
    if need is not None and need.gap:
      gap = need.declare(self.subscription.instrument, ts_ms)
      gap.ts_to = ts_ms if gap.ts_to is None else gap.ts_to
      gap.streams = [str(self.subscription)]
      out.append(gap)
    self._ask(mono_ns)

  def _ask(self, mono_ns: int) -> None:
    """Puts a request for a snapshot, unless one is under way or it is too early for another."""
    if self._asked or mono_ns < self._not_before:
      return
    self._asked = True
    self._attempts += 1
    self._not_before = mono_ns + min(SECOND << min(self._attempts - 1, 6), MAX_BACKOFF_NS)
    self._fetch(REPAIR if self._sync.resyncs else START)

  def _ask_further(self, mono_ns: int) -> None:
    """The same for a book that is right and only wants to know more."""
    if not self._asked and mono_ns >= self._not_further_before:
      self._asked = True
      self._not_further_before = mono_ns + FURTHER_NS
      self._fetch(EXTEND)

  def _fetch(self, priority: int) -> None:
    self._actions.append(
      Fetch(
        self._url,
        f"{SNAPSHOT} of {self.subscription.instrument}",
        self._market,
        SNAPSHOT_WEIGHT[self._market],
        self.subscription.instrument,
        priority,
      )
    )

  def _near_the_edge(self) -> bool:
    bid, ask = self._sync.book.best_bid, self._sync.book.best_ask
    low, high = self._edges
    return (bid is not None and bid[0] < low) or (ask is not None and ask[0] > high)

  def _set_edges(self) -> None:
    """Half of the way to where the known levels end: a best bid below or a best ask above calls for
    a new snapshot."""
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


def _reach(snapshot: Snapshot) -> tuple[float, float]:
  """The prices between which a snapshot tells all levels; a side that is not full tells all."""
  low, high = _EVERYTHING
  if len(snapshot.bids) >= SNAPSHOT_LEVELS:
    low = snapshot.bids[-1][0]
  if len(snapshot.asks) >= SNAPSHOT_LEVELS:
    high = snapshot.asks[-1][0]
  return low, high
