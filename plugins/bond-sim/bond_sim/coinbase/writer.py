"""The JSON of Coinbase's channels for one product, field by field as documented in "WebSocket
Channels" and its AsyncAPI description."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from bond_sim.coinbase.listing import CoinbaseProduct
from bond_sim.market.bars import GeneratedBar
from bond_sim.market.book import BUY, SELL
from bond_sim.market.topic_market import BookChange
from bond_sim.market.trading import Fill, ForcedOrder, Trading

_encode = msgspec.json.encode
HISTORY = 50
"""Trades in the snapshot after a subscription."""
_NEVER = "1970-01-01T00:00:00Z"


def rfc3339(at_ms: int) -> str:
  """A time as the venue writes it."""
  time = datetime.fromtimestamp(at_ms / 1000, UTC)
  return f"{time:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}000Z"


def message(channel: str, at_ms: int, events: list[dict[str, Any]]) -> bytes:
  """A channel's message, with the number that each connection replaces."""
  return _encode(
    {
      "channel": channel,
      "client_id": "",
      "timestamp": rfc3339(at_ms),
      "sequence_num": 0,
      "events": events,
    }
  )


class CoinbaseWriter:
  """Writes one product's messages."""

  def __init__(self, product: CoinbaseProduct) -> None:
    self._instrument = product
    self._id = product.product_id
    self._scale = product.product.scale
    self._published: tuple[int, ...] = ()
    """Last trade and best levels of the last ticker."""

  def trade(self, fill: Fill) -> dict[str, Any]:
    """A trade; its side is that of the order that rested."""
    return {
      "trade_id": str(fill.trade_id),
      "product_id": self._id,
      "price": self._instrument.price(fill.price),
      "size": self._instrument.size(fill.lots),
      "time": rfc3339(fill.at_ms),
      "side": "BUY" if fill.buyer_is_maker else "SELL",
    }

  def trades(self, name: str, fills: list[Fill]) -> bytes:
    rows = [self.trade(fill) for fill in reversed(fills)]
    return message("market_trades", fills[-1].at_ms, [{"type": "update", "trades": rows}])

  def history(self, trading: Trading) -> bytes:
    """The trades before a subscription, the newest first."""
    rows = [self.trade(fill) for fill in reversed(list(trading.trades)[-HISTORY:])]
    return message("market_trades", trading.now_ms, [{"type": "snapshot", "trades": rows}])

  def snapshot(self, name: str, change: BookChange, at_ms: int) -> bytes:
    return self._book("snapshot", change, at_ms, _NEVER)

  def delta(self, name: str, change: BookChange, at_ms: int) -> bytes:
    return self._book("update", change, at_ms, rfc3339(at_ms))

  def state(self, name: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    book = trading.flow.book
    [(bid, bid_lots)], [(ask, ask_lots)] = book.top(BUY, 1), book.top(SELL, 1)
    facts = trading.trade_id, bid, bid_lots, ask, ask_lots
    if not first and facts == self._published:
      return None
    day = trading.bars.day(at_ms)
    instrument = self._instrument
    ticker = {
      "type": "ticker",
      "product_id": self._id,
      "price": instrument.price(trading.last_price),
      "volume_24_h": instrument.size(day.volume),
      "low_24_h": instrument.price(day.low),
      "high_24_h": instrument.price(day.high),
      "low_52_w": instrument.price(day.low),
      "high_52_w": instrument.price(day.high),
      "price_percent_chg_24_h": f"{100 * (trading.last_price / day.open - 1):.8f}",
      "best_bid": instrument.price(bid),
      "best_bid_quantity": instrument.size(bid_lots),
      "best_ask": instrument.price(ask),
      "best_ask_quantity": instrument.size(ask_lots),
    }
    if not first:
      self._published = facts
    kind = "snapshot" if first else "update"
    return message("ticker", at_ms, [{"type": kind, "tickers": [ticker]}])

  def candle(
    self, name: str, bar: GeneratedBar, length_ms: int, at_ms: int, *, closed: bool
  ) -> bytes:
    row = {
      "start": str(bar.start // 1000),
      "high": self._instrument.price(bar.high),
      "low": self._instrument.price(bar.low),
      "open": self._instrument.price(bar.open),
      "close": self._instrument.price(bar.close),
      "volume": self._instrument.size(bar.volume),
      "product_id": self._id,
    }
    return message("candles", at_ms, [{"type": "update", "candles": [row]}])

  def forced(self, name: str, order: ForcedOrder) -> bytes:
    raise NotImplementedError("spot has no liquidations")

  def book(self, trading: Trading, limit: int) -> dict[str, Any]:
    """A book, as REST has it."""
    sides = {"bids": BUY, "asks": SELL}
    levels = {
      name: [
        {"price": self._instrument.price(price), "size": self._instrument.size(lots)}
        for price, lots in trading.flow.book.top(side, limit)
      ]
      for name, side in sides.items()
    }
    return {"product_id": self._id, **levels, "time": rfc3339(trading.now_ms)}

  def _book(self, kind: str, change: BookChange, at_ms: int, time: str) -> bytes:
    updates = [
      {
        "side": side,
        "event_time": time,
        "price_level": self._instrument.price(price),
        "new_quantity": self._instrument.size(lots),
      }
      for side, levels in (("bid", change.bids), ("offer", change.asks))
      for price, lots in levels
    ]
    event = {"type": kind, "product_id": self._id, "updates": updates}
    return message("l2_data", at_ms, [event])
