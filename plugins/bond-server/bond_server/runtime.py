"""The one process behind all services: the log of all events, its sources, and the streams."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

import trio

from bond_core import Clock, Registry, Spec, SystemClock
from bond_core.feeds import SourceState, Subscription
from bond_core.hosting import (
  BRANCHES,
  Simulators,
  Source,
  SourceManager,
  SourceReader,
  Watchdog,
  open_simulators,
  open_sources,
  pointed,
)
from bond_core.logs import DurableLog, open_log
from bond_core.services import Lease, SourceStatus
from bond_server.access.access import ServerAccess
from bond_server.answers import AnswerLimits, Answers, open_answers
from bond_server.callers import PrivateSources, check_names
from bond_server.demand import Carrier, SourceDemand, SourceLease
from bond_server.doors import Doors
from bond_server.following import follow_log
from bond_server.making import StreamMaker
from bond_server.market_state import MarketState, Standing
from bond_server.notices import notices_of
from bond_server.replaying import Player
from bond_server.streams import LogKeeping, Streams

LOG = "market"
"""The name of the log of all events."""

PARTS_FOR = 0.05
"""Seconds for which the states of a source's parts are not looked up again."""

_AT_WORK = frozenset((SourceState.LIVE, SourceState.QUIET))

NOTICES = 50
"""Rows of notices that are shown; one venue's failure may concern more."""


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
    folder: Path | None,
    clock: Clock,
    simulators: Simulators,
    stopping: trio.Event,
    simulates: bool,
  ) -> None:
    self.simulates = simulates
    self.log = log
    self.streams = streams
    self.demand = demand
    self.access = access
    self.registry = registry
    self.folder = folder
    self.clock = clock
    self.stopping = stopping
    self.doors = Doors()
    self.market: MarketState | None = None
    self.maker: StreamMaker | None = None
    self.answers: Answers
    self._parts: WeakKeyDictionary[
      Source, tuple[float, Mapping[Subscription | None, SourceState]]
    ] = WeakKeyDictionary()
    self.player: Player | None = None
    self.addresses: dict[str, list[str]] = {}
    self.carried: list[SourceReader] = []
    self._sources = sources
    self._private = private
    self._simulators = simulators

  def carry(self, spec: Spec) -> None:
    """Runs the sources of a spec for the readers of the log. Raises BondError for one that takes
    another venue's name."""
    check_names(spec, self.registry)
    for key, source in spec.sources.items():
      config = pointed(source, self._simulators.urls)
      self.carried.append(self._sources.open(f"sources.{key}", source.type, config))

  def sources(self, stream: str = "") -> dict[str, SourceStatus]:
    """The state of the sources of the market, or of those that a stream reads, by venue; simulated
    where a live one is no real venue."""
    states: dict[str, SourceStatus] = {}
    for source in self._found(stream):
      state = source.state
      if state is not None:
        works = state in (SourceState.LIVE, SourceState.QUIET)
        states[source.exchange] = "simulated" if source.simulated and works else state.value
    return states

  def notices(self, stream: str = "") -> list[dict[str, str | None]]:
    """What readers of the same have to know: the first 50 rows."""
    found = dict.fromkeys(self._found(stream))
    return [row for source in found for row in notices_of(source)][:NOTICES]

  def _found(self, stream: str) -> list[Source]:
    if (running := self.streams.get(stream)) is not None:
      return [reader.source for reader in running.pipeline.readers.values()]
    return self._sources.sources

  def standings(self, lease: Lease | None, exchange: str) -> list[Standing]:
    """The states of what a lease has subscribed to, or of all that comes from an exchange."""
    if isinstance(lease, SourceLease) and lease.readers:
      return [s for reader in lease.readers for s in self._standings(reader)]
    return [
      Standing(exchange, part and part.channel, part and part.instrument, state)
      for source in self._sources.sources
      if source.exchange == exchange
      for part, state in self._parts_of(source).items()
    ]

  def _standings(self, reader: SourceReader) -> Iterator[Standing]:
    source, parts = reader.source, self._parts_of(reader.source)
    if any(parts.get(part) not in _AT_WORK for part in reader.subscriptions):
      # What was not at work a moment ago may be so by now.
      parts = self._parts_of(source, 0.0)
    if not reader.subscriptions and None in parts:
      yield Standing(source.exchange, None, None, parts[None])
    for part in reader.subscriptions:
      # A part that its driver has not taken up yet is being connected.
      state = parts.get(part, parts.get(None, SourceState.CONNECTING))
      yield Standing(source.exchange, part.channel, part.instrument, state)

  def _parts_of(
    self, source: Source, within: float = PARTS_FOR
  ) -> Mapping[Subscription | None, SourceState]:
    now = trio.current_time()
    known = self._parts.get(source)
    if known is None or now - known[0] > within or not within:
      known = self._parts[source] = now, source.parts()
    return known[1]

  def delivers(self, lease: Lease) -> bool:
    """Whether all that a lease has subscribed to came already, for others."""
    if not isinstance(lease, SourceLease):
      return False
    return lease.standing or (
      bool(lease.readers) and all(r.answered.is_set() and not r.failure for r in lease.readers)
    )

  def reconnects(self) -> int:
    """How often sources reconnected."""
    return self._sources.reconnects

  def figures(self) -> dict[str, dict[str, float]]:
    """What sources report of themselves, by venue."""
    return {**self._private.figures, **self._sources.figures}

  def block(self, branch: object, reason: str) -> None:
    """Ends what has blocked the event loop, and nothing that has the same name elsewhere."""
    for source in (*self._sources.sources, *self._private.sources):
      if source.runs(branch):
        source.fail(reason)
        source.stop()
    for own in self.streams.branches():
      if own is branch:
        own.end(reason)


@asynccontextmanager
async def open_server(
  *,
  keeping: LogKeeping,
  registry: Registry,
  access: ServerAccess,
  folder: Path | None,
  specs: Iterable[Spec] = (),
  clock: Clock | None = None,
  answers: AnswerLimits | None = None,
) -> AsyncIterator[RunningServer]:
  """A server whose sources and streams end with the block. `specs` are those whose sources can
  carry more on demand. Without a `folder` nothing outlasts the process."""
  clock = clock or SystemClock()
  specs = list(specs)
  carriers = [Carrier(node.type, node.config) for spec in specs for node in spec.sources.values()]
  stopping = trio.Event()
  name, simulate = keeping.name(LOG), keeping.simulated
  async with AsyncExitStack() as stack:
    simulators = await stack.enter_async_context(open_simulators(specs if simulate else ()))
    log = await stack.enter_async_context(
      follow_log(keeping.type, keeping.config, name, clock=clock)
      if keeping.follow
      else open_log(keeping.type, keeping.config, name, stamps=True, clock=clock)
    )
    watchdog = Watchdog(BRANCHES, lambda branch, reason: server.block(branch, reason))
    await stack.enter_async_context(watchdog)
    sources = await stack.enter_async_context(open_sources(log.ring, clock, simulators, folder))
    demand = None
    if not keeping.follow:
      demand = SourceDemand(sources, registry, carriers, simulators if simulate else None)
    nursery = await stack.enter_async_context(trio.open_nursery())
    private = PrivateSources(sources)
    streams = Streams(
      sources=sources,
      private=private,
      registry=registry,
      simulators=simulators,
      keeping=keeping,
      clock=clock,
      stopping=stopping,
      nursery=nursery,
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
      simulates=simulate,
    )
    server.answers = await stack.enter_async_context(
      open_answers(server, answers or AnswerLimits())
    )
    try:
      yield server
    finally:
      stopping.set()
      await sources.stop()
      await private.stop()
      nursery.cancel_scope.cancel()
