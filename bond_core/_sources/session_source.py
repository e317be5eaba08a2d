"""A source that is a member of a session, and the sessions that run."""

from collections.abc import Hashable, Iterable

import trio

from bond_core._clock import Clock
from bond_core._errors import PluginError, Refused, sentence
from bond_core._events import Batch
from bond_core._feeds.liveness import SourceState
from bond_core._logs.memory import MemoryLog
from bond_core._sessions.driver import SessionDriver
from bond_core._simulators import Simulators
from bond_core._sources.single import SingleSource
from bond_core._types.source import SourceType


class RunningSessions:
  """The sessions of a process, by connection: each runs while it has members."""

  def __init__(self, clock: Clock, nursery: trio.Nursery) -> None:
    self._clock = clock
    self._nursery = nursery
    self._running: dict[Hashable, tuple[SessionDriver, trio.CancelScope]] = {}

  def join(self, source: "SessionSource") -> tuple[Hashable, SessionDriver]:
    """The session of a source's connection with one more member, started for the first; and its
    key. Refused where there can be none."""
    make, connect = source.type.session, source.type.connection
    if make is None or connect is None:
      raise PluginError(f"the source {source.type.name!r} has no session or no connection")
    connection = connect(source.config)
    key = (make, connection)
    found = self._running.get(key)
    if found is None:
      found = SessionDriver(make(connection), self._clock, source.log), trio.CancelScope()
      self._running[key] = found
      self._nursery.start_soon(self._run, key, *found)
    found[0].join(source)
    return key, found[0]

  def leave(self, key: Hashable, source: "SessionSource") -> None:
    """A member goes; the last one ends the session."""
    driver = source.driver
    if driver is None:
      return
    driver.leave(source)
    running = self._running.get(key)
    if running is not None and running[0] is driver and not driver.session.members:
      del self._running[key]
      running[1].cancel()

  async def _run(self, key: Hashable, driver: SessionDriver, scope: trio.CancelScope) -> None:
    try:
      with scope:
        await driver.run()
    except* (Refused, PluginError) as group:
      for member in list(driver.session.members):
        member.fail(sentence(group))
    finally:
      if self._running.get(key, (None,))[0] is driver:
        del self._running[key]


class SessionSource(SingleSource):
  """A source whose events a session brings."""

  def __init__(
    self,
    name: str,
    source_type: SourceType,
    config: object,
    log: MemoryLog,
    clock: Clock,
    simulators: Simulators,
    sessions: RunningSessions,
  ) -> None:
    super().__init__(name, source_type, config, log, clock, simulators)
    self.driver: SessionDriver | None = None
    self._sessions = sessions
    self._over = trio.Event()

  async def work(self) -> None:
    try:
      await self.point()
      key, self.driver = self._sessions.join(self)
    except (Refused, PluginError) as exc:
      self.fail(str(exc))
      return
    try:
      await self._over.wait()
    finally:
      self._sessions.leave(key, self)

  def states(self) -> Iterable[SourceState]:
    driver = self.driver
    if driver is None or driver.connected or not self._delivered:
      return super().states()
    return (SourceState.RECONNECTING,)

  @property
  def reconnects(self) -> int:
    """How often the session came back."""
    return 0 if self.driver is None else max(0, self.driver.connects - 1)

  # What the session sees: Member.

  def give(self, batch: Batch) -> None:
    """Takes events from the session."""
    if batch:
      self.stamp(batch)
      self.live()
      self.append(batch)

  def fail(self, reason: str) -> None:
    """Ends the source for good."""
    super().fail(reason)
    self._over.set()
