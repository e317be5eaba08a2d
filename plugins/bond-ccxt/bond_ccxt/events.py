"""ccxt's unified structures as events of Bond. What comes out shares nothing with what ccxt keeps.

The fields are those of ccxt's manual ("Public Trades Structure", "Ticker Structure", "OHLCV
Structure", "Funding Rate Structure"): times in epoch ms, sizes of contracts in contracts. Any field
may be missing or of another type, since venues change what ccxt reads: everything here raises
UNREADABLE on what is not what it should be.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from bond_ccxt.markets import Listed
from bond_ccxt.units import volume_of_a_day
from bond_core import Candle, Funding, Level, Ticker, Trade, epoch_ms

Stamps = tuple[int, int]
"""When it was received: epoch ms and monotonic ns."""

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises, ccxt's own reading included."""

MAKER_SIDES = frozenset(("coinbase",))
"""Venues that say which side rested, which ccxt hands on; a trade's side here is the taker's."""

_MOST = 1e100
_LATEST = 10**14


def number(value: Any, name: str) -> float:
  """A finite number, which may also be a text."""
  found = math.nan if isinstance(value, bool) else float(value)
  if not abs(found) < _MOST:
    raise ValueError(f"{name} is {_short(value)}")
  return found


def amount(value: Any, name: str) -> float:
  """A price or size, which is not below zero."""
  found = number(value, name)
  if found < 0:
    raise ValueError(f"{name} is {_short(value)}")
  return found


def amount_or_none(value: Any, name: str) -> float | None:
  """The same where the venue may have nothing to say."""
  return None if value is None else amount(value, name)


def time_or_none(value: Any) -> int | None:
  """A time in epoch ms, without the parts of one that some venues have."""
  found = amount_or_none(value, "time")
  if found is not None and found >= _LATEST:
    raise ValueError(f"time is {_short(value)}")
  return None if found is None else epoch_ms(found)


def number_or_none(value: Any) -> int | None:
  """The number that a venue gives its books or trades."""
  if value is None:
    return None
  if type(value) is not int or not 0 <= value < 1 << 63:
    raise ValueError(f"the number is {_short(value)}")
  return value


def identity(trade: Any) -> str | None:
  """The venue's id of a trade, None for an empty one."""
  found = trade.get("id")
  if found is None or type(found) is str:
    return found or None
  if type(found) is not int:
    raise ValueError(f"id is {_short(found)}")
  return str(found)


def _short(value: Any) -> str:
  text = repr(value)
  return text if len(text) <= 60 else f"{text[:59]}…"


def common(listed: Listed, stamps: Stamps, time: Any) -> dict[str, Any]:
  """The fields that all events have."""
  exchange, market_type, symbol, expiry = listed.instrument
  return {
    "exchange": exchange,
    "symbol": symbol,
    "market_type": market_type,
    "expiry": expiry,
    "ts_event": stamps[0],
    "ts_internal": stamps[1],
    "ts_exchange": time_or_none(time),
  }


def trade_event(listed: Listed, trade: Any, stamps: Stamps, sequence: int | None = None) -> Trade:
  """One execution; `sequence` is its number where the venue's are contiguous."""
  price, side = amount(trade["price"], "price"), trade.get("side")
  if listed.instrument.exchange in MAKER_SIDES:
    side = {"buy": "sell", "sell": "buy"}.get(side)
  return Trade(
    price=price,
    size=listed.size(amount(trade["amount"], "amount"), price),
    side=side if side in ("buy", "sell") else "unknown",
    trade_id=identity(trade),
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
    price, size = amount(level[0], "price"), amount(level[1], "amount")
    copied.append((price, size if unit == 1 else listed.size(size, price)))
  return copied


def ticker_event(listed: Listed, ticker: Any, stamps: Stamps) -> Ticker:
  """The latest quote and statistics."""
  bid, ask = (amount_or_none(ticker.get(name), name) for name in ("bid", "ask"))
  volume = volume_of_a_day(listed.instrument.exchange, listed.market, ticker)
  return Ticker(
    last=amount_or_none(ticker.get("last"), "last") or None,
    mark=amount_or_none(ticker.get("markPrice"), "markPrice") or None,
    index=amount_or_none(ticker.get("indexPrice"), "indexPrice") or None,
    # What has no price yet, or no quote, is null and not 0.
    bid=bid or None,
    bid_size=_size(listed, ticker.get("bidVolume"), bid),
    ask=ask or None,
    ask_size=_size(listed, ticker.get("askVolume"), ask),
    volume=amount_or_none(volume, "volume"),
    **common(listed, stamps, ticker.get("timestamp")),
  )


class Bar(NamedTuple):
  """A bar as ccxt has it; its volume may be unknown, which is 0."""

  start: int
  open: float
  high: float
  low: float
  close: float
  volume: float


def read_bar(row: Any) -> Bar:
  """One bar: [start, open, high, low, close, volume]."""
  start, opened, high, low, close, volume = row[:6]
  if (begun := time_or_none(start)) is None:
    raise ValueError("time is None")
  return Bar(
    begun,
    amount(opened, "open"),
    amount(high, "high"),
    amount(low, "low"),
    amount(close, "close"),
    amount(volume or 0, "volume"),
  )


def candle_event(
  listed: Listed,
  interval: str,
  length_ms: int,
  bar: Bar,
  stamps: Stamps,
  *,
  closed: bool,
  in_contracts: bool,
) -> Candle:
  """The event of a bar, whose volume is `in_contracts` or in the base."""
  return Candle(
    interval=interval,
    start=bar.start,
    end=bar.start + length_ms,
    open=bar.open,
    high=bar.high,
    low=bar.low,
    close=bar.close,
    volume=listed.size(bar.volume, bar.close) if in_contracts else bar.volume,
    closed=closed,
    **common(listed, stamps, None),
  )


def funding_event(listed: Listed, rate: Any, stamps: Stamps) -> Funding:
  """A funding rate: the one that is paid at `next_time`."""
  paid = rate.get("fundingRate")
  return Funding(
    rate=None if paid is None else number(paid, "fundingRate"),
    next_time=time_or_none(rate.get("fundingTimestamp") or rate.get("nextFundingTimestamp")),
    mark=amount_or_none(rate.get("markPrice"), "markPrice") or None,
    index=amount_or_none(rate.get("indexPrice"), "indexPrice") or None,
    **common(listed, stamps, rate.get("timestamp")),
  )


def _size(listed: Listed, value: Any, price: float | None) -> float | None:
  size = amount_or_none(value, "amount")
  return None if size is None else listed.size(size, price or 0.0)
