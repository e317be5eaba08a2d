"""What subscriptions need of the sources."""

from collections.abc import Callable, Sequence

import attrs
import trio

from bond_broker.protocol.requests import Subscribe
from bond_core.services import Demand, Lease, Rejection


@attrs.frozen
class NoLease:
  """The lease of a subscription that needs no source: it receives what comes."""

  rejected: Sequence[Rejection] = ()
  carried: bool = True


class Leases:
  """Leases from the sources what clients subscribe to. `unseen` says what of a request did not come
  by, where another process writes the log and its server leases."""

  def __init__(
    self,
    demand: Demand | None,
    unseen: Callable[[Subscribe], Sequence[Rejection]] = lambda request: (),
  ) -> None:
    self._demand = demand
    self._unseen = unseen

  async def lease(self, request: Subscribe) -> Lease:
    """Leases what a request names; waits a moment for what the venues answer."""
    demand = self._demand
    if demand is None or not request.markets:
      await trio.lowlevel.checkpoint()
      return NoLease(self._unseen(request))
    matched = request.filter
    lease = demand.lease(matched.channels, request.markets, matched.exchanges, raw=matched.raw)
    try:
      await demand.await_verdicts(lease)
    except BaseException:
      demand.release(lease)
      raise
    return lease

  def release(self, lease: Lease) -> None:
    """A subscription has ended."""
    if self._demand is not None and not isinstance(lease, NoLease):
      self._demand.release(lease)
