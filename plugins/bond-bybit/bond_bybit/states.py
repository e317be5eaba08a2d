"""Candles and liquidations."""

from bond_bybit.messages import read_candles, read_liquidations
from bond_bybit.sizes import in_base
from bond_core import Batch, Candle, Liquidation
from bond_core.feeds import Subscription
from bond_core.venues import LatestValue, SubscriptionState

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

# A liquidated long position is sold.
_SIDES = {"Buy": "sell", "Sell": "buy"}


class CandlesState(LatestValue):
  """Bars of one length, also the unfinished one as it grows."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._interval = dict(subscription.options).get("interval", "1m")
    self._inverse = in_base(subscription.instrument) is not None

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    fixed = self.fixed(ts_ms, mono_ns)
    for bar in read_candles(frame).data:
      base, quote = bar.volume, bar.turnover
      if self._inverse:
        base, quote = quote, base
      event = Candle(
        ts_exchange=bar.timestamp,
        interval=self._interval,
        start=bar.start,
        end=bar.end + 1,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=base,
        quote_volume=quote,
        closed=bar.confirm,
        **fixed,
      )
      self.tell((bar.start, bar.confirm, bar.timestamp), event, ts_ms, mono_ns, out)


class LiquidationsState(SubscriptionState):
  """The liquidations of one instrument, all of them since 2025 (source: "All Liquidation"). Nothing
  tells one twice from two equal ones, so its topic listens to one connection at a time."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._in_base = in_base(subscription.instrument)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.heard = mono_ns
    convert = self._in_base
    for forced in read_liquidations(frame).data:
      size = forced.size if convert is None else convert(forced.size, forced.price)
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
          size=size,
          side=_SIDES.get(forced.position, "unknown"),
        )
      )
