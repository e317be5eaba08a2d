"""The books of a market across venues as one, for the clients that asked for that."""

import math
from typing import TypeAlias

from bond_broker.books import LiveBook
from bond_broker.filters import Filter
from bond_broker.groups import Group
from bond_broker.selection import Key
from bond_broker.views import View, Views
from bond_core import Consolidated, Gap, OrderBook
from bond_core.books import ConsolidatedBook

Market: TypeAlias = tuple[str, str | None, str | None]
"""Symbol, market type, expiry: what has one consolidated book."""


def market_of(book: LiveBook) -> Market:
  """The market of a venue's book."""
  _, market_type, symbol, expiry = book.key
  return symbol, market_type, expiry


def key_of(market: Market) -> Key:
  """What a filter has to want to see this market's consolidated book."""
  symbol, market_type, expiry = market
  return (Consolidated, "*", symbol, market_type, expiry)


class ConsolidatedMarket:
  """One market's consolidated book and who reads it. Times are trio's: what counts is when an
  update came by, not what a clock says."""

  __slots__ = ("book", "views")

  def __init__(self, market: Market) -> None:
    self.book = ConsolidatedBook(*market)
    self.views = Views()

  def add(self, group: Group, wish: Filter) -> None:
    """One more reader."""
    self.views.add(group, wish, self.book.number)

  def join(self, live: LiveBook) -> None:
    """A venue's book as it is."""
    if live.good and live.followed is not None:
      self.take(live.followed.view(None), live.taken)

  def take(self, event: OrderBook, now: float) -> bool:
    """An update of a venue's book; whether it changed this one."""
    return self.book.take(event.exchange, event, _ms(now))

  def hold(self, gap: Gap) -> bool:
    """A loss was declared; whether that took a venue out."""
    return self.book.hold(gap)

  def expire(self, now: float) -> bool:
    """Leaves out venues that were quiet for too long; whether there were any."""
    return self.book.expire(_ms(now))

  def due(self) -> float:
    """When a view is due, or a venue too old."""
    expires = self.book.expires
    return min(self.views.due(), math.inf if expires is None else expires / 1000)

  def show(self, view: View, now: float) -> Consolidated:
    """The view as an event; it counts as shown."""
    view.due = math.inf
    view.shown = now
    view.number = self.book.number
    return self.look(view, now)

  def look(self, view: View, now: float) -> Consolidated:
    """The book as it is, for a reader who missed a showing."""
    return self.book.view(view.depth, _ms(now))


def _ms(now: float) -> int:
  return int(now * 1000)
