"""What a simulated venue's markets really did, noted where they do it: before anything is written
as a message, so that neither a writer's nor a feed's mistake is in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from bond_sim.binance.market import BinanceMarket
from bond_sim.bybit.writer import BybitWriter
from bond_sim.coinbase.writer import CoinbaseWriter
from bond_sim.hyperliquid.writer import HyperliquidWriter
from bond_sim.market.book import BUY, SELL
from bond_sim.market.topic_market import BOOK, QUOTE, STATE, TopicMarket
from bond_sim.okx.writer import OkxWriter

Market = tuple[str, str]
"""A symbol and a market type, as events name them."""
Sides = tuple[dict[int, int], dict[int, int]]
"""Bids and asks: lots by ticks."""


class TrueTrade(NamedTuple):
  """A trade, or several at one price where the venue joins them."""

  id: str
  price: float
  size: float
  side: str


class Units:
  """Ticks and lots of a market in its quote and base currency; a lot of Binance's COIN-M is a
  contract, which is so many dollars at whatever price."""

  def __init__(self, market: Any) -> None:
    if isinstance(market, BinanceMarket):
      listing = market._listing
      kind = {"": "spot", "PERPETUAL": "perp"}.get(listing.contract, "future")
      self.market: Market = (f"{listing.base}/{listing.quote}", kind)
      self._tick, self._lot = 10.0**-listing.price_decimals, 10.0**-listing.size_decimals
      self.worth = listing.worth
    else:
      product = market._writer._instrument.product
      self.market = f"{product.base}/{product.quote}", product.kind
      self._tick, self._lot = 10.0**-product.price_decimals, product.lot
      self.worth = 0

  def price(self, ticks: int) -> float:
    """A price."""
    return ticks * self._tick

  def size(self, lots: int, ticks: int) -> float:
    """A size at a price."""
    return lots * (self.worth / self.price(ticks) if self.worth else self._lot)

  def level(self, price: float, size: float) -> tuple[int, int]:
    """A level in ticks and lots. Raises ValueError where it is no whole number of them."""
    ticks = price / self._tick
    lots = size * price / self.worth if self.worth else size / self._lot
    level = round(ticks), round(lots)
    if abs(ticks - level[0]) > 1e-3 or abs(lots - level[1]) > 1e-3:
      raise ValueError(f"{size} at {price} is no size and price of {self.market}")
    return level


class BookHistory:
  """A whole book and each change of it, by update id."""

  def __init__(self, units: Units, flow: Any) -> None:
    self.first = flow.update_id
    self.last = flow.update_id
    self.units = units
    self._begin: Sides = dict(flow.book.sizes[BUY]), dict(flow.book.sizes[SELL])
    self._sides: Sides = dict(self._begin[0]), dict(self._begin[1])
    self._changes: list[tuple[int, int, int, int]] = []
    self._applied = 0
    self._known: dict[int, Sides] = {}
    """What was asked for: several readers do, each at its own pace."""

  def note(self, flow: Any, side: int, price: int) -> None:
    """The size at a price has changed."""
    self.last = flow.update_id
    self._changes.append((flow.update_id, side, price, flow.book.sizes[side].get(price, 0)))

  def at(self, number: int) -> Sides | None:
    """The book once all changes up to this update id are in it; None where it never had this."""
    if not self.first <= number <= self.last:
      return None
    if number not in self._known:
      bids, asks = self._moved_to(number)
      self._known[number] = dict(bids), dict(asks)
    return self._known[number]

  def _moved_to(self, number: int) -> Sides:
    if self._applied and self._changes[self._applied - 1][0] > number:
      self._sides, self._applied = (dict(self._begin[0]), dict(self._begin[1])), 0
    while self._applied < len(self._changes) and self._changes[self._applied][0] <= number:
      _, side, price, lots = self._changes[self._applied]
      levels = self._sides[0 if side == BUY else 1]
      if lots:
        levels[price] = lots
      else:
        levels.pop(price, None)
      self._applied += 1
    return self._sides


class Truth:
  """Trades in the order of the venue, books by number, quotes by number."""

  def __init__(self) -> None:
    self.units: dict[Market, Units] = {}
    self.trades: dict[Market, list[TrueTrade]] = {}
    self.quotes: dict[Market, list[tuple[int, tuple[float, ...]]]] = {}
    self.histories: dict[Market, list[BookHistory]] = {}
    self.books: dict[Market, dict[int, list[Sides]]] = {}
    """By market and number: one for each depth, and for each time that a numbering began anew."""
    self.latest: dict[Market, int] = {}
    """The number of the book that was published last."""

  @contextmanager
  def noted(self) -> Iterator[None]:
    """Notes what all markets do that move while the block lasts."""
    with noted_by(lambda: self):
      yield

  # Notes -----------------------------------------------------------------------------------------

  def _units(self, market: Any) -> Units:
    units = market.__dict__.get("_units")
    if units is None:
      units = market._units = Units(market)
      self.units[units.market] = units
    return units

  def _begun(self, market: Any, *given: Any) -> None:
    units = self._units(market)
    history = market._history = BookHistory(units, market._flow)
    self.histories.setdefault(units.market, []).append(history)
    self.latest[units.market] = history.first

  def _level_changed(self, market: Any, side: int, price: int) -> None:
    if "_history" in market.__dict__:
      market._history.note(market._flow, side, price)

  def _depth_published(self, market: Any, state: Any) -> None:
    self.latest[self._units(market).market] = state.diff.last

  def _published_now(self, market: Any, kind: str, *given: Any) -> None:
    if kind == "bookTicker":
      self._note_quote(market, market._flow.update_id, market._flow.book)

  def _filled(self, market: Any, fills: list[Any]) -> None:
    units = self._units(market)
    writer = market._writer
    if isinstance(writer, OkxWriter) or units.worth:
      # OKX gives them the last id, Binance the first.
      named = fills[0] if units.worth else fills[-1]
      fills = [named._replace(lots=sum(fill.lots for fill in fills))]
    trades = self.trades.setdefault(units.market, [])
    for fill in fills:
      size = units.size(fill.lots, fill.price)
      side = "sell" if fill.buyer_is_maker else "buy"
      trades.append(TrueTrade(_trade_id(writer, fill), units.price(fill.price), size, side))

  def _first(self, market: Any, topic: Any) -> None:
    state = market._open[topic]
    if topic.kind == BOOK:
      self._note_book(market, state)
    elif topic.kind == QUOTE and isinstance(market._writer, HyperliquidWriter):
      self._whole_published(market, state)
    elif topic.kind == QUOTE:
      self._quote_published(market, state)

  def _note_whole_book(self, market: Any, state: Any) -> None:
    """Notes a book that comes whole, by its time."""
    units, now = self._units(market), market.trading.now_ms
    self.books.setdefault(units.market, {}).setdefault(now, []).append(
      market._sides(state.topic.levels)
    )
    self.latest[units.market] = now

  def _book_published(self, market: Any, state: Any) -> None:
    by_time = isinstance(market._writer, CoinbaseWriter)
    if not by_time or state.published_at == market.trading.now:
      self._note_book(market, state)

  def _whole_published(self, market: Any, state: Any) -> None:
    if state.topic.levels > 1:
      self._note_whole_book(market, state)
    else:
      self._note_quote(market, market.trading.now_ms, market.trading.flow.book)

  def _published_timed(self, market: Any, state: Any) -> None:
    if state.topic.kind == STATE and isinstance(market._writer, CoinbaseWriter):
      self._note_quote(market, market.trading.now_ms, market.trading.flow.book)

  def _published_again(self, market: Any, state: Any) -> None:
    if isinstance(market._writer, HyperliquidWriter):
      self._quote_published(market, state)

  def _note_book(self, market: Any, state: Any) -> None:
    units = self._units(market)
    counted = isinstance(market._writer, BybitWriter)
    number = state.count if counted else state.last
    if isinstance(market._writer, CoinbaseWriter):
      number = market.trading.now_ms
    books = self.books.setdefault(units.market, {}).setdefault(number, [])
    if not books or books[-1] is not state.sides:
      books.append(state.sides)
    self.latest[units.market] = number

  def _quote_published(self, market: Any, state: Any) -> None:
    if isinstance(market._writer, HyperliquidWriter):
      if state.published_at != market.trading.now:
        return  # Nothing has changed.
      self._whole_published(market, state)
      return
    counted = isinstance(market._writer, BybitWriter)
    flow = market.trading.flow
    self._note_quote(market, state.count if counted else flow.update_id, flow.book)

  def _note_quote(self, market: Any, number: int, book: Any) -> None:
    units = self._units(market)
    (bid, bid_lots), (ask, ask_lots) = book.top(BUY, 1)[0], book.top(SELL, 1)[0]
    sizes = units.size(bid_lots, bid), units.size(ask_lots, ask)
    quote = units.price(bid), sizes[0], units.price(ask), sizes[1]
    quotes = self.quotes.setdefault(units.market, [])
    if not quotes or quotes[-1] != (number, quote):
      quotes.append((number, quote))

  # Questions -------------------------------------------------------------------------------------

  def books_at(self, market: Market, number: int) -> list[Sides]:
    """Each book that the market had at this number: several where its numbering began anew."""
    found = [history.at(number) for history in self.histories.get(market, ())]
    sides = [one for one in found if one is not None]
    return [*sides, *self.books.get(market, {}).get(number, ())]


def _trade_id(writer: Any, fill: Any) -> str:
  """The id that the venue gives a trade."""
  if isinstance(writer, BybitWriter):
    return writer._id(fill)
  return str(writer.trade_id(fill) if isinstance(writer, HyperliquidWriter) else fill.trade_id)


@contextmanager
def noted_by(truth: Callable[[], Truth]) -> Iterator[None]:
  """Notes what all markets do that move while the block lasts, each with the truth of its venue,
  which is what `truth` gives there."""

  def note(name: str) -> Callable[..., None]:
    return lambda *given: getattr(truth(), name)(*given)

  with ExitStack() as stack:
    for target, name, method in (
      (BinanceMarket, "__init__", "_begun"),
      (BinanceMarket, "filled", "_filled"),
      (BinanceMarket, "level_changed", "_level_changed"),
      (BinanceMarket, "_publish_depth", "_depth_published"),
      (BinanceMarket, "_publish_now", "_published_now"),
      (TopicMarket, "filled", "_filled"),
      (TopicMarket, "first", "_first"),
      (TopicMarket, "_publish_book", "_book_published"),
      (TopicMarket, "_publish_quote", "_quote_published"),
      (TopicMarket, "_publish_again", "_published_again"),
      (TopicMarket, "_publish_timed", "_published_timed"),
    ):
      stack.enter_context(patch.object(target, name, noting(getattr(target, name), note(method))))
    yield


def noting(method: Any, note: Any) -> Any:
  """The method, which has `note` called with its arguments behind it."""

  def noted(self: Any, *given: Any) -> Any:
    result = method(self, *given)
    note(self, *given)
    return result

  return noted
