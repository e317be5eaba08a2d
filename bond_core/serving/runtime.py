"""The one process behind all services: the market log, its sources, and the streams."""

import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from bond_core.auth.chain import Chain
from bond_core.clock import Clock, SystemClock
from bond_core.components import AuthContext, LogSpec
from bond_core.errors import BondError
from bond_core.hub import Hub, Tap, open_hub
from bond_core.hub.feed_source import FeedSource
from bond_core.hub.plain_source import PlainSource
from bond_core.log.following import follow_log
from bond_core.log.kept import KeptLog, open_log
from bond_core.pipeline.outlet import Outlet
from bond_core.pipeline.stage import Stage
from bond_core.registry import Registry
from bond_core.serving.demand import Carrier, Demand
from bond_core.serving.streams import Stream
from bond_core.simulate import Simulators, pointed, simulated_exchanges
from bond_core.spec import Spec, stream_id
from bond_core.watchdog import Watchdog

logger = logging.getLogger("bond")


@attrs.frozen
class Keeping:
  """How the server's logs are kept: an engine and its configuration. With `follow` another process
  writes the market's log, and this one only reads it."""

  spec: LogSpec
  config: Any
  follow: bool = False


class Runtime:
  """What services see. `market` holds every event of the process, `streams` what runs by id;
  `auth` signs and verifies tokens, `chain` says who a caller is. `folder` is where a service keeps
  what outlasts the process."""

  def __init__(
    self,
    market: KeptLog,
    hub: Hub,
    demand: Demand,
    clock: Clock,
    keeping: Keeping,
    auth: AuthContext,
    chain: Chain,
    registry: Registry,
    folder: Path,
    simulators: Simulators | None,
    nursery: trio.Nursery,
  ) -> None:
    self.market = market
    self.hub = hub
    self.demand = demand
    self.clock = clock
    self.auth = auth
    self.chain = chain
    self.registry = registry
    self.folder = folder
    self._simulators = simulators
    self.starting = False
    """Services still begin, and with them streams that are kept, so one that is not there may be
    soon."""
    self.stopping = trio.Event()
    self.streams: dict[str, Stream] = {}
    self.carried: list[Tap] = []
    self.addresses: dict[str, list[str]] = {}
    """Where each service listens, by its name."""
    self.take_over: Callable[[socket.socket, str | None], None] | None = None
    """Serves a connection to the market that another service has accepted: the socket, and the
    client's address. Set by the service that can."""
    self.follows = keeping.follow
    """Another process writes the market's log."""
    self._keeping = keeping
    self._pretended: frozenset[str] = frozenset()
    self._nursery = nursery
    self._starting = trio.Lock()

  @property
  def simulated(self) -> dict[str, str]:
    """The URLs of simulators by venue."""
    return {} if self._simulators is None else self._simulators.urls

  def carry(self, spec: Spec) -> None:
    """Runs the sources of a spec for whoever reads the market log."""
    self._note_simulated(spec)
    for key, source in spec.sources.items():
      config = pointed(source, self.simulated)
      self.carried.append(self.hub.open(f"sources.{key}", source.spec, config))

  async def start(self, spec: Spec) -> Stream:
    """Runs a spec as a stream; the running one where it runs already. BondError says why it cannot
    run here."""
    check_servable(spec)
    async with self._starting:
      known = self.streams.get(stream_id(spec))
      if known is not None:
        return known
      if self._simulators is not None:
        await self._simulators.start([spec])
      self._note_simulated(spec)
      started: Stream = await self._nursery.start(self._run, spec)
      return started

  async def _run(self, spec: Spec, task_status: trio.TaskStatus[Stream]) -> None:
    name = _log_name(stream_id(spec))
    async with open_log(self._keeping.spec, self._keeping.config, name, clock=self.clock) as log:
      stream = Stream.make(spec, self.hub, log, self.simulated)
      self.streams[stream.id] = stream
      task_status.started(stream)
      try:
        with stream.scope:
          await stream.pipeline.run()
          # What it gave can still be read.
          await self.stopping.wait()
      finally:
        del self.streams[stream.id]
        for tap in stream.pipeline.taps.values():
          self.hub.close(tap)
    stream.ended.set()

  async def remove(self, stream: str) -> None:
    """Ends a stream, where it runs, and takes away what its log keeps. EngineError where that could
    not be taken away; it can be tried again."""
    async with self._starting:
      if (running := self.streams.get(stream)) is not None:
        await running.end()
      if self._keeping.spec.remove is not None:
        await self._keeping.spec.remove(self._keeping.config, _log_name(stream))

  def sources(self) -> dict[str, str]:
    """How each source is: live, quiet, stale, connecting, reconnecting; simulated where it is."""
    states: dict[str, str] = {}
    # What clients ask for by themselves stands in no spec.
    pretended = self._pretended | self.simulated.keys()
    for writer in self.hub.writers:
      name, state = _state(writer)
      if state is not None:
        states[name] = "simulated" if name in pretended and state == "live" else state
    return states

  def _note_simulated(self, spec: Spec) -> None:
    self._pretended |= simulated_exchanges(spec.sources.values(), self.simulated)

  def branches(self) -> list[Stage | Outlet]:
    """The nodes of all streams."""
    branches: list[Stage | Outlet] = []
    for stream in self.streams.values():
      branches += stream.pipeline.graph.stages
      branches += stream.pipeline.outlets
    return branches


# The state that says most about a venue comes first: one dead connection among live ones counts.
_WORST_FIRST = ("stale", "reconnecting", "connecting", "live", "quiet", "rejected")


def _log_name(stream: str) -> str:
  return f"stream:{stream}"


def _state(writer: FeedSource | PlainSource) -> tuple[str, str | None]:
  if isinstance(writer, PlainSource):
    return writer.exchange, writer.state
  states = {str(state) for state in writer.driver.states().values()}
  found = next((state for state in _WORST_FIRST if state in states), None)
  return writer.driver.feed.exchange, found


@asynccontextmanager
async def open_runtime(
  *,
  keeping: Keeping,
  registry: Registry,
  auth: AuthContext,
  chain: Chain,
  folder: Path,
  specs: Iterable[Spec] = (),
  simulators: Simulators | None = None,
  clock: Clock | None = None,
) -> AsyncIterator[Runtime]:
  """A runtime whose sources and streams end with the block. `specs` are those whose sources can be
  asked for more; `simulators` stand for the venues, None for real ones."""
  clock = clock or SystemClock()
  carriers = [Carrier(node.spec, node.config) for spec in specs for node in spec.sources.values()]
  async with AsyncExitStack() as stack:
    market = await stack.enter_async_context(
      follow_log(keeping.spec, keeping.config, "market", clock=clock)
      if keeping.follow
      else open_log(keeping.spec, keeping.config, "market", stamps=True, clock=clock)
    )
    await stack.enter_async_context(
      Watchdog((PlainSource, FeedSource, Stage, Outlet), lambda name, told: block(name, told))
    )
    hub = await stack.enter_async_context(open_hub(market.ring, clock))
    demand = Demand(hub, registry, carriers, None if simulators is None else simulators.urls)
    nursery = await stack.enter_async_context(trio.open_nursery())
    runtime = Runtime(
      *(market, hub, demand, clock, keeping, auth, chain, registry, folder, simulators, nursery)
    )

    def block(name: str, told: str) -> None:
      for writer in hub.writers:
        if writer.name == name:
          writer.fail(told)
          writer.scope.cancel()
      for branch in runtime.branches():
        if branch.name == name:
          branch.end(told)

    try:
      yield runtime
    finally:
      runtime.stopping.set()
      await hub.stop()
      nursery.cancel_scope.cancel()


def check_servable(spec: Spec) -> None:
  """Raises BondError for a spec that cannot run beside others in a server."""
  if any(node.spec.replay for node in spec.sources.values()):
    raise BondError(
      f"{spec.name} plays a recording, which brings its own time; a server lives in the present, "
      "so use bond run"
    )
