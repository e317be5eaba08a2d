"""Streams that tell a state: quotes, statistics, funding, candles, liquidations."""

from math import isfinite
from typing import Any

from bond_binance.messages import (
  read_candle,
  read_liquidation,
  read_mark,
  read_quote,
  read_stats,
)
from bond_core import AnyEvent, Batch, Candle, Funding, Liquidation, Ticker
from bond_core.feeds import Subscription
from bond_core.venues import Order, SubscriptionState


class QuotesState(SubscriptionState):
  """Best bids and asks, numbered by the book's update id. Spot does not say when they were."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._last = -1

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    quote = read_quote(frame).data
    number = quote.number
    self.heard = mono_ns
    if number <= self._last:
      if not self.began_anew(self._last):
        return
      cause = f"quotes went back from {self._last} to {number}"
      out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
    self._last = number
    out.append(
      Ticker(
        exchange=self._exchange,
        symbol=self._symbol,
        market_type=self._market_type,
        expiry=self._expiry,
        ts_event=ts_ms,
        ts_exchange=quote.time,
        ts_internal=mono_ns,
        # A side where nobody quotes is 0 at 0.
        bid=quote.bid or None,
        bid_size=quote.bid_size,
        ask=quote.ask or None,
        ask_size=quote.ask_size,
        sequence=number,
      )
    )


def read_stats_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """Last price and the volume of 24 hours."""
  stats = read_stats(frame).data
  event = Ticker(ts_exchange=stats.time, last=stats.last, volume=stats.volume, **fixed)
  return (stats.time,), event


def read_funding_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """Mark and index price, and a perpetual's funding."""
  mark = read_mark(frame).data
  rate = float(mark.rate) if mark.rate else None
  if rate is not None and not isfinite(rate):
    raise ValueError(f"the funding rate is {mark.rate!r}")
  event = Funding(
    ts_exchange=mark.time,
    rate=rate,
    next_time=mark.next_time or None,
    mark=mark.mark,
    index=mark.index,
    **fixed,
  )
  return (mark.time,), event


def read_liquidation_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """The largest liquidation of its second; the venue tells no others."""
  message = read_liquidation(frame).data
  order = message.order
  side = order.side.lower()
  event = Liquidation(
    ts_exchange=order.time,
    price=order.price,
    size=order.size,
    side=side if side in ("buy", "sell") else "unknown",
    average_price=order.average,
    filled=order.filled,
    status=order.status,
    **fixed,
  )
  return (message.time, order.time), event


def read_candle_event(frame: bytes, fixed: dict[str, Any]) -> tuple[Order, AnyEvent]:
  """A bar, finished or not; the venue's end is its last millisecond, ours the next one's first."""
  message = read_candle(frame).data
  bar = message.bar
  event = Candle(
    ts_exchange=message.time,
    interval=bar.interval,
    start=bar.start,
    end=bar.last_ms + 1,
    open=bar.open,
    high=bar.high,
    low=bar.low,
    close=bar.close,
    volume=bar.volume,
    quote_volume=bar.quote_volume,
    trades=bar.trades,
    closed=bar.closed,
    **fixed,
  )
  return (bar.start, bar.closed, message.time), event
