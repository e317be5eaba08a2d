"""A source that is a member of a session, and the sessions that run."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import trio

from bond_core._clock import Clock
from bond_core._errors import BondError, Disconnected, PluginError, RetryAfter, fault_of, sentence
from bond_core._events import Batch
from bond_core._feeds.contract import Subscription
from bond_core._feeds.liveness import SourceState
from bond_core._logs.memory import MemoryLog
from bond_core._sessions.driver import SessionDriver
from bond_core._simulated import noted
from bond_core._simulators import Simulators
from bond_core._sources.shared import Shared
from bond_core._sources.single import SingleSource
from bond_core._supervise import Backoff
from bond_core._types.source import SourceType

T = TypeVar("T")


class RunningSession:
  """A running session. It ends with its last member."""

  def __init__(self, driver: SessionDriver) -> None:
    self.driver = driver
    self.simulated = False
    self.ended = trio.Event()
    self._scope = trio.CancelScope()

  @property
  def ending(self) -> bool:
    """Whether it takes no members any more."""
    return self._scope.cancel_called or self.ended.is_set()

  async def run(self, predecessor: "RunningSession | None") -> None:
    """Works while it has members, and fails them where the session ends for good. It begins when
    its `predecessor` has closed its connection: a service may allow one only."""
    noted.set(self._note_simulated)
    try:
      with self._scope:
        # Its only member may have been refused already.
        await trio.lowlevel.checkpoint()
        if predecessor is not None:
          await predecessor.ended.wait()
        await self.driver.run()
    except BaseException as exc:
      error = fault_of(exc)
      for member in list(self.driver.session.members):
        # Losses are declared before the source ends.
        self.driver.leave(member)
        member.fail(sentence(error))
    finally:
      self.ended.set()

  def _note_simulated(self) -> None:
    self.simulated = True

  def join(self, source: "SessionSource") -> None:
    """Adds a member. Raises what the session refuses."""
    try:
      self.driver.join(source)
    except BaseException:
      self._end_if_unused()
      raise

  def leave(self, source: "SessionSource") -> None:
    """Removes a member."""
    self.driver.leave(source)
    self._end_if_unused()

  def _end_if_unused(self) -> None:
    if not self.driver.session.members:
      self._scope.cancel()


class RunningSessions:
  """The sessions of a process, by connection."""

  def __init__(self, clock: Clock, nursery: trio.Nursery) -> None:
    self._clock = clock
    self._nursery = nursery
    self._running: dict[Hashable, RunningSession] = {}

  def of(self, source: "SessionSource") -> RunningSession:
    """The session of a source's connection, started for the first one; without a connection the
    source has a session of its own."""
    make, open_transport = source.type.session, source.type.transport
    if make is None or open_transport is None:
      raise PluginError(f"the source {source.type.name!r} has no session or no transport")
    connect, config = source.type.connection, source.config
    given = config if connect is None else connect(config)
    key = make, source if connect is None else given
    session = self._running.get(key)
    if session is None or session.ending:
      driver = SessionDriver(make(given), open_transport, self._clock, source.log)
      predecessor, session = session, RunningSession(driver)
      self._running[key] = session
      self._nursery.start_soon(self._run, key, session, predecessor)
    return session

  async def _run(
    self, key: Hashable, session: RunningSession, predecessor: RunningSession | None
  ) -> None:
    try:
      await session.run(predecessor)
    finally:
      if self._running.get(key) is session:
        del self._running[key]


class SessionSource(SingleSource):
  """A source whose events a session brings. It is the session's Member."""

  def __init__(
    self,
    name: str,
    source_type: SourceType,
    config: object,
    log: MemoryLog,
    clock: Clock,
    simulators: Simulators,
    shared: Shared,
    sessions: RunningSessions,
  ) -> None:
    super().__init__(name, source_type, config, log, clock, simulators)
    self.prepared: Any = None
    self._shared = shared
    self._sessions = sessions
    self._session: RunningSession | None = None
    self._failed = trio.Event()
    self._reconnects = 0
    self._live_on = 0
    """The number of the connection on which it was live last."""

  async def work(self) -> None:
    try:
      await self.point()
      await self._prepare()
      self._session = self._sessions.of(self)
      self._session.join(self)
    except BaseException as exc:
      self._end(fault_of(exc))
      return
    try:
      await self._failed.wait()
    finally:
      self._session.leave(self)

  async def _prepare(self) -> None:
    """Lets the type look up what the configuration leaves open, until that works."""
    if self.type.prepare is None:
      return
    backoff = Backoff()
    while True:
      try:
        self.prepared = await self.type.prepare(self.config)
        self._refusal = None
        return
      except (Disconnected, RetryAfter) as exc:
        self._refusal = exc
        wait = backoff.after(exc)
        self.log.warning("%s: %s; trying again in %.1f s", self.name, exc, wait)
      await trio.sleep(wait)

  def _end(self, error: BaseException) -> None:
    if isinstance(error, BondError):
      self.fail(str(error))
      return
    kind = type(error).__name__
    self.log.error("%s raised %s: %s", self.name, kind, error, exc_info=error)
    self.fail(f"{self.type.name} failed with {kind}: {error}; please report it to its author")

  @property
  def refusal(self) -> str | None:
    if self._session is not None:
      self._refusal = self._session.driver.refusal
    return super().refusal

  def runs(self, branch: object) -> bool:
    if self._session is None or branch is not self._session.driver:
      return branch is self
    # It has the name of its first member, which is the one that ends.
    return next(iter(self._session.driver.session.members), None) is self

  def parts(self) -> Mapping[Subscription | None, SourceState]:
    if self.refusal is not None:
      return {None: SourceState.UNAVAILABLE}
    if self._session is None or not self._delivered:
      return {None: SourceState.CONNECTING}
    driver = self._session.driver
    connected = driver.connected and driver.connects == self._live_on
    return {None: SourceState.LIVE if connected else SourceState.RECONNECTING}

  @property
  def reconnects(self) -> int:
    return self._reconnects

  # What the session sees: Member.

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key, kept until the process's sources end."""
    return self._shared.remember(key, make)

  def live(self) -> None:
    """The source is connected."""
    super().live()
    number = 0 if self._session is None else self._session.driver.connects
    if number != self._live_on:
      self._reconnects += self._live_on > 0
      self._live_on = number

  def give(self, batch: Batch) -> None:
    """Takes events from the session."""
    if batch and not self._failed.is_set():
      if self._session is not None and self._session.simulated:
        self.note_simulated()
      self.stamp(batch)
      self.live()
      self.append(batch)

  def fail(self, reason: str) -> None:
    """Ends the source for good."""
    super().fail(reason)
    self._failed.set()
