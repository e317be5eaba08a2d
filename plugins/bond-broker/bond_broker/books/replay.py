"""The order books of a replay, as they were then."""

import msgspec
from bond_bookkit import BookKey, BookView, ReplicaBook, concerns, may_concern

from bond_broker.protocol.filters import Filter
from bond_broker.protocol.subscription import Subscription
from bond_core import Batch, Gap, OrderBook
from bond_core.books import Book


class ReplayBooks:
  """Follows the books of a replaying client from a snapshot before the place where its replay
  begins, so that its first view or delta stands on a whole book."""

  __slots__ = ("_books", "_started", "_views")

  def __init__(self) -> None:
    self._views: dict[Filter, BookView] = {}
    self._books: dict[BookKey, ReplicaBook] = {}
    self._started: set[tuple[int, BookKey]] = set()

  @property
  def levels(self) -> int:
    """How many levels its books have."""
    own = sum(sum(replica.book.size) for replica in self._books.values())
    return own + sum(view.levels for view in self._views.values())

  def update(self, number: int, event: OrderBook, subscription: Subscription) -> Batch:
    """What a subscription receives of a book's update. Before its start that is nothing: the update
    only brings the book to where the replay begins."""
    matched = subscription.filter
    if matched.deltas:
      return self._deltas(number, event, subscription)
    view = self._views.get(matched)
    if view is None:
      view = self._views[matched] = BookView(matched.depth, matched.speed_ms)
    shown = view([event])
    return shown if number >= subscription.start else []

  def has_started(self, subscription: Subscription, key: BookKey) -> bool:
    """Whether the subscription's chain of deltas of this book has begun."""
    return (id(subscription), key) in self._started

  def on_gap(self, gap: Gap) -> None:
    """A loss was declared, maybe before a subscription's start."""
    for view in self._views.values():
      view([gap])
    if gap.channel not in ("orderbook", "*"):
      return
    for key, replica in self._books.items():
      if concerns(gap, key):
        replica.chained = False
      elif may_concern(gap, key):
        replica.doubt = gap

  def _deltas(self, number: int, event: OrderBook, subscription: Subscription) -> Batch:
    checkpoint = event.is_reset is False
    if number >= subscription.start and subscription.resumes:
      # Its reader has the book already.
      return [] if checkpoint else [event]
    key = (event.exchange, event.market_type, event.symbol, event.expiry)
    out: Batch = []
    replica = self._books.get(key)
    chain = (id(subscription), key)
    if number >= subscription.start and chain not in self._started:
      if event.update_type == "snapshot":
        self._started.add(chain)
        out.append(event if not checkpoint else _as_beginning(event))
      elif replica is not None and replica.chained:
        self._started.add(chain)
        out.append(replica.view(None, reset=True))
        if replica.doubt is not None:
          # Its reader knows no more than those who were there then.
          out.append(subscription.filter.shown(replica.doubt))
        out.append(event)
    elif number >= subscription.start and not checkpoint:
      out.append(event)
    if chain not in self._started:
      self._follow(key, replica, event)
    return out

  def _follow(self, key: BookKey, replica: ReplicaBook | None, event: OrderBook) -> None:
    if event.update_type == "snapshot":
      if replica is None:
        replica = self._books[key] = ReplicaBook(Book(), event)
      replica.chained = replica.restart(event)
    elif replica is not None and replica.chained and not replica.holds(event):
      replica.chained = replica.advance(event)


def _as_beginning(event: OrderBook) -> OrderBook:
  """A checkpoint as the book that a chain of deltas starts from."""
  beginning: OrderBook = msgspec.structs.replace(event, is_reset=True)
  return beginning
