"""What a venue calls by one name, and the subscriptions that are read from it: mostly one."""

from collections.abc import Callable
from typing import TypeAlias

from bond_core._events import Batch
from bond_core._feeds.contract import Subscription
from bond_core._venues.state import SubscriptionState

Take: TypeAlias = Callable[[bytes, int, int, Batch], None]
"""(message, receive time in epoch ms, the same in monotonic ns, the batch that events go to)."""


class Topic:
  """A name that can be subscribed to, unique within its group of connections.

  `key` is what stands between TopicFeed's `opening` and `closing` in each of its messages,
  `argument` is how a request names it, in JSON; left out, they are the name and the name in quotes.
  With `one_connection` only the oldest connection that carries the topic is read: for messages that
  have nothing by which one sent twice differs from two equal ones.

  Where a venue sends several things under one name (a ticker with its funding rate, the
  liquidations of all instruments) a class of its own overrides `take`: it decodes a message once
  and hands it to its `states`.
  """

  def __init__(
    self,
    name: str,
    *,
    key: str | None = None,
    argument: str | None = None,
    one_connection: bool = False,
  ) -> None:
    self.name = name
    self.key = (name if key is None else key).encode()
    self.argument = f'"{name}"' if argument is None else argument
    self.one_connection = one_connection
    self.states: dict[Subscription, SubscriptionState] = {}
    self.prefix = b""
    """What its messages begin with, set by the feed that subscribes to it."""
    self.reader: Take = self.take
    """What takes its messages: `take`, or its state's own where there is one state and nothing to
    distribute."""

  def add(self, subscription: Subscription, state: SubscriptionState) -> None:
    """One more subscription reads it."""
    self.states[subscription] = state
    self._choose_reader()

  def remove(self, subscription: Subscription) -> None:
    """A subscription no longer reads it."""
    del self.states[subscription]
    self._choose_reader()

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the events of one message. Raises UNREADABLE for a message that makes no sense."""
    for state in self.states.values():
      state.take(frame, ts_ms, mono_ns, out)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares that a message of this topic could not be read."""
    for state in self.states.values():
      state.unreadable(cause, ts_ms, mono_ns, out)

  def read_from(self, connection: int) -> bool:
    """Whether messages of this connection are read."""
    if not self.one_connection:
      return True
    carriers = [carrier for state in self.states.values() for carrier in state.carriers]
    return connection == min(carriers, default=None)

  def _choose_reader(self) -> None:
    shared = len(self.states) != 1 or type(self).take is not Topic.take
    self.reader = self.take if shared else next(iter(self.states.values())).take
