"""Opens sources for readers, each source once."""

import logging
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from bond_core._clock import Clock
from bond_core._errors import PluginError, blame
from bond_core._literals import DATA_FOLDER
from bond_core._logs.memory import MemoryLog
from bond_core._simulators import Simulators, open_simulators
from bond_core._sources.coroutine_source import CoroutineSource
from bond_core._sources.feed_source import FeedSource
from bond_core._sources.session_source import RunningSessions, SessionSource
from bond_core._sources.shared import Shared
from bond_core._sources.single import SingleSource
from bond_core._sources.source import Source, SourceReader
from bond_core._types.source import SourceType


class SourceManager:
  """Opens sources for readers. Equal sources are one source: feeds by their connection, others by
  their configuration."""

  caller: str | None = None

  def __init__(
    self,
    log: MemoryLog,
    clock: Clock,
    simulators: Simulators,
    nursery: trio.Nursery,
    folder: Path | None = None,
  ) -> None:
    self.log = log
    self.clock = clock
    self.simulators = simulators
    self._nursery = nursery
    self._feeds: dict[Hashable, FeedSource] = {}
    self._singles: dict[SingleSource, tuple[object, ...]] = {}
    self._sessions = RunningSessions(clock, nursery)
    self._shared = Shared(nursery)
    self._shared.remember(DATA_FOLDER, lambda: folder)

  def beside(self, log: MemoryLog, caller: str) -> "SourceManager":
    """A manager of sources with a log of their own, which a server opens for this caller; they
    share sessions and accounts with the others of the process."""
    other = SourceManager(log, self.clock, self.simulators, self._nursery)
    other._sessions, other._shared, other.caller = self._sessions, self._shared, caller
    return other

  @property
  def sources(self) -> list[Source]:
    """Everything that runs."""
    return [*self._feeds.values(), *self._singles]

  @property
  def reconnects(self) -> int:
    """How often a source came back."""
    return sum(source.reconnects for source in self.sources)

  @property
  def figures(self) -> dict[str, dict[str, float]]:
    """What sources report of themselves, by venue or plugin; the latest counts where two report the
    same, since it is then of something that they share."""
    found: dict[str, dict[str, float]] = {}
    for source in self.sources:
      if source.figures:
        found.setdefault(source.exchange, {}).update(source.figures)
    return found

  def open(
    self, name: str, source_type: SourceType, config: object, severity: int = logging.ERROR
  ) -> SourceReader:
    """A reader of a source, which is started if it does not run yet. Returns at once: all readers
    that come before the next checkpoint are there before the source delivers. What the source
    refuses is logged with this `severity`."""
    if source_type.feed is None:
      return self._single(name, source_type, config).read(name, severity)
    if source_type.connection is None or source_type.subscriptions is None:
      raise PluginError(
        f"the source {source_type.name!r} has a feed but no connection or subscriptions"
      )
    try:
      connection = source_type.connection(config)
      key = source_type.feed, connection
      source = self._feeds.get(key)
      if source is None or source.ending:
        plugin = source_type.name.split(".")[0]
        source = FeedSource(source_type.feed(connection), plugin, self.log, self.clock)
        source.caller = self.caller
        source.simulated = self.simulators.stand_in(source_type, config)
        self._feeds[key] = source
        self._nursery.start_soon(source.run)
      return source.read(name, list(source_type.subscriptions(config)), severity)
    except BaseException as exc:
      raise blame(source_type.name, exc) from exc

  def close(self, reader: SourceReader) -> None:
    """Closes a reader; what has no reader any more ends, a feed's subscription after its grace
    period."""
    source = reader.source
    source.leave(reader)
    if source.ending:
      self._feeds = {key: feed for key, feed in self._feeds.items() if feed is not source}
      self._singles = {one: key for one, key in self._singles.items() if one is not source}

  async def stop(self) -> None:
    """Ends all sources now; readers come to the end of what was written."""
    for source in self.sources:
      source.stop()
    for source in self.sources:
      await source.ended.wait()

  def _single(self, name: str, source_type: SourceType, config: object) -> SingleSource:
    # Not by a text of the configuration: its author may leave parts of it out.
    key = source_type.name, config
    for source, known in self._singles.items():
      if known == key and not source.ending:
        return source
    given = (name, source_type, config, self.log, self.clock, self.simulators, self._shared)
    if source_type.session is None:
      source = CoroutineSource(*given)
    else:
      source = SessionSource(*given, self._sessions)
    source.caller = self.caller
    source.simulated = self.simulators.stand_in(source_type, config)
    self._singles[source] = key
    self._nursery.start_soon(source.run)
    return source


@asynccontextmanager
async def open_sources(
  log: MemoryLog, clock: Clock, simulators: Simulators | None = None, folder: Path | None = None
) -> AsyncIterator[SourceManager]:
  """The sources of a process; they end with the block. They may keep things in the `folder`."""
  async with open_simulators() as own, trio.open_nursery() as nursery:
    yield SourceManager(log, clock, simulators or own, nursery, folder)
    nursery.cancel_scope.cancel()
