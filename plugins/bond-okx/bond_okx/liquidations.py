"""Liquidations: one channel has those of all instruments of a family."""

from bond_venuekit import read_side, rows_of

from bond_core import Batch, Liquidation
from bond_core.feeds import Subscription
from bond_core.venues import SubscriptionState, Topic
from bond_okx.contracts import ContractOf
from bond_okx.messages import Forced, decode_liquidations
from bond_okx.symbols import venue_symbol


class LiquidationsState(SubscriptionState):
  """Those of one instrument. The venue sends them once, without numbers, and at most one an
  instrument and second, so that this is no complete tape (source: "WS / Liquidation orders
  channel")."""

  def __init__(self, subscription: Subscription, name: str, contract: ContractOf) -> None:
    super().__init__(subscription, name)
    self.symbol = venue_symbol(subscription.instrument)
    self._contract = contract

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    for found in decode_liquidations(frame).data:
      if found.instrument == self.symbol:
        for forced in found.details:
          self.add(forced, ts_ms, mono_ns, out)

  def add(self, forced: Forced, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the event of one liquidation."""
    self.received_ns = mono_ns
    contract = self._contract()
    size = forced.contracts if contract is None else contract.base(forced.contracts, forced.price)
    out.append(
      Liquidation(
        exchange=self._exchange,
        symbol=self._symbol,
        market_type=self._market_type,
        expiry=self._expiry,
        ts_event=ts_ms,
        ts_exchange=forced.ts,
        ts_internal=mono_ns,
        price=forced.price,
        size=size,
        side=read_side(forced.side),
      )
    )


class LiquidationsTopic(Topic):
  """A family's channel, decoded once for all its instruments."""

  def __init__(self, name: str, *, key: str, argument: str) -> None:
    super().__init__(name, key=key, argument=argument, one_connection=True)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    states = {
      state.symbol: state for state in self.states.values() if isinstance(state, LiquidationsState)
    }
    for found in rows_of(self, decode_liquidations, frame, ts_ms, mono_ns, out):
      state = states.get(found.instrument)
      if state is not None:
        for forced in found.details:
          state.add(forced, ts_ms, mono_ns, out)
