"""What one symbol did in one window, so far: sums that no order of arrival changes."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from math import fsum, isfinite, ulp
from typing import Any

from bond_core import AnyEvent, ChainEvent, Custom, Liquidation, OrderBook, Post, Ticker, Trade

# Events are kept as they are and folded into sums this many at a time, which is three times as fast
# as one by one, and bounds the memory of long windows.
FOLD = 512

# Values that a sum keeps before it is brought to a few: once for most windows, at their end.
_KEPT = 8 * FOLD

# Greater numbers are garbage: no sum of them is to overflow.
_LIMIT = 1e290

MOST_PLACES = 15
"""Decimals that prices, sizes and amounts have at most, where they are written and not computed."""


class ExactSum:
  """A sum of floats that is rounded once and so does not depend on their order."""

  __slots__ = ("_parts", "count")

  def __init__(self) -> None:
    self.count = 0
    self._parts = array("d")

  def extend(self, values: list[float]) -> None:
    """Adds values; what is no finite number is left out."""
    if not are_sound(values):
      values = [value for value in values if _is_sound(value)]
    self.extend_sound(values)

  def extend_sound(self, values: list[float]) -> None:
    """Adds values of which `are_sound` is true."""
    self.count += len(values)
    self._parts.extend(values)
    self._note(values)
    if len(self._parts) > _KEPT:
      self._compact()

  def _note(self, values: list[float]) -> None:
    """Looks at values that are added."""

  def join(self, other: "ExactSum") -> None:
    """Adds another sum."""
    self.count += other.count
    self._parts.extend(other._parts)

  def total(self) -> float:
    """The sum, rounded once."""
    return fsum(self._parts)

  def mean(self) -> float | None:
    """The mean, None of nothing."""
    return self.total() / self.count if self.count else None

  def _compact(self) -> None:
    """Replaces the parts by a few that have exactly the same sum: the rounded sum, the rounded rest
    that it leaves, and so on until nothing is left."""
    parts = array("d")
    while rest := fsum([*self._parts, *(-part for part in parts)]):
      parts.append(rest)
    self._parts = parts


class DecimalSum(ExactSum):
  """A sum of decimals, which `shown` is as well."""

  __slots__ = ("_places",)

  def __init__(self) -> None:
    super().__init__()
    # How many decimals the values have at most; None for more than are written by hand.
    self._places: int | None = 0

  def _note(self, values: list[float]) -> None:
    places = self._places
    while places is not None:
      # The quotient of two whole numbers is the float that is written so; `round` takes longer.
      scale = 10.0**places
      rounded = [(value * scale + 0.5) // 1.0 / scale for value in values]
      if rounded == values:
        break
      odd = next(value for value, near in zip(values, rounded, strict=True) if value != near)
      more = range(places + 1, MOST_PLACES + 1)
      places = next((place for place in more if round(odd, place) == odd), None)
    self._places = places

  def join(self, other: ExactSum) -> None:
    super().join(other)
    theirs = other._places if isinstance(other, DecimalSum) else None
    known = self._places is not None and theirs is not None
    self._places = max(self._places or 0, theirs or 0) if known else None

  def shown(self) -> float:
    """The sum of the decimals by which its parts are shown, as far as a float holds the digits."""
    found, places = self.total(), self._places
    # Each value is off by half its last bit at most; where that may add up to a digit, none is cut.
    if places is None or self.count * ulp(found) >= 10.0**-places:
      return found
    return round(found, places)


def are_sound(values: list[float]) -> bool:
  """Whether all are finite numbers of which no sum overflows."""
  # Of finite numbers alone the least and the greatest are what they seem.
  return not values or (isfinite(sum(values)) and _is_sound(min(values)) and _is_sound(max(values)))


def _is_sound(value: float) -> bool:
  # A comparison with what is no number is false.
  return -_LIMIT < value < _LIMIT


class Prices:
  """Prices at times. First and last go by time, then by the source's own numbers, then by arrival,
  so that the order of arrival matters only where nothing else decides."""

  __slots__ = ("_first", "_last", "_noted", "high", "low", "sum")

  def __init__(self) -> None:
    self.sum = ExactSum()
    self.high: float | None = None
    self.low: float | None = None
    self._first: tuple[tuple[Any, ...], float] | None = None
    self._last: tuple[tuple[Any, ...], float] | None = None
    self._noted = 0

  def extend(self, rows: list[tuple[int, Any]], values: list[float]) -> None:
    """Adds the values, of which `are_sound` is true, of rows of (time, event)."""
    if not rows:
      return
    self.sum.extend_sound(values)
    self._bound(min(values), max(values))
    times = [when for when, _ in rows]
    begin, end = min(times), max(times)
    first = min(self._at(i, rows[i], values[i]) for i in _places(times, begin))
    last = max(self._at(i, rows[i], values[i]) for i in _places(times, end))
    self._place(first, last)
    self._noted += len(rows)

  def join(self, other: "Prices") -> None:
    """Adds other prices."""
    if other._first is None or other._last is None or other.low is None or other.high is None:
      return
    self.sum.join(other.sum)
    self._bound(other.low, other.high)
    self._place(other._first, other._last)

  @property
  def open(self) -> float | None:
    """The first price."""
    return None if self._first is None else self._first[1]

  @property
  def close(self) -> float | None:
    """The last price."""
    return None if self._last is None else self._last[1]

  def _at(self, index: int, row: tuple[int, Any], value: float) -> tuple[tuple[Any, ...], float]:
    when, event = row
    number = event.sequence
    if number is None:
      text = getattr(event, "trade_id", None)
      number = int(text) if text and text.isdecimal() and len(text) < 20 else 0
    place = when, event.exchange, event.market_type or "", number, self._noted + index
    return place, value

  def _bound(self, low: float, high: float) -> None:
    self.low = low if self.low is None else min(self.low, low)
    self.high = high if self.high is None else max(self.high, high)

  def _place(
    self, first: tuple[tuple[Any, ...], float], last: tuple[tuple[Any, ...], float]
  ) -> None:
    if self._first is None or first < self._first:
      self._first = first
    if self._last is None or last > self._last:
      self._last = last


def _places(times: list[int], time: int) -> Iterable[int]:
  """Where in `times` this one is."""
  if times.count(time) == 1:
    return (times.index(time),)
  return (place for place, other in enumerate(times) if other == time)


class Traded:
  """Trades: their prices, sizes and values."""

  __slots__ = ("prices", "turnover", "volume")

  def __init__(self) -> None:
    self.prices = Prices()
    self.volume, self.turnover = DecimalSum(), ExactSum()

  @property
  def count(self) -> int:
    """How many."""
    return self.volume.count

  @property
  def vwap(self) -> float | None:
    """The mean price of a unit, None where nothing changed hands."""
    volume = self.volume.total()
    return self.turnover.total() / volume if volume else None

  def join(self, other: "Traded") -> None:
    """Adds other trades."""
    self.prices.join(other.prices)
    self.volume.join(other.volume)
    self.turnover.join(other.turnover)


class Tally:
  """The events of one symbol in one window."""

  __slots__ = (
    "asks",
    "bids",
    "book_asks",
    "book_bids",
    "chain",
    "chain_values",
    "custom",
    "exchanges",
    "invalid",
    "kept",
    "posts",
    "quoted",
    "removed",
    "rows",
    "simulated",
    "venues",
  )

  def __init__(self) -> None:
    self.rows: list[tuple[int, AnyEvent]] = []
    """(time, event) of those not yet folded; the code that adds one folds at FOLD."""
    self.kept: list[AnyEvent] | None = None
    """All events that were folded, where they are traced."""
    self.exchanges: set[str] = set()
    self.simulated: set[str] = set()
    """Those of them that simulated events name."""
    self.venues: dict[str, Traded] = {}
    """What was traded, by exchange."""
    self.posts = self.chain = self.custom = 0
    self.removed = 0
    """Chain events that take back others."""
    self.invalid = 0
    """Trades left out because their price or size was no finite number."""
    self.quoted = Prices()
    self.chain_values = DecimalSum()
    self.bids, self.asks = ExactSum(), ExactSum()
    self.book_bids, self.book_asks = ExactSum(), ExactSum()

  def traded(self) -> Traded:
    """What was traded on all exchanges together."""
    if len(self.venues) == 1:
      return next(iter(self.venues.values()))
    total = Traded()
    for traded in self.venues.values():
      total.join(traded)
    return total

  def fold(self) -> None:
    """Brings the sums up to date."""
    trades = defaultdict[str, list[tuple[int, Trade]]](list)
    tickers: list[tuple[int, Ticker]] = []
    books: list[OrderBook] = []
    values: list[float] = []
    for row in self.rows:
      event = row[1]
      if isinstance(event, Trade):
        trades[event.exchange].append((row[0], event))
      elif isinstance(event, Ticker):
        tickers.append((row[0], event))
      elif isinstance(event, OrderBook):
        books.append(event)
      elif isinstance(event, Post):
        self.posts += event.count
      elif isinstance(event, ChainEvent) and event.removed:
        # It may be of a window that is closed, and a count below zero would be no count.
        self.removed += 1
      elif isinstance(event, ChainEvent):
        self.chain += 1
        if event.value is not None:
          values.append(event.value)
      elif isinstance(event, Custom | Liquidation):
        self.custom += 1
    # One event of each speaks for all: a source is simulated or is not.
    for exchange, event in {row[1].exchange: row[1] for row in self.rows}.items():  # type: ignore[union-attr]
      self.exchanges.add(exchange)
      if event.simulated:  # type: ignore[union-attr]
        self.simulated.add(exchange)
    if self.kept is not None:
      self.kept += [event for _, event in self.rows]
    self.rows.clear()
    self.chain_values.extend(values)
    for exchange, of_exchange in trades.items():
      self._fold_trades(exchange, of_exchange)
    self._fold_tickers(tickers)
    self.book_bids.extend([book.bids[0][0] for book in books if book.bids])
    self.book_asks.extend([book.asks[0][0] for book in books if book.asks])

  def _fold_trades(self, exchange: str, rows: list[tuple[int, Trade]]) -> None:
    prices = [trade.price for _, trade in rows]
    sizes = [trade.size for _, trade in rows]
    turnover = [price * size for price, size in zip(prices, sizes, strict=True)]
    if not (are_sound(prices) and are_sound(sizes) and are_sound(turnover)):
      sound = [row for row in rows if _is_sound_trade(row[1])]
      self.invalid += len(rows) - len(sound)
      self._fold_trades(exchange, sound)
      return
    if not rows:
      return
    traded = self.venues.get(exchange)
    if traded is None:
      traded = self.venues[exchange] = Traded()
    traded.prices.extend(rows, prices)
    traded.volume.extend_sound(sizes)
    traded.turnover.extend_sound(turnover)

  def _fold_tickers(self, rows: list[tuple[int, Ticker]]) -> None:
    self.bids.extend([ticker.bid for _, ticker in rows if ticker.bid is not None])
    self.asks.extend([ticker.ask for _, ticker in rows if ticker.ask is not None])
    priced = [
      (when, ticker) for when, ticker in rows if ticker.last is not None and _is_sound(ticker.last)
    ]
    self.quoted.extend(priced, [ticker.last for _, ticker in priced if ticker.last is not None])


def _is_sound_trade(trade: Trade) -> bool:
  return all(map(_is_sound, (trade.price, trade.size, trade.price * trade.size)))


def joined(tallies: Iterable[Tally]) -> Tally:
  """One tally of several; those given are folded and else left as they are."""
  total = Tally()
  for tally in tallies:
    tally.fold()
    total.exchanges |= tally.exchanges
    total.simulated |= tally.simulated
    for exchange, traded in tally.venues.items():
      total.venues.setdefault(exchange, Traded()).join(traded)
    total.posts += tally.posts
    total.chain += tally.chain
    total.custom += tally.custom
    total.invalid += tally.invalid
    total.removed += tally.removed
    total.quoted.join(tally.quoted)
    for name in ("chain_values", "bids", "asks", "book_bids", "book_asks"):
      getattr(total, name).join(getattr(tally, name))
  return total
