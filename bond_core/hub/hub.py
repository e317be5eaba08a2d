"""Opens sources for readers, each source once."""

import logging
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

import trio

from bond_core.bridge import AsyncioThread
from bond_core.clock import Clock
from bond_core.components import SourceSpec
from bond_core.errors import PluginError
from bond_core.hub.feed_source import FeedSource
from bond_core.hub.plain_source import PlainSource
from bond_core.hub.tap import Tap
from bond_core.log.memory import MemoryLog


class Hub:
  """Opens sources for readers. Equal sources are one source: feeds by their connection, others by
  their configuration."""

  def __init__(self, market: MemoryLog, clock: Clock, nursery: trio.Nursery) -> None:
    self.market = market
    self.clock = clock
    self._nursery = nursery
    self._feeds: dict[Hashable, FeedSource] = {}
    self._plain: dict[Hashable, PlainSource] = {}
    self._asyncio: AsyncioThread | None = None
    self._asyncio_lock = trio.Lock()

  @property
  def feeds(self) -> "list[FeedSource]":
    """The venues' feeds that run."""
    return list(self._feeds.values())

  @property
  def writers(self) -> list[FeedSource | PlainSource]:
    """Everything that runs."""
    return [*self._feeds.values(), *self._plain.values()]

  @property
  def figures(self) -> dict[str, dict[str, float]]:
    """What sources tell of themselves, by venue or plugin; the latest counts
    where two tell the same, since it is then of something that they share."""
    found: dict[str, dict[str, float]] = {}
    for source in self._plain.values():
      if source.figures:
        found.setdefault(source.exchange, {}).update(source.figures)
    return found

  def open(self, name: str, spec: SourceSpec, config: object, severity: int = logging.ERROR) -> Tap:
    """A tap on a source, started if it does not run yet. Returns at once: all taps that are opened
    before the next checkpoint are there before the source delivers. What the source refuses is
    logged with this `severity`."""
    if spec.feed is None:
      return self._plain_source(name, spec, config).tap(name, severity)
    if spec.connection is None or spec.subscriptions is None:
      raise PluginError(f"the source {spec.name!r} has a feed but no connection or subscriptions")
    connection = spec.connection(config)
    feed = self._feeds.get((spec.feed, connection))
    if feed is None or feed.scope.cancel_called:
      feed = FeedSource(self.market, self.clock, spec, connection)
      self._feeds[spec.feed, connection] = feed
      self._nursery.start_soon(feed.run)
    return feed.tap(name, list(spec.subscriptions(config)), severity)

  def _plain_source(self, name: str, spec: SourceSpec, config: object) -> PlainSource:
    # Configurations are attrs classes: equal ones have equal text, hashable or not.
    key = (spec.name, repr(config))
    source = self._plain.get(key)
    if source is None or source.scope.cancel_called:
      source = PlainSource(name, spec, config, self.market, self.clock, self.asyncio)
      self._plain[key] = source
      self._nursery.start_soon(source.run)
    return source

  def close(self, tap: Tap) -> None:
    """Gives a tap back; what nobody reads any more ends after its grace period."""
    tap.writer.leave(tap)

  async def stop(self) -> None:
    """Ends all sources now; readers come to the end of what was written."""
    for writer in self.writers:
      writer.scope.cancel()
    for writer in self.writers:
      await writer.ended.wait()

  async def asyncio(self) -> AsyncioThread:
    """The process's one asyncio thread, started on first use."""
    async with self._asyncio_lock:
      if self._asyncio is None:
        self._asyncio = await self._nursery.start(self._keep_asyncio)
    return self._asyncio

  async def _keep_asyncio(self, task_status: trio.TaskStatus[AsyncioThread]) -> None:
    async with AsyncioThread() as thread:
      task_status.started(thread)
      await trio.sleep_forever()


@asynccontextmanager
async def open_hub(market: MemoryLog, clock: Clock) -> AsyncIterator[Hub]:
  """A hub; its sources end with the block."""
  async with trio.open_nursery() as nursery:
    yield Hub(market, clock, nursery)
    nursery.cancel_scope.cancel()
