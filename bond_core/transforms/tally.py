"""What one symbol did in one window, so far."""

from math import fsum
from typing import NamedTuple

# Values are summed exactly and rounded once, so that no order of arrival changes the result.
_FOLD = 4096

_At = tuple[int, int, str]


class ExactSum:
  """A sum of floats that does not depend on their order."""

  __slots__ = ("_values", "count")

  def __init__(self) -> None:
    self.count = 0
    self._values: list[float] = []

  def add(self, value: float) -> None:
    """Adds one value."""
    self.count += 1
    self._values.append(value)
    if len(self._values) >= _FOLD:
      self._fold()

  def total(self) -> float:
    """The sum, rounded once."""
    return fsum(self._values)

  def mean(self) -> float | None:
    """The mean, None of nothing."""
    return self.total() / self.count if self.count else None

  def _fold(self) -> None:
    """Replaces the values by a few that have exactly the same sum."""
    parts: list[float] = []
    while rest := fsum([*self._values, *(-part for part in parts)]):
      parts.append(rest)
    self._values = parts


class Price(NamedTuple):
  """The price fields of a window."""

  average: float | None = None
  open: float | None = None
  high: float | None = None
  low: float | None = None
  close: float | None = None
  vwap: float | None = None
  volume: float = 0.0


class Prices:
  """Prices at times. The first and the last are by time, then by the venue's number of the trade
  (a number that is longer is greater), so that the order of arrival does not matter."""

  __slots__ = ("_first", "_last", "high", "low", "sum")

  def __init__(self) -> None:
    self.sum = ExactSum()
    self.high = float("-inf")
    self.low = float("inf")
    self._first: tuple[_At, float] | None = None
    self._last: tuple[_At, float] | None = None

  def add(self, when: int, number: str, price: float) -> None:
    """Adds one price."""
    self.sum.add(price)
    self.high = max(self.high, price)
    self.low = min(self.low, price)
    at = ((when, len(number), number), price)
    if self._first is None or at < self._first:
      self._first = at
    if self._last is None or at > self._last:
      self._last = at

  @property
  def open(self) -> float | None:
    """The first price."""
    return None if self._first is None else self._first[1]

  @property
  def close(self) -> float | None:
    """The last price."""
    return None if self._last is None else self._last[1]


class Tally:
  """One symbol, one window."""

  def __init__(self) -> None:
    self.trades = 0
    self.posts = 0
    self.chain = 0
    self.custom = 0
    self.sources: set[str] = set()
    self.chain_values = ExactSum()
    self._traded = Prices()
    self._volume = ExactSum()
    self._turnover = ExactSum()
    self._quoted = Prices()
    self._quote_bids, self._quote_asks = ExactSum(), ExactSum()
    self._top_bids, self._top_asks = ExactSum(), ExactSum()

  def add_trade(self, when: int, number: str | None, price: float, size: float) -> None:
    """Adds a trade."""
    self.trades += 1
    self._traded.add(when, number or "", price)
    self._volume.add(size)
    self._turnover.add(price * size)

  def add_quote(self, when: int, bid: float | None, ask: float | None, last: float | None) -> None:
    """Adds a ticker."""
    if bid is not None:
      self._quote_bids.add(bid)
    if ask is not None:
      self._quote_asks.add(ask)
    if last is not None:
      self._quoted.add(when, "", last)

  def add_top(self, bid: float | None, ask: float | None) -> None:
    """Adds the best levels of a view of a book."""
    if bid is not None:
      self._top_bids.add(bid)
    if ask is not None:
      self._top_asks.add(ask)

  @property
  def bids(self) -> ExactSum:
    """Bids of tickers, or of books where no ticker had one."""
    return self._quote_bids if self._quote_bids.count else self._top_bids

  @property
  def asks(self) -> ExactSum:
    """Asks, likewise."""
    return self._quote_asks if self._quote_asks.count else self._top_asks

  @property
  def price_from(self) -> str | None:
    """Says ticker where the price is that of tickers because nothing was traded."""
    return "ticker" if not self.trades and self._quoted.sum.count else None

  def price(self) -> Price:
    """The price fields: of trades, or of tickers where there were no trades."""
    prices = self._traded if self.trades else self._quoted
    if not prices.sum.count:
      return Price()
    volume = self._volume.total()
    return Price(
      prices.sum.mean(),
      prices.open,
      prices.high,
      prices.low,
      prices.close,
      self._turnover.total() / volume if volume else None,
      volume,
    )
