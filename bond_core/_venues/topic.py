"""What a venue calls by one name, and the states that are read from it: mostly one."""

from bond_core._events import Batch
from bond_core._feeds.contract import Subscription
from bond_core._venues.state import SubscriptionState


class Topic:
  """A name that can be subscribed to. Where a venue sends several things under one name (a ticker
  with its funding, the liquidations of all instruments) a class of its own decodes a message once
  and hands it to `states`."""

  lone = False
  """Whether its messages have nothing that tells one twice from two equal ones, so that only one
  connection at a time is listened to."""

  def __init__(self, name: str) -> None:
    self.name = name
    self.states: dict[Subscription, SubscriptionState] = {}

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the events of one message. Raises UNREADABLE for a message that makes no sense."""
    for state in self.states.values():
      state.take(frame, ts_ms, mono_ns, out)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """A message of this name could not be read."""
    for state in self.states.values():
      state.unreadable(cause, ts_ms, mono_ns, out)

  def first_carrier(self) -> int | None:
    """The oldest connection that carries it."""
    return min((c for state in self.states.values() for c in state.carriers), default=None)
