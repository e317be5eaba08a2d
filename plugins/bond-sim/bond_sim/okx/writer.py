"""The JSON of OKX's channels and REST rows for one instrument, field by field as documented in "WS
/ Trades channel" and its neighbours."""

from collections.abc import Callable
from typing import Any

import msgspec

from bond_sim.market.bars import GeneratedBar
from bond_sim.market.book import BUY, SELL
from bond_sim.market.products import SPOT, decimals
from bond_sim.market.topic_market import BookChange
from bond_sim.market.trading import Fill, ForcedOrder, Trading
from bond_sim.okx.listing import OkxInstrument

_encode = msgspec.json.encode


class OkxWriter:
  """Writes one instrument's messages; `now` is how it is listed, which may change."""

  def __init__(self, instrument: OkxInstrument, now: Callable[[], OkxInstrument]) -> None:
    self._now = now
    self._symbol = instrument.product.symbol
    self._scale = instrument.product.scale
    self._price_decimals = instrument.product.price_decimals

  @property
  def _instrument(self) -> OkxInstrument:
    return self._now()

  def price(self, ticks: int) -> str:
    """A price in ticks as the venue writes it."""
    return decimals(ticks, self._price_decimals)

  def trades(self, name: str, fills: list[Fill]) -> bytes:
    last, lots = fills[-1], sum(fill.lots for fill in fills)
    joined = self.trade(last._replace(lots=lots))
    if name == "trades-all":
      return self._message(name, joined)
    return self._message(name, joined | {"count": str(len(fills)), "seqId": last.trade_id})

  def trade(self, fill: Fill) -> dict[str, Any]:
    """A trade, as REST has it."""
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
    """A book, as REST has it."""
    book, last = trading.flow.book, trading.flow.update_id
    return self._book(BookChange(-1, last, 0, book.top(BUY, levels), book.top(SELL, levels)), at_ms)

  def snapshot(self, name: str, change: BookChange, at_ms: int) -> bytes:
    data = self._book(change, at_ms)
    if name == "bbo-tbt":
      return self._message(name, data)
    if name == "books5":
      return self._message(name, data | {"instId": self._symbol})
    data |= {"instId": self._symbol, "checksum": 0, "prevSeqId": -1}
    return self._message(name, data, action="snapshot")

  def delta(self, name: str, change: BookChange, at_ms: int) -> bytes:
    data = self._book(change, at_ms)
    data |= {"instId": self._symbol, "checksum": 0, "prevSeqId": change.previous}
    return self._message(name, data, action="update")

  def state(self, name: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    return self._message(name, self.facts(name, trading, at_ms))

  def facts(self, name: str, trading: Trading, at_ms: int) -> dict[str, Any]:
    """The data of tickers, funding-rate, mark-price or open-interest, on the channel and over
    REST."""
    common = {"instType": self._instrument.inst_type, "instId": self._symbol}
    if name == "tickers":
      return common | self._ticker(trading, at_ms)
    mark = trading.mark()
    if name == "funding-rate":
      return common | {
        "formulaType": "withRate",
        "fundingRate": mark.rate,
        "fundingTime": str(mark.next_ms),
        "impactValue": "20000.0000000000000000",
        "interestRate": "0.0001000000000000",
        "method": "current_period",
        "maxFundingRate": "0.00375",
        "minFundingRate": "-0.00375",
        "nextFundingRate": "",
        "nextFundingTime": str(mark.next_ms + 8 * 3_600_000),
        "premium": f"{mark.mark / mark.index_price - 1:.10f}",
        "prevFundingTime": str(mark.next_ms - 8 * 3_600_000),
        "settFundingRate": mark.rate,
        "settState": "settled",
        "ts": str(at_ms),
      }
    if name == "mark-price":
      return common | {"markPx": f"{mark.mark:.{self._decimals()}f}", "ts": str(at_ms)}
    _, contracts, coins, dollars = self.interest(at_ms, trading.interest, mark.mark)
    return common | {"oi": contracts, "oiCcy": coins, "oiUsd": dollars, "ts": str(at_ms)}

  def interest(self, at_ms: int, lots: int, price: float) -> list[str]:
    """Open interest, as its history has it: time, contracts, coins, dollars."""
    base = self._instrument.base(lots, price)
    return [str(at_ms), self._instrument.size(lots), f"{base:.8f}", f"{base * price:.2f}"]

  def funding(self, at_ms: int, rate: str) -> dict[str, str]:
    """A settled funding rate, as its history has it."""
    return {
      "formulaType": "withRate",
      "fundingRate": rate,
      "fundingTime": str(at_ms),
      "instId": self._symbol,
      "instType": self._instrument.inst_type,
      "method": "current_period",
      "realizedRate": rate,
    }

  def candle(
    self, name: str, bar: GeneratedBar, length_ms: int, at_ms: int, *, closed: bool
  ) -> bytes:
    return self._message(name, self.bar(bar, closed=closed))

  def bar(self, bar: GeneratedBar, *, closed: bool) -> list[str]:
    """A bar, as the channel and REST have it."""
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

  def forced(self, name: str, order: ForcedOrder) -> bytes:
    detail = {
      "bkLoss": "0",
      "bkPx": self.price(order.limit),
      "ccy": "",
      "posSide": "short" if order.side == BUY else "long",
      "side": "buy" if order.side == BUY else "sell",
      "sz": self._instrument.size(order.lots),
      "ts": str(order.at_ms),
    }
    product = self._instrument.product
    underlying = f"{product.base}-{product.quote}"
    data = {
      "details": [detail],
      "instFamily": underlying + ("_UM" if self._instrument.linear_in_dollars else ""),
      "instId": self._symbol,
      "instType": self._instrument.inst_type,
      "uly": underlying,
    }
    arg = {"channel": name, "instType": self._instrument.inst_type}
    return _encode({"arg": arg, "data": [data]})

  # Details ---------------------------------------------------------------------------------------

  def _message(self, name: str, data: Any, **more: str) -> bytes:
    return _encode({"arg": {"channel": name, "instId": self._symbol}, **more, "data": [data]})

  def _book(self, change: BookChange, at_ms: int) -> dict[str, Any]:
    return {
      "asks": self._levels(change.asks),
      "bids": self._levels(change.bids),
      "ts": str(at_ms),
      "seqId": change.last,
    }

  def _levels(self, levels: list[tuple[int, int]]) -> list[list[str]]:
    size = self._instrument.size
    return [[self.price(price), size(lots), "0", "1" if lots else "0"] for price, lots in levels]

  def _ticker(self, trading: Trading, at_ms: int) -> dict[str, str]:
    day, book = trading.bars.day(at_ms), trading.flow.book
    [(bid, bid_lots)], [(ask, ask_lots)] = book.top(BUY, 1), book.top(SELL, 1)
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
