"""What subscriptions need of the sources."""

from collections.abc import Callable, Collection, Sequence
from itertools import product

import attrs
import trio

from bond_broker.protocol.filters import ANY, Filter
from bond_broker.protocol.requests import Subscribe
from bond_core import Instrument
from bond_core.services import Demand, Lease, Rejection


@attrs.frozen
class NoLease:
  """The lease of a subscription that needs no source: it receives what comes."""

  rejected: Sequence[Rejection] = ()
  carried: bool = True
  named: Collection[Instrument] = ()


@attrs.frozen
class LeaseInParts:
  """A large lease, taken in parts so that others have their turn between them."""

  parts: list[Lease]

  @property
  def rejected(self) -> Sequence[Rejection]:
    """What no source can carry."""
    return [rejection for part in self.parts for rejection in part.rejected]

  @property
  def carried(self) -> bool:
    """Whether events may come."""
    return any(part.carried for part in self.parts)

  @property
  def named(self) -> Collection[Instrument]:
    """The instruments that venues' own names, and contracts whose settlement is named, are."""
    return {instrument for part in self.parts for instrument in part.named}


# Markets, each for every channel, that are leased at once; takes about 10 ms.
AT_ONCE = 50


class Leases:
  """Leases from the sources what clients subscribe to. `exchanges` gives the venues that there are.
  `unseen` says what of a request did not come by, where another process writes the log and its
  server leases."""

  def __init__(
    self,
    demand: Demand | None,
    exchanges: Callable[[], set[str]] = set,
    unseen: Callable[[Subscribe], Sequence[Rejection]] = lambda request: (),
  ) -> None:
    self._demand = demand
    self._exchanges = exchanges
    self._unseen = unseen

  async def lease(self, request: Subscribe) -> Lease:
    """Leases what a request names; waits a moment for what the venues answer."""
    demand = self._demand
    if demand is None:
      await trio.lowlevel.checkpoint()
      return NoLease(self._unseen(request))
    matched = request.filter
    if not request.markets:
      await trio.lowlevel.checkpoint()
      rejected = self._without_source(matched)
      return NoLease(rejected, carried={r.exchange for r in rejected} != matched.exchanges)
    size = max(1, AT_ONCE // len(matched.channels))
    starts = range(0, len(request.markets), size)
    lease = LeaseInParts([])
    try:
      for exchange, start in product(sorted(matched.exchanges), starts):
        markets = request.markets[start : start + size]
        lease.parts.append(
          demand.lease(matched.channels, markets, frozenset((exchange,)), raw=matched.raw)
        )
        await trio.lowlevel.checkpoint()
      async with trio.open_nursery() as nursery:
        for part in lease.parts:
          nursery.start_soon(demand.await_verdicts, part)
    except BaseException:
      self.release(lease)
      raise
    return lease

  def _without_source(self, matched: Filter) -> list[Rejection]:
    """The named venues of which nothing can come, for every channel."""
    known = self._exchanges()
    there = f"; there is {', '.join(sorted(known))}" if known else ""
    return [
      Rejection(channel, "*", exchange, f"there is no exchange {exchange} here{there}")
      for exchange in sorted(matched.exchanges - known - ANY)
      for channel in sorted(matched.channels)
    ]

  def release(self, lease: Lease) -> None:
    """A subscription has ended."""
    if self._demand is not None and isinstance(lease, LeaseInParts):
      for part in lease.parts:
        self._demand.release(part)
