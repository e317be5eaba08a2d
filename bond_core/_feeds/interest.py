"""The subscriptions that have readers: counted, with a grace period."""

from collections.abc import Iterable

import trio

from bond_core._feeds.contract import Subscription


class Interest:
  """The set of subscriptions that have readers.

  A spec, a broker's client and a stream made over REST all do nothing but `add` and `drop`. A
  subscription without readers stays for `grace` seconds, so that a reader who comes back soon finds
  it running.
  """

  def __init__(self, grace: float = 10.0) -> None:
    self.grace = grace
    self._readers: dict[Subscription, int] = {}
    self._leaving: dict[Subscription, float] = {}
    self._changed = trio.Event()

  def add(self, subscriptions: Iterable[Subscription]) -> None:
    """Counts one more reader of each."""
    for subscription in subscriptions:
      self._readers[subscription] = self._readers.get(subscription, 0) + 1
      self._leaving.pop(subscription, None)
    self._wake()

  def drop(self, subscriptions: Iterable[Subscription], now: float) -> None:
    """Counts one reader fewer of each; `now` is in trio's time."""
    for subscription in subscriptions:
      count = self._readers.get(subscription, 0) - 1
      if count > 0:
        self._readers[subscription] = count
      elif self._readers.pop(subscription, None) is not None:
        self._leaving[subscription] = now + self.grace
    self._wake()

  def current(self, now: float) -> list[Subscription]:
    """What should run now: what has readers, in the order in which it first had one, then what is
    in its grace period."""
    for subscription, until in list(self._leaving.items()):
      if until <= now:
        del self._leaving[subscription]
    return [*self._readers, *self._leaving]

  async def changed(self) -> None:
    """Returns when the set may have changed, also because a grace period ended."""
    deadline = min(self._leaving.values(), default=float("inf"))
    with trio.move_on_at(deadline):
      await self._changed.wait()
    self._changed = trio.Event()

  def _wake(self) -> None:
    self._changed.set()
