"""Statistics, funding, candles and liquidations: readers for the kit's LatestValue."""

from typing import Any

from bond_venuekit import (
  Order,
  ReadLatest,
  fraction_or_none,
  price_or_none,
  read_side,
  time_or_none,
)

from bond_binance.contracts import Worth, in_base
from bond_binance.messages import decode_candle, decode_liquidation, decode_mark, decode_stats
from bond_core import AnyEvent, Candle, Funding, Liquidation, Ticker


def read_stats(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads last price and the volume of 24 hours."""
  stats = decode_stats(frame).data
  last = price_or_none(stats.last)
  event = Ticker(ts_exchange=stats.time, last=last, volume=stats.volume, **common)
  return [((stats.time,), event)]


def read_funding(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads mark and index price, and a perpetual's funding."""
  mark = decode_mark(frame).data
  event = Funding(
    ts_exchange=mark.time,
    # What is never paid has no rate, whatever stands there.
    rate=fraction_or_none(mark.rate) if mark.next_time else None,
    next_time=time_or_none(mark.next_time),
    mark=price_or_none(mark.mark),
    index=price_or_none(mark.index),
    **common,
  )
  return [((mark.time,), event)]


def read_stats_of_contracts(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """The same on COIN-M, which counts contracts and gives their worth in the base beside it."""
  stats = decode_stats(frame).data
  event = Ticker(
    ts_exchange=stats.time, last=price_or_none(stats.last), volume=stats.other_volume, **common
  )
  return [((stats.time,), event)]


def liquidations_in(worth: Worth) -> ReadLatest:
  """Reads liquidations whose sizes are in contracts."""

  def read(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
    found = read_liquidation(frame, common)
    for _, event in found:
      if isinstance(event, Liquidation):
        price = event.average_price or event.price
        event.filled = in_base(event.filled or 0.0, price, worth())
        event.size = in_base(event.size, event.price, worth())
    return found

  return read


def candles_in(worth: Worth) -> ReadLatest:
  """Reads candles whose volumes are contracts, and the base."""

  def read(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
    found = read_candle(frame, common)
    for _, event in found:
      if isinstance(event, Candle):
        contracts, event.volume = event.volume, event.quote_volume or 0.0
        event.quote_volume = contracts * worth()
    return found

  return read


def read_liquidation(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads the liquidation of its second that the venue has chosen; it sends no others."""
  message = decode_liquidation(frame).data
  order = message.order
  event = Liquidation(
    ts_exchange=order.time,
    price=order.price,
    size=order.size,
    side=read_side(order.side),
    average_price=order.average,
    filled=order.filled,
    status=order.status,
    **common,
  )
  return [((message.time, order.time), event)]


def read_candle(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads a bar, finished or not; the venue's end is its last millisecond, ours the next one's
  first."""
  message = decode_candle(frame).data
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
    **common,
  )
  return [((bar.start, bar.closed, message.time), event)]
