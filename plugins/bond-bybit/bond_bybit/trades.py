"""Trades. Their ids have no order, and the venue's sequence has holes, so a lost one does not show
by itself; what two connections both carry is one event, by id (source: "Trade")."""

from bond_venuekit import UnnumberedTrades, read_side, rows_of

from bond_bybit.messages import decode_trades
from bond_bybit.sizes import in_base
from bond_core import Batch, Trade
from bond_core.feeds import Subscription


class TradesState(UnnumberedTrades):
  """The trades of one instrument."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._in_base = in_base(subscription.instrument)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.received_ns = mono_ns
    convert = self._in_base
    for trade in self.once(rows_of(self, decode_trades, frame, ts_ms, mono_ns, out)):
      side = read_side(trade.side)
      out.append(
        Trade(
          exchange=self._exchange,
          symbol=self._symbol,
          market_type=self._market_type,
          expiry=self._expiry,
          ts_event=ts_ms,
          ts_exchange=trade.time,
          ts_internal=mono_ns,
          price=trade.price,
          size=trade.size if convert is None else convert(trade.size, trade.price),
          side=side,
          trade_id=trade.id,
          maker=None if side == "unknown" else side == "sell",
          is_block=True if trade.block else None,
          sequence=trade.sequence,
        )
      )
