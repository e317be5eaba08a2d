"""core.consolidate: one book for each symbol, of all venues."""

from typing import Literal, NamedTuple

import attrs
from bond_bookkit import NEVER, ConsolidatedBook, Throttle

from bond_core import (
  Batch,
  Consolidated,
  Duration,
  Gap,
  MarketType,
  OrderBook,
  TransformContext,
  TransformType,
)
from bond_core.books import MAX_LEVELS


def _check_speed(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0 <= value <= 60:
    raise ValueError("speed is between 0s (each change) and 60s")


def _check_age(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0.1 <= value <= 86_400:
    raise ValueError("max_age is between 100ms and 1d")


def _check_quotes(
  instance: object, attribute: "attrs.Attribute[list[str]]", value: list[str]
) -> None:
  if len(set(value)) != len(value) or len(value) == 1:
    raise ValueError("same_quotes names two or more different currencies, such as [USDT, USDC]")


@attrs.frozen
class Consolidate:
  """`depth` levels a side, at most every `speed`. A venue whose book has not changed for `max_age`
  is left out until it does. Spot, perpetuals and dated contracts have books of their own, and so
  has each quote currency, unless `market_types` is `together`, and but for the currencies in
  `same_quotes`, whose prices are then compared one to one under the first one's name."""

  depth: int = attrs.field(
    default=20, validator=[attrs.validators.ge(1), attrs.validators.le(MAX_LEVELS)]
  )
  speed: Duration = attrs.field(default=Duration(0.1), validator=_check_speed)
  max_age: Duration = attrs.field(default=Duration(30), validator=_check_age)
  market_types: Literal["apart", "together"] = "apart"
  same_quotes: list[str] = attrs.field(
    factory=list, validator=_check_quotes, metadata={"public": True}
  )


class Key(NamedTuple):
  """What has one consolidated book."""

  symbol: str
  market_type: MarketType | None
  expiry: str | None


class Consolidator:
  """Turns the books of several venues into `consolidated` events. Other events pass in order.

  A view comes when a venue's update, its loss or its age has changed the book; it is shown at once
  if the last one is `speed` old, else when that time has passed. Time is the receive time of the
  events, so a recording gives what was seen live.
  """

  def __init__(self, config: Consolidate, ctx: TransformContext) -> None:
    self._config = config
    self._max_age = round(config.max_age * 1000)
    self._books: dict[Key, ConsolidatedBook] = {}
    self._pace: Throttle[Key] = Throttle(round(config.speed * 1000))
    self._names: dict[tuple[str, str | None, str, str | None], tuple[Key, str]] = {}
    self._ages = NEVER

  def __call__(self, batch: Batch) -> Batch:
    """The batch with consolidated views in place of the venues' books."""
    out: Batch = []
    pace = self._pace
    for event in batch:
      due = pace.move_to(getattr(event, "ts_event", 0))
      if due or pace.now >= self._ages:
        self._come_to(out)
      if isinstance(event, OrderBook):
        self._take(event, out)
        continue
      if isinstance(event, Gap):
        self._hold(event, out)
      out.append(event)
    return out

  def next_timer(self) -> int | None:
    """When the next view is due, or a venue too old."""
    first = min(self._pace.next, self._ages)
    return None if first == NEVER else first

  def on_timer(self, now_ms: int) -> Batch:
    """What is due by now."""
    out: Batch = []
    self._pace.move_to(now_ms)
    self._come_to(out)
    return out

  def finish(self) -> Batch:
    """The views of all books that changed since they were last shown."""
    return [self._view(key) for key in self._pace.take_due(NEVER)]

  # Details -------------------------------------------------------------------------------------

  def _take(self, event: OrderBook, out: Batch) -> None:
    one = (event.exchange, event.market_type, event.symbol, event.expiry)
    named = self._names.get(one)
    if named is None:
      named = self._names[one] = self._name(event)
    key, venue = named
    book = self._books.get(key)
    if book is None:
      book = self._books[key] = ConsolidatedBook(*key, max_age_ms=self._max_age)
    if book.take(venue, event, self._pace.now):
      self._ages = min(self._ages, self._pace.now + self._max_age)
      self._show(key, out)

  def _hold(self, gap: Gap, out: Batch) -> None:
    if gap.channel in ("orderbook", "*"):
      for key, book in self._books.items():
        if book.hold(gap):
          self._show(key, out)

  def _show(self, key: Key, out: Batch) -> None:
    if self._pace.changed(key):
      out.append(self._view(key))

  def _view(self, key: Key) -> Consolidated:
    return self._books[key].view(self._config.depth, self._pace.now)

  def _come_to(self, out: Batch) -> None:
    """It is later: venues may be too old, and views due."""
    now = self._pace.now
    if now >= self._ages:
      for key, book in self._books.items():
        if book.expire(now):
          self._show(key, out)
      ages = (book.expires for book in self._books.values())
      self._ages = min((at for at in ages if at is not None), default=NEVER)
    out += [self._view(key) for key in self._pace.take_due(now)]

  def _name(self, event: OrderBook) -> tuple[Key, str]:
    """Which book an update belongs to, and under which name: the exchange's, with what else is
    needed to tell two books of one exchange apart."""
    venue = event.exchange
    symbol, market_type, expiry = event.symbol, event.market_type, event.expiry
    base, slash, quote = symbol.partition("/")
    same = self._config.same_quotes
    if slash and quote in same:
      symbol = f"{base}/{same[0]}"
      venue = f"{venue} {event.symbol}"
    if self._config.market_types == "together":
      venue = " ".join(filter(None, (venue, market_type, expiry)))
      market_type = expiry = None
    return Key(symbol, market_type, expiry), venue


def make(config: Consolidate, ctx: TransformContext) -> Consolidator:
  """A consolidator that knows no book."""
  return Consolidator(config, ctx)


TYPE = TransformType(
  name="core.consolidate",
  summary="One order book for each symbol across venues, with the best price and who quotes it.",
  config=Consolidate,
  make=make,
  public=True,
  example="{depth: 10, max_age: 10s}",
)
