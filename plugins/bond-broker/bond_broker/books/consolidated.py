"""The books of one market across venues as one book, for clients that subscribe to that."""

import math
from typing import Generic, TypeAlias

from bond_bookkit import ConsolidatedBook

from bond_broker.books.live import LiveBook
from bond_broker.books.views import Reader, View, Views
from bond_broker.protocol.filters import Filter
from bond_core import Consolidated, Gap, MarketType, OrderBook

MarketKey: TypeAlias = tuple[str, MarketType | None, str | None]
"""Symbol, market type, expiry: what has one consolidated book."""


def market_of(book: LiveBook[Reader]) -> MarketKey:
  """The market of a venue's book."""
  _, market_type, symbol, expiry = book.key
  return symbol, market_type, expiry


class ConsolidatedMarket(Generic[Reader]):
  """One market's consolidated book and its readers. Times are trio's: what counts is when an update
  arrived here."""

  __slots__ = ("book", "views")

  def __init__(self, market: MarketKey) -> None:
    self.book = ConsolidatedBook(*market)
    self.views = Views[Reader]()

  def add(self, reader: Reader, matched: Filter, round_: int) -> None:
    """One more reader, from a round on."""
    self.views.add(reader, matched, round_)

  def include(self, live: LiveBook[Reader]) -> None:
    """Adds a venue's book as it is."""
    if (replica := live.whole) is not None:
      self.update(replica.view(None), live.updated_at)
      if replica.doubt is not None:
        self.on_gap(replica.doubt)

  def update(self, event: OrderBook, now: float) -> bool:
    """Applies an update of a venue's book; whether it changed this one."""
    return self.book.take(event.exchange, event, _ms(now))

  def on_gap(self, gap: Gap) -> bool:
    """A loss was declared; whether a venue left the book because of it."""
    return self.book.hold(gap)

  def expire(self, now: float) -> bool:
    """Leaves out venues that were quiet for too long; whether there were any."""
    return self.book.expire(_ms(now))

  def next_due(self) -> float:
    """When a view is due or a venue too old."""
    expires = self.book.expires
    return min(self.views.next_due(), math.inf if expires is None else expires / 1000)

  def show(self, view: View[Reader], now: float, round_: int) -> Consolidated:
    """A view as an event, which counts as shown in a round."""
    view.due = math.inf
    view.shown, view.round = now, round_
    return self.state(view, now)

  def state(self, view: View[Reader], now: float) -> Consolidated:
    """The book as it is, for a reader who missed a showing."""
    return self.book.view(view.depth, _ms(now))


def _ms(now: float) -> int:
  return int(now * 1000)
