"""The JSON of OKX's channels and REST answers for one instrument, field by field as documented in
"WS / Trades channel" and its neighbours."""

from typing import Any

import msgspec

from bond_sim.market.candles import Bar
from bond_sim.market.products import SPOT, decimals
from bond_sim.market.topics import Changes
from bond_sim.market.trading import Fill, Liquidation, Trading
from bond_sim.okx.listing import Instrument

_encode = msgspec.json.encode


class OkxWriter:
  """Writes one instrument's messages."""

  def __init__(self, instrument: Instrument) -> None:
    self._instrument = instrument
    self._symbol = instrument.product.symbol
    self._scale = instrument.product.scale

  def price(self, ticks: int) -> str:
    """Ticks as the venue writes a price."""
    return decimals(ticks, self._instrument.product.price_decimals)

  def trades(self, topic: str, fills: list[Fill]) -> bytes:
    last, lots = fills[-1], sum(fill.lots for fill in fills)
    joined = self.trade(last._replace(lots=lots))
    if topic == "trades-all":
      return self._message(topic, joined)
    return self._message(topic, joined | {"count": str(len(fills)), "seqId": last.trade_id})

  def trade(self, fill: Fill) -> dict[str, Any]:
    """A trade as REST has it."""
    return {
      "instId": self._symbol,
      "tradeId": str(fill.trade_id),
      "px": self.price(fill.price),
      "sz": self._instrument.size(fill.lots),
      "side": "sell" if fill.buyer_is_maker else "buy",
      "ts": str(fill.at_ms),
      "source": "0",
    }

  def book(self, trading: Trading, levels: int, at_ms: int) -> dict[str, Any]:
    """A book as REST has it."""
    book, last = trading.flow.book, trading.flow.update_id
    return self._book(Changes(-1, last, 0, book.top(0, levels), book.top(1, levels)), at_ms)

  def snapshot(self, topic: str, changes: Changes, at_ms: int) -> bytes:
    data = self._book(changes, at_ms)
    if topic == "bbo-tbt":
      return self._message(topic, data)
    if topic == "books5":
      return self._message(topic, data | {"instId": self._symbol})
    data |= {"checksum": 0, "prevSeqId": -1}
    return self._message(topic, data, action="snapshot")

  def delta(self, topic: str, changes: Changes, at_ms: int) -> bytes:
    data = self._book(changes, at_ms) | {"checksum": 0, "prevSeqId": changes.previous}
    return self._message(topic, data, action="update")

  def state(self, topic: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    return self._message(topic, self.facts(topic, trading, at_ms))

  def facts(self, topic: str, trading: Trading, at_ms: int) -> dict[str, Any]:
    """What a channel of facts tells, which is also what REST answers."""
    common = {"instType": self._instrument.family, "instId": self._symbol}
    if topic == "tickers":
      return common | self._ticker(trading, at_ms)
    mark = trading.mark()
    if topic == "funding-rate":
      return common | {
        "fundingRate": mark.rate,
        "fundingTime": str(mark.next_ms),
        "method": "current_period",
        "maxFundingRate": "0.00375",
        "minFundingRate": "-0.00375",
        "nextFundingRate": "",
        "nextFundingTime": str(mark.next_ms + 8 * 3_600_000),
        "premium": f"{mark.mark / mark.index_price - 1:.10f}",
        "settFundingRate": mark.rate,
        "settState": "settled",
        "ts": str(at_ms),
      }
    if topic == "mark-price":
      return common | {"markPx": f"{mark.mark:.{self._decimals()}f}", "ts": str(at_ms)}
    _, contracts, coins, dollars = self.interest(at_ms, trading.interest, mark.mark)
    return common | {"oi": contracts, "oiCcy": coins, "oiUsd": dollars, "ts": str(at_ms)}

  def interest(self, at_ms: int, lots: int, price: float) -> list[str]:
    """Open interest as its history has it: time, contracts, coins, dollars."""
    base = self._instrument.base(lots, price)
    return [str(at_ms), self._instrument.size(lots), f"{base:.8f}", f"{base * price:.2f}"]

  def funding(self, at_ms: int, rate: str) -> dict[str, str]:
    """A settled funding rate, as its history has it."""
    return {
      "formulaType": "withRate",
      "fundingRate": rate,
      "fundingTime": str(at_ms),
      "instId": self._symbol,
      "instType": self._instrument.family,
      "method": "current_period",
      "realizedRate": rate,
    }

  def candle(self, topic: str, bar: Bar, length_ms: int, at_ms: int, *, closed: bool) -> bytes:
    return self._message(topic, self.bar(bar, closed=closed))

  def bar(self, bar: Bar, *, closed: bool) -> list[str]:
    """A bar as both the channel and REST have it."""
    mean = bar.quote / bar.volume / self._scale if bar.volume else 0.0
    base = self._instrument.base(bar.volume, mean)
    return [
      str(bar.start),
      self.price(bar.open),
      self.price(bar.high),
      self.price(bar.low),
      self.price(bar.close),
      self._instrument.size(bar.volume),
      f"{base * mean if self._spot() else base:.8f}",
      f"{base * mean:.8f}",
      "1" if closed else "0",
    ]

  def forced(self, topic: str, order: Liquidation) -> bytes:
    detail = {
      "bkLoss": "0",
      "bkPx": self.price(order.limit),
      "ccy": "",
      "posSide": "short" if order.side == 0 else "long",
      "side": "buy" if order.side == 0 else "sell",
      "sz": self._instrument.size(order.lots),
      "ts": str(order.at_ms),
    }
    product = self._instrument.product
    underlying = f"{product.base}-{product.quote}"
    data = {
      "details": [detail],
      "instFamily": underlying,
      "instId": self._symbol,
      "instType": self._instrument.family,
      "uly": underlying,
    }
    arg = {"channel": topic, "instType": self._instrument.family}
    return _encode({"arg": arg, "data": [data]})

  # Details ---------------------------------------------------------------------------------------

  def _message(self, topic: str, data: Any, **more: str) -> bytes:
    return _encode({"arg": {"channel": topic, "instId": self._symbol}, **more, "data": [data]})

  def _book(self, changes: Changes, at_ms: int) -> dict[str, Any]:
    return {
      "asks": self._levels(changes.asks),
      "bids": self._levels(changes.bids),
      "ts": str(at_ms),
      "seqId": changes.last,
    }

  def _levels(self, levels: list[tuple[int, int]]) -> list[list[str]]:
    size = self._instrument.size
    return [[self.price(price), size(lots), "0", "1" if lots else "0"] for price, lots in levels]

  def _ticker(self, trading: Trading, at_ms: int) -> dict[str, str]:
    day, book = trading.candles.day(at_ms), trading.flow.book
    [(bid, bid_lots)], [(ask, ask_lots)] = book.top(0, 1), book.top(1, 1)
    mean = day.quote / day.volume / self._scale if day.volume else 0.0
    base = self._instrument.base(day.volume, mean)
    return {
      "last": self.price(trading.last_price),
      "lastSz": self._instrument.size(trading.last_lots),
      "askPx": self.price(ask),
      "askSz": self._instrument.size(ask_lots),
      "bidPx": self.price(bid),
      "bidSz": self._instrument.size(bid_lots),
      "open24h": self.price(day.open),
      "high24h": self.price(day.high),
      "low24h": self.price(day.low),
      "volCcy24h": f"{base * mean if self._spot() else base:.8f}",
      "vol24h": self._instrument.size(day.volume),
      "sodUtc0": self.price(day.open),
      "sodUtc8": self.price(day.open),
      "ts": str(at_ms),
    }

  def _spot(self) -> bool:
    return self._instrument.product.kind == SPOT

  def _decimals(self) -> int:
    return self._instrument.product.price_decimals
