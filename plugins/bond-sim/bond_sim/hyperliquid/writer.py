"""The JSON of Hyperliquid's channels for one market, field by field as documented in
"Subscriptions" (data formats) and "Info endpoint"."""

from typing import Any

import msgspec

from bond_sim.hyperliquid.listing import HyperliquidMarket, with_point
from bond_sim.market.bars import GeneratedBar
from bond_sim.market.book import BUY, SELL
from bond_sim.market.products import PERP
from bond_sim.market.topic_market import BookChange
from bond_sim.market.trading import Fill, ForcedOrder, Trading

_encode = msgspec.json.encode
_IDS = 1 << 50
_USERS = [
  "0x0000000000000000000000000000000000000001",
  "0x0000000000000000000000000000000000000002",
]
HISTORY = 10
"""Trades that come first after a subscription."""


class HyperliquidWriter:
  """Writes one market's messages."""

  def __init__(self, market: HyperliquidMarket) -> None:
    self._instrument = market
    self._coin = market.coin
    self._scale = market.product.scale

  def trade_id(self, fill: Fill) -> int:
    """The id of a trade: unique, and without an order, as a hash is."""
    return (fill.trade_id * 0x2545F4914F6CDD1D + 0x9E3779B9) % _IDS

  def trade(self, fill: Fill) -> dict[str, Any]:
    """A trade."""
    return {
      "coin": self._coin,
      "side": "A" if fill.buyer_is_maker else "B",
      "px": self._instrument.price(fill.price),
      "sz": self._instrument.size(fill.lots),
      "time": fill.at_ms,
      "hash": f"0x{fill.trade_id:064x}",
      "tid": self.trade_id(fill),
      "users": _USERS,
    }

  def trades(self, name: str, fills: list[Fill]) -> bytes:
    return _encode({"channel": "trades", "data": [self.trade(fill) for fill in fills]})

  def history(self, trading: Trading) -> list[bytes]:
    """The trades before a subscription, in a message of their own."""
    fills = list(trading.trades)[-HISTORY:]
    return [self.trades("trades", fills)] if fills else []

  def snapshot(self, name: str, change: BookChange, at_ms: int) -> bytes:
    if name.startswith("bbo "):
      levels = self._levels(change)
      best = [side[0] if side else None for side in levels]
      return _encode({"channel": "bbo", "data": {"coin": self._coin, "time": at_ms, "bbo": best}})
    return _encode({"channel": "l2Book", "data": self.book(change, at_ms)})

  def delta(self, name: str, change: BookChange, at_ms: int) -> bytes:
    raise NotImplementedError("books come whole")

  def book(self, change: BookChange, at_ms: int) -> dict[str, Any]:
    """A whole book."""
    return {"coin": self._coin, "time": at_ms, "levels": self._levels(change)}

  def state(self, name: str, trading: Trading, at_ms: int, *, first: bool) -> bytes:
    perp = self._instrument.product.kind == PERP
    channel = "activeAssetCtx" if perp else "activeSpotAssetCtx"
    return _encode(
      {"channel": channel, "data": {"coin": self._coin, "ctx": self.context(trading, at_ms)}}
    )

  def context(self, trading: Trading, at_ms: int) -> dict[str, Any]:
    """The context of the asset."""
    day, book = trading.bars.day(at_ms), trading.flow.book
    middle = (book.best(BUY) + book.best(SELL)) / 2 / self._scale
    places = self._instrument.product.price_decimals
    turnover = day.quote / self._scale * self._instrument.product.lot
    common = {
      "prevDayPx": self._instrument.price(day.open),
      "dayNtlVlm": f"{turnover:.4f}",
      "midPx": with_point(f"{middle:.{places + 1}f}"),
      "dayBaseVlm": self._instrument.size(day.volume),
    }
    if self._instrument.product.kind != PERP:
      price = self._instrument.price(trading.last_price)
      return common | {"markPx": price, "circulatingSupply": "1000000.0", "coin": self._coin}
    mark = trading.mark()
    return common | {
      "funding": mark.rate,
      "openInterest": self._instrument.size(trading.interest),
      "premium": f"{mark.mark / mark.index_price - 1:.8f}",
      "oraclePx": with_point(f"{mark.index_price:.{places}f}"),
      "markPx": with_point(f"{mark.mark:.{places}f}"),
      "impactPxs": [self._instrument.price(book.best(side)) for side in (BUY, SELL)],
    }

  def resting_context(self, index: float) -> dict[str, Any]:
    """The context of an asset whose market does not move."""
    price = with_point(f"{index:.{self._instrument.product.price_decimals}f}")
    common = {"prevDayPx": price, "markPx": price, "midPx": price}
    common |= {"dayNtlVlm": "0.0", "dayBaseVlm": "0.0"}
    if self._instrument.product.kind != PERP:
      return common | {"circulatingSupply": "1000000.0", "coin": self._coin}
    more = {"funding": "0.0000125", "openInterest": "0.0", "premium": "0.0", "oraclePx": price}
    return common | more | {"impactPxs": [price, price]}

  def candle(
    self, name: str, bar: GeneratedBar, length_ms: int, at_ms: int, *, closed: bool
  ) -> bytes:
    return _encode({"channel": "candle", "data": self.bar(bar, length_ms, name.split()[-1])})

  def bar(self, bar: GeneratedBar, length_ms: int, interval: str) -> dict[str, Any]:
    """A bar."""
    price = self._instrument.price
    return {
      "t": bar.start,
      "T": bar.start + length_ms - 1,
      "s": self._coin,
      "i": interval,
      "o": price(bar.open),
      "c": price(bar.close),
      "h": price(bar.high),
      "l": price(bar.low),
      "v": self._instrument.size(bar.volume),
      "n": bar.count,
    }

  def forced(self, name: str, order: ForcedOrder) -> bytes:
    raise NotImplementedError("the venue has no channel of liquidations for all")

  def _levels(self, change: BookChange) -> list[list[dict[str, Any]]]:
    instrument = self._instrument
    return [
      [{"px": instrument.price(p), "sz": instrument.size(lots), "n": 1} for p, lots in side]
      for side in (change.bids, change.asks)
    ]
