"""Trades. A message is what one order took at one price, which may be several trades: their numbers
go up by one and the message's is the last (source: "WS / Trades channel")."""

from bond_venuekit import NumberedTrades, read_side, rows_of

from bond_core import Batch, Trade
from bond_core.feeds import Subscription
from bond_okx.contracts import ContractOf
from bond_okx.messages import decode_trades


class TradesState(NumberedTrades):
  """The trades of one instrument. Where several were joined, `trade_id` and `sequence` are the last
  of them, as the venue has it."""

  def __init__(self, subscription: Subscription, name: str, contract: ContractOf) -> None:
    super().__init__(subscription, name)
    self._contract = contract

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    contract = self._contract()
    for trade in rows_of(self, decode_trades, frame, ts_ms, mono_ns, out):
      last, count = trade.number, trade.count or 1
      first = last - count + 1
      side = read_side(trade.side)
      event = Trade(
        exchange=self._exchange,
        symbol=self._symbol,
        market_type=self._market_type,
        expiry=self._expiry,
        ts_event=ts_ms,
        ts_exchange=trade.ts,
        ts_internal=mono_ns,
        price=trade.price,
        size=trade.size if contract is None else contract.base(trade.size, trade.price),
        side=side,
        trade_id=str(last),
        maker=None if side == "unknown" else side == "sell",
        sequence=last,
      )
      try:
        self.offer(first, last, event, ts_ms, mono_ns, out)
      except ValueError as exc:
        self.unreadable(str(exc), ts_ms, mono_ns, out)
