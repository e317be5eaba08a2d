"""A source that is one coroutine function, run and restarted."""

import inspect
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import trio

from bond_core._clock import Clock
from bond_core._errors import Disconnected, PluginError, Refused, RetryAfter, fault_of
from bond_core._events import Batch
from bond_core._logs.memory import MemoryLog
from bond_core._simulators import Simulators
from bond_core._sources.shared import Shared
from bond_core._sources.single import SingleSource
from bond_core._supervise import Backoff, RestartBudget
from bond_core._types.source import SourceType

T = TypeVar("T")


class CoroutineSource(SingleSource):
  """Runs `run(config, out, ctx)`, restarts it, and declares its outages. It is the source's own
  `out` and `ctx`."""

  def __init__(
    self,
    name: str,
    source_type: SourceType,
    config: object,
    log: MemoryLog,
    clock: Clock,
    simulators: Simulators,
    shared: Shared,
  ) -> None:
    super().__init__(name, source_type, config, log, clock, simulators)
    self._shared = shared
    self._reconnects = 0

  @property
  def reconnects(self) -> int:
    return self._reconnects

  async def work(self) -> None:
    backoff, budget = Backoff(), RestartBudget()
    try:
      while (wait := await self._once(backoff, budget)) is not None:
        await trio.sleep(wait)
    finally:
      self._declare_outage()

  async def _once(self, backoff: Backoff, budget: RestartBudget) -> float | None:
    """One run; seconds until the next one, None for no more."""
    if self.type.run is None:
      raise PluginError(f"the source {self.type.name!r} has no run")
    started = trio.current_time()
    self._refusal = None
    self._notices.clear()
    try:
      await self.point()
      running = self.type.run(self.config, self, self)
      if not inspect.isawaitable(running):
        raise PluginError(
          f"the run of {self.type.name!r} is not async; write async def run(config, out, ctx)"
        )
      await running
      return None
    except BaseException as exc:
      error = fault_of(exc)
    if trio.current_time() - started > 30:
      backoff.reset()
    self.lost(str(error) or type(error).__name__)
    self._refusal = error
    if isinstance(error, (Disconnected, RetryAfter)):
      wait = backoff.after(error)
    elif isinstance(error, (Refused, PluginError)):
      self.fail(str(error))
      return None
    else:
      self.log.error("%s raised %s: %s", self.name, type(error).__name__, error, exc_info=error)
      if not budget.spend(trio.current_time()):
        self.fail(
          f"{self.type.name} failed {budget.restarts + 1} times within {budget.seconds:.0f} s, the "
          f"last time with {type(error).__name__}: {error}"
        )
        return None
      wait = backoff.delay()
    self._reconnects += self._delivered
    self.log.warning("%s: %s; trying again in %.1f s", self.name, self._cause, wait)
    return wait

  # What the source itself sees: Out and SourceContext.

  async def send(self, batch: Batch) -> None:
    """Takes a batch from the source; waits for readers where the source can wait."""
    self.stamp(batch)
    self.live()
    self.append(batch)
    await self.ring.room()

  async def gap(
    self, cause: str, *, symbol: str = "*", channel: str = "*", missed: int | None = None
  ) -> None:
    """Declares that events were or may have been lost at the source."""
    await self.send([self.gap_of(cause, symbol=symbol, channel=channel, missed=missed)])

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key, kept until the process's sources end."""
    return self._shared.remember(key, make)

  def open_shared(
    self, key: Hashable, opener: Callable[[], AbstractAsyncContextManager[T]]
  ) -> AbstractAsyncContextManager[T]:
    """A resource that sources of the same key share."""
    return self._shared.open(key, opener)
