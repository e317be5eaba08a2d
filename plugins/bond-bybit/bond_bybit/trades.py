"""Trades. Their ids have no order, and the venue's sequence has holes, so a lost one does not show
by itself; what two connections both carry is one event, by id (source: "Trade")."""

from collections import OrderedDict

from bond_venuekit import read_side, rows_of

from bond_bybit.messages import decode_trades
from bond_bybit.sizes import in_base
from bond_core import Batch, Trade
from bond_core.feeds import Subscription
from bond_core.venues import SubscriptionState

REMEMBERED = 5_000
"""Trades that a second connection may repeat: seconds of the busiest market."""


class TradesState(SubscriptionState):
  """The trades of one instrument."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._in_base = in_base(subscription.instrument)
    self._seen: OrderedDict[str, None] = OrderedDict()

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.received_ns = mono_ns
    seen, convert = self._seen, self._in_base
    for trade in rows_of(self, decode_trades, frame, ts_ms, mono_ns, out):
      if trade.id in seen:
        self.duplicates += 1
        continue
      seen[trade.id] = None
      if len(seen) > REMEMBERED:
        seen.popitem(last=False)
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
