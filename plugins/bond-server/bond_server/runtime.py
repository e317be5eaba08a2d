"""The one process behind all services: the log of all events, its sources, and the streams."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio

from bond_core import Clock, Registry, Spec, SystemClock
from bond_core.hosting import (
  BRANCHES,
  Simulators,
  SourceManager,
  SourceReader,
  Watchdog,
  open_simulators,
  open_sources,
  pointed,
  simulated_exchanges,
)
from bond_core.logs import DurableLog, open_log
from bond_core.services import SourceStatus
from bond_server.access.access import ServerAccess
from bond_server.callers import PrivateSources, check_names
from bond_server.demand import Carrier, SourceDemand
from bond_server.doors import Doors
from bond_server.following import follow_log
from bond_server.streams import LogKeeping, Streams

LOG = "market"
"""The name of the log of all events."""


class RunningServer:
  """A running server: what every service is handed (bond_server.doors.Server)."""

  def __init__(
    self,
    *,
    log: DurableLog,
    sources: SourceManager,
    private: PrivateSources,
    streams: Streams,
    demand: SourceDemand | None,
    access: ServerAccess,
    registry: Registry,
    folder: Path,
    clock: Clock,
    simulators: Simulators,
    stopping: trio.Event,
  ) -> None:
    self.log = log
    self.streams = streams
    self.demand = demand
    self.access = access
    self.registry = registry
    self.folder = folder
    self.clock = clock
    self.stopping = stopping
    self.doors = Doors()
    self.addresses: dict[str, list[str]] = {}
    self.carried: list[SourceReader] = []
    self._sources = sources
    self._private = private
    self._simulators = simulators
    self._pretended: frozenset[str] = frozenset()

  def carry(self, spec: Spec) -> None:
    """Runs the sources of a spec for the readers of the log. Raises BondError for one that takes
    another venue's name."""
    check_names(spec, self.registry)
    self.note_simulated(spec)
    for key, source in spec.sources.items():
      config = pointed(source, self._simulators.urls)
      self.carried.append(self._sources.open(f"sources.{key}", source.type, config))

  def sources(self, stream: str = "") -> dict[str, SourceStatus]:
    """The state of the sources of the market, or of those that a stream reads, by venue; simulated
    where a live one is no real venue."""
    states: dict[str, SourceStatus] = {}
    # What clients subscribe to by themselves stands in no spec.
    pretended = self._pretended | self._simulators.urls.keys()
    found = self._sources.sources
    if (running := self.streams.get(stream)) is not None:
      found = [reader.source for reader in running.pipeline.readers.values()]
    for source in found:
      state = source.state
      if state is not None:
        simulated = source.exchange in pretended and state == "live"
        states[source.exchange] = "simulated" if simulated else state.value
    return states

  def reconnects(self) -> int:
    """How often sources reconnected."""
    return self._sources.reconnects

  def figures(self) -> dict[str, dict[str, float]]:
    """What sources report of themselves, by venue."""
    return {**self._private.figures, **self._sources.figures}

  def note_simulated(self, spec: Spec) -> None:
    """Notes which venues of a spec are simulators."""
    self._pretended |= simulated_exchanges(spec.sources.values(), self._simulators.urls)

  def block(self, name: str, reason: str) -> None:
    """Ends what has blocked the event loop."""
    for source in (*self._sources.sources, *self._private.sources):
      if source.name == name:
        source.fail(reason)
        source.stop()
    for branch in self.streams.branches():
      if branch.name == name:
        branch.end(reason)


@asynccontextmanager
async def open_server(
  *,
  keeping: LogKeeping,
  registry: Registry,
  access: ServerAccess,
  folder: Path,
  specs: Iterable[Spec] = (),
  simulate: bool = False,
  clock: Clock | None = None,
) -> AsyncIterator[RunningServer]:
  """A server whose sources and streams end with the block. `specs` are those whose sources can
  carry more on demand; with `simulate` simulators stand for all venues."""
  clock = clock or SystemClock()
  specs = list(specs)
  carriers = [Carrier(node.type, node.config) for spec in specs for node in spec.sources.values()]
  stopping = trio.Event()
  async with AsyncExitStack() as stack:
    simulators = await stack.enter_async_context(open_simulators(specs if simulate else ()))
    log = await stack.enter_async_context(
      follow_log(keeping.type, keeping.config, LOG, clock=clock)
      if keeping.follow
      else open_log(keeping.type, keeping.config, LOG, stamps=True, clock=clock)
    )
    watchdog = Watchdog(BRANCHES, lambda name, reason: server.block(name, reason))
    await stack.enter_async_context(watchdog)
    sources = await stack.enter_async_context(open_sources(log.ring, clock, simulators))
    demand = None
    if not keeping.follow:
      demand = SourceDemand(sources, registry, carriers, simulators.urls if simulate else None)
    nursery = await stack.enter_async_context(trio.open_nursery())
    private = PrivateSources(sources)
    streams = Streams(
      sources=sources,
      private=private,
      registry=registry,
      simulators=simulators,
      simulate=simulate,
      keeping=keeping,
      clock=clock,
      stopping=stopping,
      nursery=nursery,
      on_start=lambda spec: server.note_simulated(spec),
    )
    server = RunningServer(
      log=log,
      sources=sources,
      private=private,
      streams=streams,
      demand=demand,
      access=access,
      registry=registry,
      folder=folder,
      clock=clock,
      simulators=simulators,
      stopping=stopping,
    )
    try:
      yield server
    finally:
      stopping.set()
      await sources.stop()
      await private.stop()
      nursery.cancel_scope.cancel()
