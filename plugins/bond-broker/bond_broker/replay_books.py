"""The order books of a replay as they were then."""

import msgspec

from bond_broker.client import Subscription
from bond_broker.filters import Filter
from bond_core import Batch, Gap, OrderBook
from bond_core.books import Book, BookKey, BookView, ReplicaBook


class ReplayBooks:
  """Follows the books that a replaying client wants, from a snapshot before the place where its
  replay begins, so that the first view or delta that it gets stands on a whole book."""

  __slots__ = ("_begun", "_books", "_views")

  def __init__(self) -> None:
    self._views: dict[Filter, BookView] = {}
    self._books: dict[BookKey, ReplicaBook] = {}
    self._begun: set[tuple[int, BookKey]] = set()

  def take(self, number: int, event: OrderBook, subscription: Subscription) -> Batch:
    """What a subscription gets of a book's update. Before its start that is nothing: the update
    only brings the book to where the replay begins."""
    wish = subscription.filter
    if wish.deltas:
      return self._deltas(number, event, subscription)
    view = self._views.get(wish)
    if view is None:
      view = self._views[wish] = BookView(wish.depth, wish.speed_ms)
    shown = view([event])
    return shown if number >= subscription.start else []

  def begun(self, subscription: Subscription, key: BookKey) -> bool:
    """Whether a chain of deltas of this book has been started."""
    return (id(subscription), key) in self._begun

  def gap(self, gap: Gap) -> None:
    """A loss was declared."""
    for view in self._views.values():
      view([gap])

  def _deltas(self, number: int, event: OrderBook, subscription: Subscription) -> Batch:
    checkpoint = event.is_reset is False
    if number >= subscription.start and subscription.resumes:
      # Its reader has the book already.
      return [] if checkpoint else [event]
    key = (event.exchange, event.market_type, event.symbol, event.expiry)
    out: Batch = []
    followed = self._books.get(key)
    begun = (id(subscription), key)
    if number >= subscription.start and begun not in self._begun:
      if event.update_type == "snapshot":
        self._begun.add(begun)
        out.append(event if not checkpoint else _as_beginning(event))
      elif followed is not None and followed.chained:
        self._begun.add(begun)
        out += [followed.view(None, reset=True), event]
    elif number >= subscription.start and not checkpoint:
      out.append(event)
    if begun not in self._begun:
      self._follow(key, followed, event)
    return out

  def _follow(self, key: BookKey, followed: ReplicaBook | None, event: OrderBook) -> None:
    if event.update_type == "snapshot":
      if followed is None:
        followed = self._books[key] = ReplicaBook(Book(), event)
      followed.chained = followed.restart(event)
    elif followed is not None and followed.chained and not followed.holds(event):
      followed.chained = followed.advance(event)


def _as_beginning(event: OrderBook) -> OrderBook:
  """A book of the log, as the one that a chain of deltas starts from."""
  beginning: OrderBook = msgspec.structs.replace(event, is_reset=True)
  return beginning
