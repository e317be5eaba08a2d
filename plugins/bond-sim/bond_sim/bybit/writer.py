"""The JSON of Bybit's topics and REST results for one instrument, field by field as documented in
"Trade", "Orderbook", "Ticker", "Kline" and "All Liquidation"."""

import uuid
from typing import Any

import msgspec

from bond_sim.bybit.listing import INVERSE, BybitInstrument
from bond_sim.market.bars import GeneratedBar
from bond_sim.market.book import BUY, SELL
from bond_sim.market.products import PERP, SPOT, decimals
from bond_sim.market.topic_market import BookChange
from bond_sim.market.trading import Fill, ForcedOrder, Trading

_encode = msgspec.json.encode
_NAMES = uuid.UUID("6f1f0d2c-8f3e-4f6b-9d55-3a6f7e0c1b2a")


class BybitWriter:
  """Writes one instrument's messages. Statistics of contracts are whole in the first message; later
  messages have what has changed."""

  def __init__(self, instrument: BybitInstrument) -> None:
    self._instrument = instrument
    self._symbol = instrument.product.symbol
    self._scale = instrument.product.scale
    self._published: dict[str, str] = {}

  def price(self, ticks: int) -> str:
    """A price in ticks as the venue writes it."""
    return decimals(ticks, self._instrument.product.price_decimals)

  def trades(self, name: str, fills: list[Fill]) -> bytes:
    data = [
      {
        "T": fill.at_ms,
        "s": self._symbol,
        "S": "Sell" if fill.buyer_is_maker else "Buy",
        "v": self._instrument.size(fill.lots),
        "p": self.price(fill.price),
        "L": "ZeroPlusTick",
        "i": self._id(fill),
        "BT": False,
        "RPI": False,
        "seq": fill.trade_id,
      }
      for fill in fills
    ]
    return _encode({"topic": name, "type": "snapshot", "ts": fills[-1].at_ms, "data": data})

  def trade(self, fill: Fill) -> dict[str, Any]:
    """A trade, as REST has it."""
    return {
      "execId": self._id(fill),
      "symbol": self._symbol,
      "price": self.price(fill.price),
      "size": self._instrument.size(fill.lots),
      "side": "Sell" if fill.buyer_is_maker else "Buy",
      "time": str(fill.at_ms),
      "isBlockTrade": False,
      "isRPITrade": False,
      "seq": str(fill.trade_id),
    }

  def snapshot(self, name: str, change: BookChange, at_ms: int) -> bytes:
    return self._book(name, "snapshot", change, at_ms)

  def delta(self, name: str, change: BookChange, at_ms: int) -> bytes:
    return self._book(name, "delta", change, at_ms)

  def book(self, trading: Trading, levels: int, at_ms: int) -> dict[str, Any]:
    """A book, as REST has it."""
    book, last = trading.flow.book, trading.flow.update_id
    change = BookChange(-1, last, last, book.top(BUY, levels), book.top(SELL, levels))
    return {**self._levels_of(change), "ts": at_ms, "cts": at_ms}

  def state(self, name: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    facts = self.facts(trading, at_ms)
    kind = "snapshot"
    if self._instrument.category != SPOT and not first:
      kind = "delta"
      facts = {key: value for key, value in facts.items() if self._published.get(key) != value}
      if not facts:
        return None
      self._published.update(facts)
      facts["symbol"] = self._symbol
    elif not self._published:
      self._published = dict(facts)
    message = {"topic": name, "type": kind, "data": facts, "cs": trading.trade_id, "ts": at_ms}
    return _encode(message)

  def facts(self, trading: Trading, at_ms: int) -> dict[str, str]:
    """Statistics, as the topic and REST have them."""
    day, book = trading.bars.day(at_ms), trading.flow.book
    [(bid, bid_lots)], [(ask, ask_lots)] = book.top(BUY, 1), book.top(SELL, 1)
    change = trading.last_price / day.open - 1
    volume, turnover = self._volumes(day)
    common = {
      "symbol": self._symbol,
      "lastPrice": self.price(trading.last_price),
      "highPrice24h": self.price(day.high),
      "lowPrice24h": self.price(day.low),
      "prevPrice24h": self.price(day.open),
      "volume24h": volume,
      "turnover24h": turnover,
      "price24hPcnt": f"{change:.4f}",
    }
    if self._instrument.category == SPOT:
      return common
    mark = trading.mark()
    lots = trading.interest
    places = self._instrument.product.price_decimals
    value = self._value(lots, mark.mark)
    dated = self._instrument.product.kind != PERP
    return common | {
      "tickDirection": "PlusTick",
      "prevPrice1h": self.price(day.open),
      "markPrice": f"{mark.mark:.{places}f}",
      "indexPrice": f"{mark.index_price:.{places}f}",
      "openInterest": self._instrument.size(lots),
      "openInterestValue": f"{value:.4f}",
      "nextFundingTime": "0" if dated else str(mark.next_ms),
      "fundingRate": "" if dated else mark.rate,
      "bid1Price": self.price(bid),
      "bid1Size": self._instrument.size(bid_lots),
      "ask1Price": self.price(ask),
      "ask1Size": self._instrument.size(ask_lots),
    }

  def candle(
    self, name: str, bar: GeneratedBar, length_ms: int, at_ms: int, *, closed: bool
  ) -> bytes:
    volume, turnover = self._volumes(bar)
    data = {
      "start": bar.start,
      "end": bar.start + length_ms - 1,
      "interval": name.split(".")[1],
      "open": self.price(bar.open),
      "close": self.price(bar.close),
      "high": self.price(bar.high),
      "low": self.price(bar.low),
      "volume": volume,
      "turnover": turnover,
      "confirm": closed,
      "timestamp": at_ms,
    }
    return _encode({"topic": name, "data": [data], "ts": at_ms, "type": "snapshot"})

  def bar(self, bar: GeneratedBar) -> list[str]:
    """A bar, as REST has it."""
    prices = [self.price(ticks) for ticks in (bar.open, bar.high, bar.low, bar.close)]
    return [str(bar.start), *prices, *self._volumes(bar)]

  def forced(self, name: str, order: ForcedOrder) -> bytes:
    data = {
      "T": order.at_ms,
      "s": self._symbol,
      # The side of the position that is closed: a forced sale closes a long position.
      "S": "Sell" if order.side == BUY else "Buy",
      "v": self._instrument.size(order.lots),
      "p": self.price(order.limit),
    }
    return _encode({"topic": name, "type": "snapshot", "ts": order.at_ms, "data": [data]})

  # Details ---------------------------------------------------------------------------------------

  def _id(self, fill: Fill) -> str:
    if self._instrument.category == SPOT:
      return f"22900000000{fill.trade_id}"
    return str(uuid.uuid5(_NAMES, f"{self._symbol} {fill.trade_id}"))

  def _book(self, name: str, kind: str, change: BookChange, at_ms: int) -> bytes:
    data = self._levels_of(change)
    return _encode({"topic": name, "type": kind, "ts": at_ms, "data": data, "cts": at_ms})

  def _levels_of(self, change: BookChange) -> dict[str, Any]:
    size = self._instrument.size
    return {
      "s": self._symbol,
      "b": [[self.price(price), size(lots)] for price, lots in change.bids],
      "a": [[self.price(price), size(lots)] for price, lots in change.asks],
      "u": change.number,
      "seq": change.last,
    }

  def _value(self, lots: int, price: float) -> float:
    """The value of a size in lots: in the quote, or in the base where sizes are dollars."""
    size = lots * self._instrument.product.lot
    return size / price if self._instrument.category == INVERSE else size * price

  def _volumes(self, bar: GeneratedBar) -> tuple[str, str]:
    mean = bar.quote / bar.volume / self._scale if bar.volume else 0.0
    turnover = self._value(bar.volume, mean) if mean else 0.0
    return self._instrument.size(bar.volume), f"{turnover:.8f}"
