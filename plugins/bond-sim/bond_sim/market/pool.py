"""A venue's generated markets. A market moves from its first use on, and rests when it was not used
for five minutes."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

import trio
from bond_simkit import Fanout, VenueTime

from bond_sim.market.indices import STEP_MS, Indices

PULSE_SECONDS = 0.01
TIDY_MS = 1000
REST_AFTER_MS = 300_000

K = TypeVar("K", bound=Hashable)


class PooledMarket(Protocol):
  """One market."""

  def close(self, topic: Any) -> None:
    """The topic has no reader any more."""

  def rest_until(self, now_ms: int) -> None:
    """The market has rested: nothing has happened up to `now_ms`."""

  def advance(self, to_ms: float) -> None:
    """Lets everything happen up to `to_ms`, in order of time."""


M = TypeVar("M", bound=PooledMarket)


class MarketPool(Generic[K, M]):
  """The markets by key. `make` makes one, given its key and the venue's time (epoch ms), when it is
  first used."""

  def __init__(
    self, fanout: Fanout, indices: Indices, clock: VenueTime, make: Callable[[K, int], M]
  ) -> None:
    self._fanout = fanout
    self._indices = indices
    self._clock = clock
    self._make = make
    self._markets: dict[K, M] = {}
    self._topics: dict[tuple[str, K], Any] = {}
    """Topics that are published, by their name in the fan-out and their market; markets may share a
    name."""
    self._used_ms: dict[K, int] = {}
    """When each market that moves was last used."""
    self._next_step_ms = self._next_tidy_ms = 0

  @property
  def awake(self) -> list[K]:
    """Keys of the markets that move."""
    return list(self._used_ms)

  async def run(self) -> None:
    """Lets the markets move with the venue's clock until cancelled."""
    while True:
      await trio.sleep(PULSE_SECONDS)
      self.advance(self._clock.now_ms())

  def advance(self, now_ms: int) -> None:
    """Lets all awake markets move up to `now_ms`. The indices step on a grid, so that the result
    does not depend on how often this is called."""
    while self._next_step_ms <= now_ms and self._used_ms:
      for key in self._used_ms:
        self._markets[key].advance(self._next_step_ms)
      self._indices.step()
      self._next_step_ms += STEP_MS
    for key in self._used_ms:
      self._markets[key].advance(now_ms)
    if now_ms >= self._next_tidy_ms:
      self._next_tidy_ms = now_ms + TIDY_MS
      self._tidy(now_ms)

  def wake(self, key: K) -> M:
    """The market, which moves from now on."""
    now = self._clock.now_ms()
    if not self._used_ms:
      self._next_step_ms = now + STEP_MS
    if key not in self._markets:
      self._markets[key] = self._make(key, now)
    elif key not in self._used_ms:
      self._markets[key].rest_until(now)
    self._used_ms[key] = now
    return self._markets[key]

  def up_to_date(self, key: K) -> M:
    """The market as it is now; it moves from now on."""
    market = self.wake(key)
    self.advance(self._clock.now_ms())
    return market

  def opened(self, name: str, key: K, topic: Any) -> None:
    """A market publishes a topic to the fan-out under this name until it has no reader."""
    self._topics[name, key] = topic

  def _tidy(self, now_ms: int) -> None:
    """Closes topics without a reader, and puts unused markets to rest. A topic that was lost with
    its connection stays open for a while, because what is missed on it has to be accounted for."""
    for (name, key), topic in list(self._topics.items()):
      if self._fanout.is_read(name):
        self._used_ms[key] = now_ms
      elif not self._fanout.is_accounted(name) or now_ms - self._used_ms[key] > REST_AFTER_MS:
        self._fanout.forget(name)
        self._markets[key].close(topic)
        del self._topics[name, key]
    for key, used_ms in list(self._used_ms.items()):
      if now_ms - used_ms > REST_AFTER_MS:
        del self._used_ms[key]
