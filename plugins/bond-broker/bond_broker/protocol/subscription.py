"""What a client has subscribed to."""

from collections.abc import Sequence

import attrs

from bond_broker.protocol.filters import Filter
from bond_broker.protocol.requests import Policy
from bond_broker.protocol.selection import selection_of


@attrs.define(eq=False)
class Subscription:
  """One running subscription: events from the log number `start` on. While it replays,
  `live_at` is the first number that is live."""

  filter: Filter
  id: object = None
  policy: Policy = "auto"
  start: int = 0
  live_at: int | None = None
  resumes: bool = False
  """Its reader has everything before `start`, books too, so a chain of deltas goes on without a
  snapshot."""


class Subscriptions:
  """All subscriptions of one client, in the order in which it made them. A change makes another
  object, so a task that holds one can see that it is no longer the client's."""

  __slots__ = ("listed", "selection")

  def __init__(self, listed: Sequence[Subscription] = ()) -> None:
    self.listed = listed
    # Equal filters count once.
    self.selection = selection_of(tuple(dict.fromkeys(s.filter for s in listed)))

  def with_one_more(self, subscription: Subscription) -> "Subscriptions":
    """These and another one."""
    return Subscriptions((*self.listed, subscription))

  def without(self, gone: Sequence[Subscription]) -> "Subscriptions":
    """These without some."""
    return Subscriptions(tuple(s for s in self.listed if s not in gone))

  @property
  def boundary(self) -> int | None:
    """The log number at which the next of them becomes live, None when all are."""
    return min((s.live_at for s in self.listed if s.live_at is not None), default=None)

  def starts_after(self, position: int) -> bool:
    """Whether some of them begin after a position."""
    return any(s.start > position for s in self.listed)

  @property
  def policies(self) -> dict[Filter, Policy]:
    """The policy of each filter; of equal ones, the first counts."""
    return {s.filter: s.policy for s in reversed(self.listed)}
