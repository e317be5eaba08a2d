"""Which of a client's filters, if any, matches an event."""

from typing import TypeAlias
from weakref import WeakValueDictionary

from bond_bookkit import BookKey

from bond_broker.protocol import spellings
from bond_broker.protocol.filters import Filter
from bond_core import AnyEvent, Consolidated, MarketType, OrderBook

Key: TypeAlias = tuple[type, str, str, MarketType | None, str | None]
"""What decides which clients receive an event: its type, exchange, symbol, market type and
expiry."""


def key_of(event: AnyEvent) -> Key:
  """The key of a market event."""
  return (
    type(event),
    event.exchange,  # type: ignore[union-attr]
    event.symbol,
    event.market_type,  # type: ignore[union-attr]
    getattr(event, "expiry", None),
  )


def key_of_book(key: BookKey) -> Key:
  """The key of a venue's order book."""
  exchange, market_type, symbol, expiry = key
  return (OrderBook, exchange, symbol, market_type, expiry)


def key_of_consolidated(market: tuple[str, MarketType | None, str | None]) -> Key:
  """The key of a market's consolidated book, given symbol, market type and expiry."""
  symbol, market_type, expiry = market
  return (Consolidated, "*", symbol, market_type, expiry)


class Selection:
  """A set of filters as one question: which of them, if any, matches this key? Answers are cached,
  so each key is matched once."""

  __slots__ = ("__weakref__", "_answers", "filters", "spellings")

  def __init__(self, filters: tuple[Filter, ...]) -> None:
    self.filters = filters
    named = [found for one in filters if (found := spellings.of_filter(one)) is not None]
    self.spellings = frozenset[str]().union(*named) if len(named) == len(filters) else None
    """Of all that it names; None where it is for every symbol."""
    self._answers: dict[Key, Filter | None] = {}

  def pick(self, key: Key) -> Filter | None:
    """The first filter that matches events of this key."""
    try:
      return self._answers[key]
    except KeyError:
      kind, exchange, symbol, market_type, expiry = key
      channel: str = kind.channel  # type: ignore[attr-defined]
      found = next(
        (f for f in self.filters if f.matches(channel, exchange, symbol, market_type, expiry)), None
      )
      self._answers[key] = found
      return found

  def forget(self, key: Key | None = None) -> None:
    """Drops the cached answers, or that of one key."""
    if key is None:
      self._answers.clear()
    else:
      self._answers.pop(key, None)


_shared = WeakValueDictionary[tuple[Filter, ...], Selection]()


def selection_of(filters: tuple[Filter, ...]) -> Selection:
  """The selection of these filters: one for all clients that have the same."""
  selection = _shared.get(filters)
  if selection is None:
    selection = _shared[filters] = Selection(filters)
  return selection
