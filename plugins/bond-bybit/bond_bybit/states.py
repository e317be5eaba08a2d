"""Candles and liquidations."""

from collections.abc import Iterator
from typing import Any

from bond_venuekit import Order, ReadLatest, opposite, read_side, rows_of

from bond_bybit.messages import decode_bars, decode_liquidations
from bond_bybit.sizes import in_base
from bond_core import AnyEvent, Batch, Candle, Liquidation
from bond_core.feeds import Subscription
from bond_core.venues import SubscriptionState

INTERVALS = {
  "1m": "1",
  "3m": "3",
  "5m": "5",
  "15m": "15",
  "30m": "30",
  "1h": "60",
  "2h": "120",
  "4h": "240",
  "6h": "360",
  "12h": "720",
  "1d": "D",
  "1w": "W",
  "1M": "M",
}
"""Lengths of candles, and what the venue calls them."""


def read_candles(subscription: Subscription) -> ReadLatest:
  """Reads bars of one length, also the unfinished one as it grows."""
  interval = dict(subscription.options).get("interval", "1m")
  inverse = in_base(subscription.instrument) is not None

  def read(frame: bytes, common: dict[str, Any]) -> Iterator[tuple[Order, AnyEvent]]:
    for bar in decode_bars(frame).data:
      base, quote = bar.volume, bar.turnover
      if inverse:
        base, quote = quote, base
      event = Candle(
        ts_exchange=bar.timestamp,
        interval=interval,
        start=bar.start,
        end=bar.end + 1,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=base,
        quote_volume=quote,
        closed=bar.confirm,
        **common,
      )
      yield (bar.start, bar.confirm, bar.timestamp), event

  return read


class LiquidationsState(SubscriptionState):
  """The liquidations of one instrument, all of them since 2025 (source: "All Liquidation"). Nothing
  tells one sent twice from two equal ones, so its topic is read from one connection at a time."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._in_base = in_base(subscription.instrument)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.received_ns = mono_ns
    convert = self._in_base
    for forced in rows_of(self, decode_liquidations, frame, ts_ms, mono_ns, out):
      out.append(
        Liquidation(
          exchange=self._exchange,
          symbol=self._symbol,
          market_type=self._market_type,
          expiry=self._expiry,
          ts_event=ts_ms,
          ts_exchange=forced.time,
          ts_internal=mono_ns,
          price=forced.price,
          size=forced.size if convert is None else convert(forced.size, forced.price),
          # A liquidated long position is sold.
          side=opposite(read_side(forced.position)),
        )
      )
