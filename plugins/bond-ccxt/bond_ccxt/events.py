"""ccxt's unified structures as events of Bond. What comes out shares nothing with what ccxt keeps.

The fields are those of ccxt's manual ("Public Trades Structure", "Ticker Structure", "OHLCV
Structure", "Funding Rate Structure"): times in epoch ms, sizes of contracts in contracts.
"""

from collections.abc import Iterable
from typing import Any

from bond_ccxt.markets import Listed
from bond_core import Candle, Funding, Level, Ticker, Trade

Stamps = tuple[int, int]
"""When it was received: epoch ms and monotonic ns."""


def common(listed: Listed, stamps: Stamps, time: int | None) -> dict[str, Any]:
  """The fields that all events have."""
  exchange, market_type, symbol, expiry = listed.instrument
  return {
    "exchange": exchange,
    "symbol": symbol,
    "market_type": market_type,
    "expiry": expiry,
    "ts_event": stamps[0],
    "ts_internal": stamps[1],
    "ts_exchange": time,
  }


def trade_event(listed: Listed, trade: Any, stamps: Stamps, sequence: int | None = None) -> Trade:
  """One execution; `sequence` is its number where the venue's are contiguous. Raises
  TypeError where price or amount are missing."""
  price, side = float(trade["price"]), trade.get("side")
  number = trade.get("id")
  return Trade(
    price=price,
    size=listed.size(float(trade["amount"]), price),
    side=side if side in ("buy", "sell") else "unknown",
    trade_id=None if number is None else str(number),
    # The side is the taker's, so a seller found a buyer who was there before.
    maker=None if side not in ("buy", "sell") else side == "sell",
    sequence=sequence,
    **common(listed, stamps, trade.get("timestamp")),
  )


def levels(listed: Listed, side: Iterable[Any], depth: int) -> list[Level]:
  """A copy of the best levels of a side."""
  unit = listed.unit
  copied: list[Level] = []
  for level in side:
    if len(copied) == depth:
      break
    price, amount = float(level[0]), float(level[1])
    copied.append((price, amount if unit == 1 else listed.size(amount, price)))
  return copied


def ticker_event(listed: Listed, ticker: Any, stamps: Stamps) -> Ticker:
  """The latest quote and statistics."""
  bid, ask = ticker.get("bid"), ticker.get("ask")
  return Ticker(
    last=ticker.get("last"),
    mark=ticker.get("markPrice"),
    index=ticker.get("indexPrice"),
    # A side without a quote is null, not 0.
    bid=bid or None,
    bid_size=_size(listed, ticker.get("bidVolume"), bid),
    ask=ask or None,
    ask_size=_size(listed, ticker.get("askVolume"), ask),
    volume=ticker.get("baseVolume"),
    **common(listed, stamps, ticker.get("timestamp")),
  )


def candle_event(
  listed: Listed, interval: str, length_ms: int, bar: Any, stamps: Stamps, *, closed: bool
) -> Candle:
  """One bar: [start, open, high, low, close, volume]."""
  start, opened, high, low, close, volume = bar[:6]
  return Candle(
    interval=interval,
    start=int(start),
    end=int(start) + length_ms,
    open=float(opened),
    high=float(high),
    low=float(low),
    close=float(close),
    volume=listed.size(float(volume or 0), float(close)),
    closed=closed,
    **common(listed, stamps, None),
  )


def funding_event(listed: Listed, rate: Any, stamps: Stamps) -> Funding:
  """A funding rate: the one that is paid at `next_time`."""
  return Funding(
    rate=rate.get("fundingRate"),
    next_time=rate.get("fundingTimestamp") or rate.get("nextFundingTimestamp"),
    mark=rate.get("markPrice"),
    index=rate.get("indexPrice"),
    **common(listed, stamps, rate.get("timestamp")),
  )


def _size(listed: Listed, amount: float | None, price: float | None) -> float | None:
  return None if amount is None else listed.size(float(amount), float(price or 0))
