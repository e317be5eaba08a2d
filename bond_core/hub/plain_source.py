"""A source that is one coroutine function, run and restarted."""

import logging
from collections.abc import Awaitable, Callable

import trio

from bond_core.bridge import AsyncioThread
from bond_core.clock import Clock
from bond_core.components import SourceSpec
from bond_core.errors import Disconnected, PluginError, Refused, RetryAfter, leaf
from bond_core.events import EVENT_TYPES, Batch, Gap, Window
from bond_core.hub.tap import Tap
from bond_core.log.memory import MemoryLog
from bond_core.supervise import Backoff, RestartBudget

_EVENTS = frozenset(EVENT_TYPES.values())
_TIMELESS = frozenset((Window, Gap))


class PlainSource:
  """A source that is one coroutine function: run, restarted, and its outages declared."""

  def __init__(
    self,
    name: str,
    spec: SourceSpec,
    config: object,
    market: MemoryLog,
    clock: Clock,
    asyncio: Callable[[], Awaitable[AsyncioThread]],
  ) -> None:
    self.name = name
    self.spec = spec
    self.clock = clock
    self.log = logging.LoggerAdapter(logging.getLogger(f"bond.{spec.name.split('.')[0]}"))
    self.scope = trio.CancelScope()
    self.ended = trio.Event()
    self.figures: dict[str, float] = {}
    self._market = market
    self._asyncio = asyncio
    self._config = config
    self._taps: list[Tap] = []
    self._delivered = False
    self._down_since_ms: int | None = None
    self._cause = ""

  @property
  def exchange(self) -> str:
    """The venue whose events come, or the plugin's name."""
    return self.spec.exchange_of(self._config)

  def tap(self, name: str, severity: int = logging.ERROR) -> Tap:
    """One more reader."""
    tap = Tap(name, self, _everything, severity=severity)
    self._taps.append(tap)
    return tap

  def leave(self, tap: Tap) -> None:
    """A reader goes; the last one ends the source."""
    self._taps.remove(tap)
    if not self._taps:
      self.scope.cancel()

  async def run(self) -> None:
    """Runs the source until it ends by itself, is stopped, or has failed for good."""
    backoff, budget = Backoff(), RestartBudget()
    try:
      with self.scope:
        while True:
          wait = await self._once(backoff, budget)
          if wait is None:
            return
          await trio.sleep(wait)
    finally:
      self._declare_outage()
      self._market.end(self)
      self.ended.set()

  async def _once(self, backoff: Backoff, budget: RestartBudget) -> float | None:
    """One run; seconds until the next one, None for no more."""
    if self.spec.run is None:
      raise PluginError(f"the source {self.spec.name!r} has no run")
    started = trio.current_time()
    try:
      await self.spec.run(self._config, self, self)
      return None
    except Exception as exc:
      error = leaf(exc)
    if trio.current_time() - started > 30:
      backoff.reset()
    self._cause = str(error) or type(error).__name__
    if self._delivered and self._down_since_ms is None:
      self._down_since_ms = self.clock.now_ms()
    if isinstance(error, RetryAfter):
      wait = error.seconds
    elif isinstance(error, Disconnected):
      wait = backoff.delay()
    elif isinstance(error, (Refused, PluginError)):
      self.fail(str(error))
      return None
    else:
      self.log.error("%s raised %s: %s", self.name, type(error).__name__, error, exc_info=error)
      if not budget.spend(trio.current_time()):
        self.fail(
          f"{self.spec.name} failed {budget.restarts + 1} times within {budget.seconds:.0f} s, the "
          f"last time with {type(error).__name__}: {error}"
        )
        return None
      wait = backoff.delay()
    self.log.warning("%s: %s; trying again in %.1f s", self.name, self._cause, wait)
    return wait

  @property
  def state(self) -> str:
    """connecting, live or reconnecting."""
    if self._down_since_ms is not None:
      return "reconnecting"
    return "live" if self._delivered else "connecting"

  def fail(self, reason: str) -> None:
    """Ends all its readers' shares."""
    for tap in self._taps:
      tap.fail(reason)

  # What the source itself sees: Out and SourceContext.

  async def send(self, batch: Batch) -> None:
    """Takes a batch from the source; waits for readers where the source can wait."""
    if type(batch) is not list:
      raise PluginError(
        f"{self.spec.name} sent {type(batch).__name__!r}; send a list of events, [event] for one"
      )
    now_ms, mono_ns = self.clock.now_ms(), self.clock.mono_ns()
    for event in batch:
      kind = type(event)
      if kind not in _EVENTS:
        raise PluginError(
          f"{self.spec.name} sent {kind.__name__!r}, which is no event; send lists of events such "
          "as Trade or Custom from bond_core"
        )
      if kind not in _TIMELESS and not self.spec.replay:
        if not event.ts_event:  # type: ignore[union-attr]
          event.ts_event = now_ms  # type: ignore[union-attr]
        if event.ts_internal is None:  # type: ignore[union-attr]
          event.ts_internal = mono_ns  # type: ignore[union-attr]
    self.live()
    self._market.append(batch, self)
    await self._market.room()

  def live(self) -> None:
    """The source is connected: an outage before this ends here."""
    self._delivered = True
    self._declare_outage()

  async def gap(
    self, cause: str, *, symbol: str = "*", channel: str = "*", missed: int | None = None
  ) -> None:
    """Declares that events were or may have been lost at the source."""
    await self.send([self._gap(cause, symbol=symbol, channel=channel, missed=missed)])

  async def asyncio(self) -> AsyncioThread:
    """The process's asyncio thread."""
    return await self._asyncio()

  def _declare_outage(self) -> None:
    if self._down_since_ms is not None:
      channel = self.spec.channel or "*"
      gap = self._gap(self._cause, channel=channel, since=self._down_since_ms)
      self._down_since_ms = None
      self._market.append([gap], self)

  def _gap(
    self,
    cause: str,
    *,
    symbol: str = "*",
    channel: str = "*",
    missed: int | None = None,
    since: int | None = None,
  ) -> Gap:
    now = self.clock.now_ms()
    return Gap(
      exchange=self.exchange,
      symbol=symbol,
      channel=channel,
      ts_event=now,
      ts_from=since,
      ts_to=now,
      missed=missed,
      cause=cause,
    )


def _everything(batch: Batch) -> Batch:
  return batch
