"""One generated market of Binance: its trading, and the streams and REST bodies made from it."""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from bond_sim.binance.listing import BinanceListing
from bond_sim.binance.markets import BinanceQuery
from bond_sim.binance.paths import SPOT
from bond_sim.binance.stream_names import BinanceStreamName, interval_ms
from bond_sim.binance.writer import AggFill, BinanceWriter
from bond_sim.market.bars import bar_start
from bond_sim.market.book import BUY, SELL
from bond_sim.market.trading import RECENT, Fill, ForcedOrder, Trading, TradingListener


@attrs.define
class DepthDiff:
  """Levels that have changed since the last message of a depth stream, and the ids of both ends."""

  last: int
  first: int = 0
  bids: set[int] = attrs.field(factory=set)
  asks: set[int] = attrs.field(factory=set)


@attrs.define
class BinanceStreamState:
  """A stream that is published. `due` is when its next message is due by time (ms of the market's
  clock)."""

  stream: BinanceStreamName
  topic: str
  due: float
  diff: DepthDiff
  bar_start: int = 0


class BinanceMarket:
  """A market that moves when `advance` is called. `publish` gets each message of an open stream
  with the topic that it was opened with."""

  def __init__(
    self,
    listing: BinanceListing,
    begin: Callable[[TradingListener], Trading],
    publish: Callable[[str, bytes], None],
  ) -> None:
    self._listing = listing
    self._writer = BinanceWriter(listing)
    self._publish = publish
    self._open: dict[BinanceStreamName, BinanceStreamState] = {}
    self._top: tuple[int, int, int, int] | None = None
    self._agg_trades: deque[AggFill] = deque(maxlen=RECENT)
    self._largest_forced: ForcedOrder | None = None
    self._trading = trading = begin(self)
    self._flow = trading.flow
    self._bars = trading.bars
    self._agg_id = trading.trade_id // 3
    self._bodies: dict[str, Callable[[BinanceQuery], Any]] = {
      "depth": self._rest_depth,
      "trades": self._rest_trades,
      "aggTrades": self._rest_agg_trades,
      "klines": self._rest_klines,
      "ticker/24hr": self._rest_ticker,
      "premiumIndex": lambda _: self._writer.premium_index(trading.mark(), self._now_ms),
      "openInterest": lambda _: self._writer.open_interest(trading.interest, self._now_ms),
    }

  @property
  def _now_ms(self) -> int:
    return self._trading.now_ms

  def open(self, stream: BinanceStreamName, topic: str) -> None:
    """Begins to publish a stream."""
    every, now = stream.every or math.inf, self._trading.now
    self._open.setdefault(
      stream,
      BinanceStreamState(
        stream,
        topic,
        due=math.inf if every == math.inf else now - now % every + every,
        diff=DepthDiff(self._flow.update_id),
        bar_start=self._kline_start(stream),
      ),
    )

  def close(self, stream: BinanceStreamName) -> None:
    """Ends a stream that has no reader any more."""
    self._open.pop(stream, None)

  def answer(self, endpoint: str, query: BinanceQuery) -> Any:
    """The body of a REST endpoint."""
    return self._bodies[endpoint](query)

  def rest_until(self, now_ms: int) -> None:
    self._trading.rest_until(now_ms)

  def advance(self, to_ms: float) -> None:
    self._trading.advance(to_ms)

  # What the trading reports ----------------------------------------------------------------------

  def level_changed(self, side: int, price: int) -> None:
    for state in self._open.values():
      if state.stream.kind in ("depth", "partial"):
        diff = state.diff
        diff.first = diff.first or self._flow.update_id
        (diff.bids if side == BUY else diff.asks).add(price)

  def filled(self, fills: list[Fill]) -> None:
    for fill in fills:
      self._publish_now("trade", self._writer.trade, fill)
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
    self._publish_now("aggTrade", self._writer.agg_trade, agg)

  def forced(self, order: ForcedOrder) -> None:
    # The stream has the largest since its last message.
    if self._largest_forced is None or order.lots > self._largest_forced.lots:
      self._largest_forced = order

  def ordered(self) -> None:
    book = self._flow.book
    top = (*book.top(BUY, 1)[0], *book.top(SELL, 1)[0])
    if top != self._top:
      self._top = top
      self._publish_now(
        "bookTicker", self._writer.book_ticker, book, self._flow.update_id, self._now_ms
      )
    for state in self._open.values():
      if state.stream.kind == "depth" and not state.stream.every:
        self._publish_timed(state)

  def due(self) -> float:
    return min((state.due for state in self._open.values()), default=math.inf)

  def publish_due(self, at_ms: float) -> None:
    for state in list(self._open.values()):
      if state.due == at_ms:
        state.due += state.stream.every
        self._publish_timed(state)

  def _publish_now(self, kind: str, write: Callable[..., bytes], *what: Any) -> None:
    """Publishes on the real-time stream of this kind; without a reader nothing is written."""
    for state in self._open.values():
      if state.stream.kind == kind:
        self._publish(state.topic, write(*what))

  # Timed streams ---------------------------------------------------------------------------------

  def _publish_timed(self, state: BinanceStreamState) -> None:
    kind, at = state.stream.kind, self._now_ms
    if kind in ("depth", "partial"):
      self._publish_depth(state)
    elif kind == "kline":
      self._publish_kline(state)
    elif kind == "ticker":
      day = self._bars.day(at)
      message = self._writer.ticker(day, self._flow.book, self._trading.last_lots, at)
      self._publish(state.topic, message)
    elif kind == "miniTicker":
      self._publish(state.topic, self._writer.mini_ticker(self._bars.day(at), at))
    elif kind == "markPrice":
      self._publish(state.topic, self._writer.mark_price(self._trading.mark(), at))
    elif kind == "forceOrder" and self._largest_forced is not None:
      self._publish(state.topic, self._writer.force_order(self._largest_forced, at))
      self._largest_forced = None

  def _publish_depth(self, state: BinanceStreamState) -> None:
    diff, at, book = state.diff, self._now_ms, self._flow.book
    if not diff.bids and not diff.asks:
      return
    stream, last = state.stream, self._flow.update_id
    if stream.kind == "partial" and self._listing.market == SPOT:
      message = self._writer.snapshot(book, last, stream.levels, at, rest=False)
    else:
      first = diff.last + 1 if self._listing.market == SPOT else diff.first
      if stream.kind == "partial":
        bids, asks = book.top(BUY, stream.levels), book.top(SELL, stream.levels)
      else:
        bids = [(price, book.sizes[BUY].get(price, 0)) for price in sorted(diff.bids, reverse=True)]
        asks = [(price, book.sizes[SELL].get(price, 0)) for price in sorted(diff.asks)]
      message = self._writer.depth(first, last, diff.last, bids, asks, at)
    state.diff = DepthDiff(last)
    self._publish(state.topic, message)

  def _publish_kline(self, state: BinanceStreamState) -> None:
    interval, at = state.stream.interval, self._now_ms
    length = interval_ms(self._listing.market, interval) or 0
    for bar, closed in self._bars.updates(length, state.bar_start, at):
      message = self._writer.kline(bar, interval, length, at, closed=closed)
      self._publish(state.topic, message)
    state.bar_start = bar_start(at, length)

  def _kline_start(self, stream: BinanceStreamName) -> int:
    length = interval_ms(self._listing.market, stream.interval) if stream.interval else None
    return bar_start(self._now_ms, length) if length else 0

  # REST ------------------------------------------------------------------------------------------

  def _rest_depth(self, query: BinanceQuery) -> bytes:
    flow = self._flow
    return self._writer.snapshot(flow.book, flow.update_id, query.limit, self._now_ms, rest=True)

  def _rest_trades(self, query: BinanceQuery) -> list[dict[str, Any]]:
    return [self._writer.rest_trade(fill) for fill in list(self._trading.trades)[-query.limit :]]

  def _rest_agg_trades(self, query: BinanceQuery) -> list[dict[str, Any]]:
    return [self._writer.rest_agg_trade(agg) for agg in list(self._agg_trades)[-query.limit :]]

  def _rest_klines(self, query: BinanceQuery) -> list[list[Any]]:
    length = interval_ms(self._listing.market, query.interval) or 0
    self._bars.roll(self._now_ms)
    bars = self._bars.bars(length, query.start_ms or 0)
    if query.end_ms is not None:
      bars = [bar for bar in bars if bar.start <= query.end_ms]
    if query.start_ms is not None:
      bars = [bar for bar in bars if bar.start >= query.start_ms][: query.limit]
    return [self._writer.rest_kline(bar, length) for bar in bars[-query.limit :]]

  def _rest_ticker(self, query: BinanceQuery) -> dict[str, Any]:
    day = self._bars.day(self._now_ms)
    return self._writer.rest_ticker(day, self._flow.book, self._trading.last_lots, self._now_ms)
