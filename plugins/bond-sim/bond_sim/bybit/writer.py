"""The JSON of Bybit's topics and REST answers for one instrument, field by field as documented in
"Trade", "Orderbook", "Ticker", "Kline" and "All Liquidation"."""

import uuid
from typing import Any

import msgspec

from bond_sim.bybit.listing import INVERSE, Instrument
from bond_sim.market.candles import Bar
from bond_sim.market.products import PERP, SPOT, decimals
from bond_sim.market.topics import Changes
from bond_sim.market.trading import Fill, Liquidation, Trading

_encode = msgspec.json.encode
_NAMES = uuid.UUID("6f1f0d2c-8f3e-4f6b-9d55-3a6f7e0c1b2a")


class BybitWriter:
  """Writes one instrument's messages. Statistics of contracts are told whole once and then as what
  has changed."""

  def __init__(self, instrument: Instrument) -> None:
    self._instrument = instrument
    self._symbol = instrument.product.symbol
    self._scale = instrument.product.scale
    self._told: dict[str, str] = {}

  def price(self, ticks: int) -> str:
    """Ticks as the venue writes a price."""
    return decimals(ticks, self._instrument.product.price_decimals)

  def trades(self, topic: str, fills: list[Fill]) -> bytes:
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
    return _encode({"topic": topic, "type": "snapshot", "ts": fills[-1].at_ms, "data": data})

  def trade(self, fill: Fill) -> dict[str, Any]:
    """A trade as REST has it."""
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

  def snapshot(self, topic: str, changes: Changes, at_ms: int) -> bytes:
    return self._book(topic, "snapshot", changes, at_ms)

  def delta(self, topic: str, changes: Changes, at_ms: int) -> bytes:
    return self._book(topic, "delta", changes, at_ms)

  def book(self, trading: Trading, levels: int, at_ms: int) -> dict[str, Any]:
    """A book as REST has it."""
    book, last = trading.flow.book, trading.flow.update_id
    changes = Changes(-1, last, last, book.top(0, levels), book.top(1, levels))
    return {**self._levels_of(changes), "ts": at_ms, "cts": at_ms}

  def state(self, topic: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    facts = self.facts(trading, at_ms)
    kind = "snapshot"
    if self._instrument.category != SPOT and not first:
      kind = "delta"
      facts = {name: value for name, value in facts.items() if self._told.get(name) != value}
      if not facts:
        return None
      self._told.update(facts)
      facts["symbol"] = self._symbol
    elif not self._told:
      self._told = dict(facts)
    message = {"topic": topic, "type": kind, "data": facts, "cs": trading.trade_id, "ts": at_ms}
    return _encode(message)

  def facts(self, trading: Trading, at_ms: int) -> dict[str, str]:
    """Statistics as both the topic and REST have them."""
    day, book = trading.candles.day(at_ms), trading.flow.book
    [(bid, bid_lots)], [(ask, ask_lots)] = book.top(0, 1), book.top(1, 1)
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
    worth = self._value(lots, mark.mark)
    dated = self._instrument.product.kind != PERP
    return common | {
      "tickDirection": "PlusTick",
      "prevPrice1h": self.price(day.open),
      "markPrice": f"{mark.mark:.{places}f}",
      "indexPrice": f"{mark.index_price:.{places}f}",
      "openInterest": self._instrument.size(lots),
      "openInterestValue": f"{worth:.4f}",
      "nextFundingTime": "0" if dated else str(mark.next_ms),
      "fundingRate": "" if dated else mark.rate,
      "bid1Price": self.price(bid),
      "bid1Size": self._instrument.size(bid_lots),
      "ask1Price": self.price(ask),
      "ask1Size": self._instrument.size(ask_lots),
    }

  def candle(self, topic: str, bar: Bar, length_ms: int, at_ms: int, *, closed: bool) -> bytes:
    volume, turnover = self._volumes(bar)
    data = {
      "start": bar.start,
      "end": bar.start + length_ms - 1,
      "interval": topic.split(".")[1],
      "open": self.price(bar.open),
      "close": self.price(bar.close),
      "high": self.price(bar.high),
      "low": self.price(bar.low),
      "volume": volume,
      "turnover": turnover,
      "confirm": closed,
      "timestamp": at_ms,
    }
    return _encode({"topic": topic, "data": [data], "ts": at_ms, "type": "snapshot"})

  def bar(self, bar: Bar) -> list[str]:
    """A bar as REST has it."""
    prices = [self.price(ticks) for ticks in (bar.open, bar.high, bar.low, bar.close)]
    return [str(bar.start), *prices, *self._volumes(bar)]

  def forced(self, topic: str, order: Liquidation) -> bytes:
    data = {
      "T": order.at_ms,
      "s": self._symbol,
      # The side of the position: a forced sale closes a long one.
      "S": "Sell" if order.side == 0 else "Buy",
      "v": self._instrument.size(order.lots),
      "p": self.price(order.limit),
    }
    return _encode({"topic": topic, "type": "snapshot", "ts": order.at_ms, "data": [data]})

  # Details ---------------------------------------------------------------------------------------

  def _id(self, fill: Fill) -> str:
    if self._instrument.category == SPOT:
      return f"22900000000{fill.trade_id}"
    return str(uuid.uuid5(_NAMES, f"{self._symbol} {fill.trade_id}"))

  def _book(self, topic: str, kind: str, changes: Changes, at_ms: int) -> bytes:
    data = self._levels_of(changes)
    return _encode({"topic": topic, "type": kind, "ts": at_ms, "data": data, "cts": at_ms})

  def _levels_of(self, changes: Changes) -> dict[str, Any]:
    size = self._instrument.size
    return {
      "s": self._symbol,
      "b": [[self.price(price), size(lots)] for price, lots in changes.bids],
      "a": [[self.price(price), size(lots)] for price, lots in changes.asks],
      "u": changes.number,
      "seq": changes.last,
    }

  def _value(self, lots: int, price: float) -> float:
    """What an amount is worth: in the quote, or in the base where sizes are dollars."""
    worth = lots * self._instrument.product.lot
    return worth / price if self._instrument.category == INVERSE else worth * price

  def _volumes(self, bar: Bar) -> tuple[str, str]:
    mean = bar.quote / bar.volume / self._scale if bar.volume else 0.0
    turnover = self._value(bar.volume, mean) if mean else 0.0
    return self._instrument.size(bar.volume), f"{turnover:.8f}"
