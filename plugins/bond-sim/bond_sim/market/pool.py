"""A venue's generated markets. One moves from the moment somebody asks for it, and rests again when
nobody has for five minutes."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

import trio

from bond_sim.clock import Clock
from bond_sim.hub import Hub
from bond_sim.market.indices import STEP_MS, Indices

PULSE_SECONDS = 0.01
TIDY_MS = 1000
REST_AFTER_MS = 300_000

K = TypeVar("K", bound=Hashable)


class Traded(Protocol):
  """One market."""

  def close(self, stream: Any) -> None:
    """Nobody reads the stream any more."""

  def rest_until(self, now_ms: int) -> None:
    """Nothing has happened up to `now_ms`."""

  def advance(self, to_ms: float) -> None:
    """Lets everything happen up to `to_ms`."""


M = TypeVar("M", bound=Traded)


class Floor(Generic[K, M]):
  """The markets by key, made by `make` when they are first asked for (key, epoch ms)."""

  def __init__(self, hub: Hub, indices: Indices, clock: Clock, make: Callable[[K, int], M]) -> None:
    self._hub = hub
    self._indices = indices
    self._clock = clock
    self._make = make
    self._markets: dict[K, M] = {}
    self._streams: dict[tuple[str, K], Any] = {}
    """What is published, by its name in the hub and its market; several may share a name."""
    self._awake: dict[K, int] = {}
    """Markets that move, and when somebody last asked for them."""
    self._next_step_ms = self._next_tidy_ms = 0

  @property
  def awake(self) -> list[K]:
    """The markets that move."""
    return list(self._awake)

  async def run(self) -> None:
    """Lets time pass until cancelled."""
    while True:
      await trio.sleep(PULSE_SECONDS)
      self.advance(self._clock.now_ms())

  def advance(self, now_ms: int) -> None:
    """Lets all awake markets move up to `now_ms`. The indices step on a grid, so that the result
    does not depend on how often this is called."""
    while self._next_step_ms <= now_ms and self._awake:
      for asked in self._awake:
        self._markets[asked].advance(self._next_step_ms)
      self._indices.step()
      self._next_step_ms += STEP_MS
    for asked in self._awake:
      self._markets[asked].advance(now_ms)
    if now_ms >= self._next_tidy_ms:
      self._next_tidy_ms = now_ms + TIDY_MS
      self._tidy(now_ms)

  def wake(self, asked: K) -> M:
    """The market, which moves from now on."""
    now = self._clock.now_ms()
    if not self._awake:
      self._next_step_ms = now + STEP_MS
    if asked not in self._markets:
      self._markets[asked] = self._make(asked, now)
    elif asked not in self._awake:
      self._markets[asked].rest_until(now)
    self._awake[asked] = now
    return self._markets[asked]

  def up_to_date(self, asked: K) -> M:
    """The market as it is now."""
    market = self.wake(asked)
    self.advance(self._clock.now_ms())
    return market

  def opened(self, name: str, asked: K, stream: Any) -> None:
    """A market publishes a stream to the hub under this name, until nobody wants it."""
    self._streams[name, asked] = stream

  def _tidy(self, now_ms: int) -> None:
    """Streams nobody wants are closed; a stream lost with its connection stays open for a while,
    because what is missed on it has to be known."""
    for (name, asked), stream in list(self._streams.items()):
      if self._hub.read(name):
        self._awake[asked] = now_ms
      elif not self._hub.wanted(name) or now_ms - self._awake[asked] > REST_AFTER_MS:
        self._hub.forget(name)
        self._markets[asked].close(stream)
        del self._streams[name, asked]
    for asked, asked_ms in list(self._awake.items()):
      if now_ms - asked_ms > REST_AFTER_MS:
        del self._awake[asked]
