"""Trades. Their ids are hashes without an order, so a lost one does not show by itself; what comes
twice is one event, by its id, a hash of the two orders, which meet once.

After each subscription the venue first sends what was traded before it. Of the first one that is
history, and is left out; after an outage it is what was missed, and is told where it is new.
Source: "Subscriptions" (WsTrade), and recorded sessions for what comes first.
"""

from bond_venuekit import Side, UnnumberedTrades, rows_of

from bond_core import Batch, Trade
from bond_core.feeds import Moment, Subscription
from bond_hyperliquid.messages import decode_trades

_SIDES: dict[str, Side] = {"B": "buy", "A": "sell"}


class TradesState(UnnumberedTrades):
  """The trades of one instrument."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._begin_ms: int | None = None
    """When it was first subscribed to."""
    self._first_is_due = True

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if self._begin_ms is None:
      self._begin_ms = now.ts_ms

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.received_ns = mono_ns
    trades = rows_of(self, decode_trades, frame, ts_ms, mono_ns, out)
    if not trades:
      return
    history = 0
    if len(trades) > 1:
      trades.sort(key=lambda trade: trade.time)
    if self._first_is_due:
      self._first_is_due, history = False, self._begin_ms or 0
    for trade in self.once(trades):
      if trade.time < history:
        self.skipped += 1
        continue
      side = _SIDES.get(trade.side, "unknown")
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
          size=trade.size,
          side=side,
          trade_id=str(trade.id),
          maker=None if side == "unknown" else side == "sell",
        )
      )
