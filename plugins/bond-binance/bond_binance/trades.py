"""Trades: single ones, or aggregated ones. The numbers of both go up by one per symbol."""

from bond_venuekit import (
  NumberedTrades,
)

from bond_binance.contracts import Worth, in_base
from bond_binance.messages import decode_agg_trade, decode_trade
from bond_core import Batch, Trade
from bond_core.feeds import Subscription


class TradesState(NumberedTrades):
  """The trades of one instrument.

  On futures, trades that were not made on the book (kind INSURANCE_FUND, ADL, NA) are left out,
  counted in `skipped`: their prices are not the market's.
  """

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    trade = decode_trade(frame).data
    number = trade.number
    if trade.kind != "MARKET":
      self.offer(number, number, None, ts_ms, mono_ns, out)
      return
    event = Trade(
      exchange=self._exchange,
      symbol=self._symbol,
      market_type=self._market_type,
      expiry=self._expiry,
      ts_event=ts_ms,
      ts_exchange=trade.time,
      ts_internal=mono_ns,
      price=trade.price,
      size=trade.size,
      side="sell" if trade.buyer_is_maker else "buy",
      trade_id=str(number),
      maker=trade.buyer_is_maker,
      sequence=number,
    )
    if number == self.next_number:
      # The way of nearly every trade, without a call.
      self.next_number = number + 1
      self.received_ns = mono_ns
      out.append(event)
    else:
      self.offer(number, number, event, ts_ms, mono_ns, out)


class AggregatedTradesState(NumberedTrades):
  """The aggregated trades of one instrument, each of which may be several executions:
  `agg_trade_id` is its own number, `trade_id` and `match_id` are those of the first and last
  execution in it. `sequence` is the number that goes up by one. `worth` is for sizes in
  contracts."""

  def __init__(self, subscription: Subscription, name: str, worth: Worth | None = None) -> None:
    super().__init__(subscription, name)
    self._worth = worth

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    joined = decode_agg_trade(frame).data
    number, size = joined.number, joined.size
    if self._worth is not None:
      size = in_base(size, joined.price, self._worth())
    event = Trade(
      exchange=self._exchange,
      symbol=self._symbol,
      market_type=self._market_type,
      expiry=self._expiry,
      ts_event=ts_ms,
      ts_exchange=joined.time,
      ts_internal=mono_ns,
      price=joined.price,
      size=size,
      side="sell" if joined.buyer_is_maker else "buy",
      trade_id=str(joined.first),
      match_id=str(joined.last),
      agg_trade_id=str(number),
      maker=joined.buyer_is_maker,
      sequence=number,
    )
    self.offer(number, number, event, ts_ms, mono_ns, out)
