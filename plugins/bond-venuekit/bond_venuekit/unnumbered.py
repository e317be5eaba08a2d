"""Trades whose numbers have no order: a lost one does not show by itself, and what comes twice is
one event, by its id."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Protocol, TypeVar

from bond_core.feeds import Subscription
from bond_core.venues import SubscriptionState

REMEMBERED = 5_000
"""Trades that may come again: seconds of the busiest market on a second connection, and far more
than venues send after a subscription."""


class Identified(Protocol):
  """A decoded trade."""

  @property
  def id(self) -> Hashable: ...


T = TypeVar("T", bound=Identified)


class UnnumberedTrades(SubscriptionState):
  """The trades of one instrument. A venue's own class decodes a message in `take` and makes events
  of those trades in it that `once` lets through."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._seen: OrderedDict[Hashable, None] = OrderedDict()

  def once(self, trades: Iterable[T]) -> list[T]:
    """The trades that did not come before, in their order; the others count as duplicates."""
    seen, new = self._seen, []
    for trade in trades:
      if trade.id in seen:
        self.duplicates += 1
        continue
      seen[trade.id] = None
      if len(seen) > REMEMBERED:
        seen.popitem(last=False)
      new.append(trade)
    return new
