"""One generated market on its own clock: its orders, its trades and the streams read of it."""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from bond_sim.binance.listing import Listing
from bond_sim.binance.paths import SPOT
from bond_sim.binance.payloads import AggFill, Payloads
from bond_sim.binance.source import Query
from bond_sim.binance.streams import Stream, interval_ms
from bond_sim.market.book import BUY, SELL
from bond_sim.market.candles import bar_start
from bond_sim.market.orderflow import Temper
from bond_sim.market.trading import RECENT, Fill, Liquidation, Trading


@attrs.define
class Diff:
  """Levels that changed since a depth stream last told of them; ids as the venue chains them."""

  last: int
  first: int = 0
  bids: set[int] = attrs.field(factory=set)
  asks: set[int] = attrs.field(factory=set)


@attrs.define
class Outlet:
  """A stream that is read. Timed ones are `due` at a time of the market's clock (ms)."""

  stream: Stream
  name: str
  due: float
  diff: Diff
  bar_start: int = 0


class Market:
  """A market that moves when `advance` is called. Equal seeds and calls give equal messages.

  `publish` gets each message of an open stream under the name it was opened with. `fair` and
  `index` tell the price the market is drawn to and the index price, in quote units.
  """

  def __init__(
    self,
    listing: Listing,
    temper: Temper,
    seed: str,
    now_ms: int,
    fair: Callable[[], float],
    index: Callable[[], float],
    publish: Callable[[str, bytes], None],
  ) -> None:
    self._listing = listing
    self._payloads = Payloads(listing)
    self._publish = publish
    self._outlets: dict[Stream, Outlet] = {}
    self._top: tuple[int, int, int, int] | None = None
    self._agg_trades: deque[AggFill] = deque(maxlen=RECENT)
    self._forced: Liquidation | None = None
    self._trading = trading = Trading(
      temper,
      seed,
      now_ms,
      scale=10**listing.price_decimals,
      perpetual=listing.contract == "PERPETUAL",
      fair=fair,
      index=index,
      listener=self,
    )
    self._flow = trading.flow
    self._candles = trading.candles
    self._agg_id = trading.trade_id // 3
    self._answers: dict[str, Callable[[Query], Any]] = {
      "depth": self._rest_depth,
      "trades": self._rest_trades,
      "aggTrades": self._rest_agg_trades,
      "klines": self._rest_klines,
      "ticker/24hr": self._rest_ticker,
      "premiumIndex": lambda _: self._payloads.premium_index(trading.mark(), self._now_ms),
      "openInterest": lambda _: self._payloads.open_interest(trading.interest, self._now_ms),
    }

  @property
  def _now_ms(self) -> int:
    return self._trading.now_ms

  def open(self, stream: Stream, name: str) -> None:
    """Begins to publish a stream."""
    every, now = stream.every or math.inf, self._trading.now
    self._outlets.setdefault(
      stream,
      Outlet(
        stream,
        name,
        due=math.inf if every == math.inf else now - now % every + every,
        diff=Diff(self._flow.update_id),
        bar_start=self._kline_start(stream),
      ),
    )

  def close(self, stream: Stream) -> None:
    """Nobody reads the stream any more."""
    self._outlets.pop(stream, None)

  def answer(self, endpoint: str, query: Query) -> Any:
    """The body of a REST endpoint."""
    return self._answers[endpoint](query)

  def rest_until(self, now_ms: int) -> None:
    """Nothing has happened up to `now_ms`: the market was asleep, with no stream open."""
    self._trading.rest_until(now_ms)

  def advance(self, to_ms: float) -> None:
    """Lets everything happen up to `to_ms`, in order of time."""
    self._trading.advance(to_ms)

  # What the order flow does ----------------------------------------------------------------------

  def level_changed(self, side: int, price: int) -> None:
    for outlet in self._outlets.values():
      if outlet.stream.kind in ("depth", "partial"):
        diff = outlet.diff
        diff.first = diff.first or self._flow.update_id
        (diff.bids if side == BUY else diff.asks).add(price)

  def filled(self, fills: list[Fill]) -> None:
    for fill in fills:
      self._say("trade", self._payloads.trade, fill)
    self._agg_id += 1
    first, last = fills[0], fills[-1]
    lots = sum(fill.lots for fill in fills)
    agg = AggFill(
      self._agg_id,
      first.price,
      lots,
      first.trade_id,
      last.trade_id,
      first.buyer_is_maker,
      first.at_ms,
    )
    self._agg_trades.append(agg)
    self._say("aggTrade", self._payloads.agg_trade, agg)

  def forced(self, order: Liquidation) -> None:
    # The stream tells the largest since it last told one.
    if self._forced is None or order.lots > self._forced.lots:
      self._forced = order

  def ordered(self) -> None:
    book = self._flow.book
    top = (*book.top(BUY, 1)[0], *book.top(SELL, 1)[0])
    if top != self._top:
      self._top = top
      self._say("bookTicker", self._payloads.book_ticker, book, self._flow.update_id, self._now_ms)
    for outlet in self._outlets.values():
      if outlet.stream.kind == "depth" and not outlet.stream.every:
        self._tell(outlet)

  def due(self) -> float:
    return min((outlet.due for outlet in self._outlets.values()), default=math.inf)

  def tell(self, at_ms: float) -> None:
    for outlet in list(self._outlets.values()):
      if outlet.due == at_ms:
        outlet.due += outlet.stream.every
        self._tell(outlet)

  def _say(self, kind: str, write: Callable[..., bytes], *what: Any) -> None:
    """Publishes on the real-time stream of this kind; nothing is written where nobody reads."""
    for outlet in self._outlets.values():
      if outlet.stream.kind == kind:
        self._publish(outlet.name, write(*what))

  # Timed streams ---------------------------------------------------------------------------------

  def _tell(self, outlet: Outlet) -> None:
    kind, at = outlet.stream.kind, self._now_ms
    if kind in ("depth", "partial"):
      self._tell_depth(outlet)
    elif kind == "kline":
      self._tell_kline(outlet)
    elif kind == "ticker":
      day = self._candles.day(at)
      message = self._payloads.ticker(day, self._flow.book, self._trading.last_lots, at)
      self._publish(outlet.name, message)
    elif kind == "miniTicker":
      self._publish(outlet.name, self._payloads.mini_ticker(self._candles.day(at), at))
    elif kind == "markPrice":
      self._publish(outlet.name, self._payloads.mark_price(self._trading.mark(), at))
    elif kind == "forceOrder" and self._forced is not None:
      self._publish(outlet.name, self._payloads.force_order(self._forced, at))
      self._forced = None

  def _tell_depth(self, outlet: Outlet) -> None:
    diff, at, book = outlet.diff, self._now_ms, self._flow.book
    if not diff.bids and not diff.asks:
      return
    stream, last = outlet.stream, self._flow.update_id
    if stream.kind == "partial" and self._listing.market == SPOT:
      message = self._payloads.snapshot(book, last, stream.levels, at, rest=False)
    else:
      first = diff.last + 1 if self._listing.market == SPOT else diff.first
      if stream.kind == "partial":
        bids, asks = book.top(BUY, stream.levels), book.top(SELL, stream.levels)
      else:
        bids = [(price, book.sizes[BUY].get(price, 0)) for price in sorted(diff.bids, reverse=True)]
        asks = [(price, book.sizes[SELL].get(price, 0)) for price in sorted(diff.asks)]
      message = self._payloads.depth(first, last, diff.last, bids, asks, at)
    outlet.diff = Diff(last)
    self._publish(outlet.name, message)

  def _tell_kline(self, outlet: Outlet) -> None:
    interval, at = outlet.stream.interval, self._now_ms
    length = interval_ms(self._listing.market, interval) or 0
    self._candles.roll(at)
    for bar in self._candles.bars(length, outlet.bar_start):
      closed = bar.start + length <= at
      if closed or bar.start == bar_start(at, length):
        message = self._payloads.kline(bar, interval, length, at, closed=closed)
        self._publish(outlet.name, message)
    outlet.bar_start = bar_start(at, length)

  def _kline_start(self, stream: Stream) -> int:
    length = interval_ms(self._listing.market, stream.interval) if stream.interval else None
    return bar_start(self._now_ms, length) if length else 0

  # REST ------------------------------------------------------------------------------------------

  def _rest_depth(self, query: Query) -> bytes:
    flow = self._flow
    return self._payloads.snapshot(flow.book, flow.update_id, query.limit, self._now_ms, rest=True)

  def _rest_trades(self, query: Query) -> list[dict[str, Any]]:
    return [self._payloads.rest_trade(fill) for fill in list(self._trading.trades)[-query.limit :]]

  def _rest_agg_trades(self, query: Query) -> list[dict[str, Any]]:
    return [self._payloads.rest_agg_trade(agg) for agg in list(self._agg_trades)[-query.limit :]]

  def _rest_klines(self, query: Query) -> list[list[Any]]:
    length = interval_ms(self._listing.market, query.interval) or 0
    self._candles.roll(self._now_ms)
    bars = self._candles.bars(length, query.start_ms or 0)
    if query.end_ms is not None:
      bars = [bar for bar in bars if bar.start <= query.end_ms]
    if query.start_ms is not None:
      bars = [bar for bar in bars if bar.start >= query.start_ms][: query.limit]
    return [self._payloads.rest_kline(bar, length) for bar in bars[-query.limit :]]

  def _rest_ticker(self, query: Query) -> dict[str, Any]:
    day = self._candles.day(self._now_ms)
    return self._payloads.rest_ticker(day, self._flow.book, self._trading.last_lots, self._now_ms)
