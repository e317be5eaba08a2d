"""Liquidations: one channel tells those of all instruments of a family."""

from typing import Any

from bond_core import Batch, Liquidation
from bond_core.feeds import Subscription
from bond_core.venues import SubscriptionState, Topic
from bond_okx.messages import Forced, read_liquidations


class LiquidationsState(SubscriptionState):
  """Those of one instrument. The venue tells them once, without numbers, and at most one an
  instrument and second, so that this is no complete tape (source: "WS / Liquidation orders
  channel")."""

  def __init__(self, subscription: Subscription, name: str, instrument: str, contract: Any) -> None:
    super().__init__(subscription, name)
    self.instrument = instrument
    self._contract = contract

  def tell(self, forced: Forced, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds one."""
    self.heard = mono_ns
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
        side=forced.side if forced.side in ("buy", "sell") else "unknown",
      )
    )


class Liquidations(Topic):
  """A family's channel."""

  lone = True

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    message = read_liquidations(frame)
    wanted = {
      stream.instrument: stream
      for stream in self.states.values()
      if isinstance(stream, LiquidationsState)
    }
    for found in message.data:
      stream = wanted.get(found.instrument)
      if stream is not None:
        for forced in found.details:
          stream.tell(forced, ts_ms, mono_ns, out)
