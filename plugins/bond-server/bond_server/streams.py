"""The streams of a server: running specs, each with the log of its output."""

import os
import time
from collections.abc import Mapping

import attrs
import msgspec
import trio

from bond_core import AnyEvent, Batch, BondError, Clock, LogType, Registry, Spec, Window
from bond_core.hosting import Pipeline, Simulators, SinkRunner, SourceManager, Stage, log_name
from bond_core.logs import DurableLog, open_log
from bond_core.services import StreamStatus
from bond_core.specs import stream_id
from bond_server.callers import CallerSources, PrivateSources, check_names
from bond_server.share import Share


@attrs.define(eq=False)
class Stream:
  """A running spec. What its publishing sinks receive is in `log`, from where any number of clients
  read it; `published` counts it. `caller` is who it was made for, None for the server's own."""

  id: str
  spec: Spec
  log: DurableLog
  pipeline: Pipeline
  caller: str | None = None
  published: int = 0
  created_at: float = attrs.field(factory=time.time)
  scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
  ended: trio.Event = attrs.field(factory=trio.Event)

  @classmethod
  def make(
    cls,
    spec: Spec,
    sources: SourceManager | CallerSources,
    log: DurableLog,
    simulated: Mapping[str, str],
    caller: str | None,
  ) -> "Stream":
    """A stream that is not running yet."""
    stream: Stream

    def take(batch: Batch) -> None:
      stream.published += len(batch)
      publish(log, batch)

    if caller is None:
      pipeline = Pipeline(spec, sources, simulated, take)
    else:
      share = Share()
      pipeline = Pipeline(spec, sources, simulated, share.measured(take), pace=share)
    stream = cls(pipeline.id, spec, log, pipeline, caller)
    return stream

  async def end(self) -> None:
    """Ends it; returns when nothing of it runs any more."""
    self.scope.cancel()
    await self.ended.wait()

  def status(self) -> StreamStatus:
    """Its state and figures now."""
    pipeline = self.pipeline
    return StreamStatus(
      created_at=self.created_at,
      failures=tuple(pipeline.failures()),
      ended=all(runner.ended for runner in pipeline.sink_runners),
      events_in=pipeline.events,
      events_out=self.published,
      missed=pipeline.missed,
      batches=pipeline.batches,
      latencies_ms=tuple(pipeline.latencies),
      simulated=tuple(sorted(pipeline.simulated)),
    )


def publish(log: DurableLog, batch: Batch) -> None:
  """Appends to a stream's log. The stream numbers its events itself, so that a reader can come back
  to a place in it; the events are shared with other readers, so they are copied."""
  log.ring.append(
    [
      copied(event, "seq" if type(event) is Window else "seq_internal", number)
      for number, event in enumerate(batch, log.head + 1)
    ]
  )


def copied(event: AnyEvent, field: str, number: int) -> AnyEvent:
  """The same event with another number."""
  copy: AnyEvent = msgspec.structs.replace(event, **{field: number})
  return copy


@attrs.frozen
class LogKeeping:
  """How the server's logs are stored: an engine and its configuration. With `follow` another
  process writes the log of all events, and this one only reads it. `simulated` says that simulators
  stand for all venues, whose logs have names of their own; `allow_simulated`, that a live server's
  callers may have what a simulator makes for want of a real node."""

  type: LogType
  config: object
  follow: bool = False
  simulated: bool = False
  allow_simulated: bool = False

  def name(self, log: str) -> str:
    """The name under which a log is stored."""
    return log_name(log, simulated=self.simulated)


class Streams:
  """The streams that run, by id."""

  def __init__(
    self,
    *,
    sources: SourceManager,
    private: PrivateSources,
    registry: Registry,
    simulators: Simulators,
    keeping: LogKeeping,
    clock: Clock,
    stopping: trio.Event,
    nursery: trio.Nursery,
  ) -> None:
    self.starting = False
    self._running: dict[str, Stream] = {}
    self._sources = sources
    self._private = private
    self._registry = registry
    self._simulators = simulators
    self._keeping = keeping
    self._clock = clock
    self._stopping = stopping
    self._nursery = nursery
    self._changing = trio.Lock()

  def get(self, stream: str) -> Stream | None:
    """The running stream of an id."""
    return self._running.get(stream)

  @property
  def running(self) -> list[Stream]:
    """All that run."""
    return list(self._running.values())

  def check(self, spec: Spec) -> None:
    """Raises BondError for a spec that cannot run beside others in a server."""
    check_servable(spec)
    check_names(spec, self._registry)

  async def start(self, spec: Spec, caller: str | None) -> Stream:
    """Runs a spec as a stream; the running one where it runs already. Raises BondError, which says
    why it cannot run here."""
    self.check(spec)
    async with self._changing:
      known = self._running.get(stream_id(spec))
      if known is not None:
        if caller is None:
          known.caller = None
        return known
      if caller is not None and not self._keeping.allow_simulated:
        self._check_real(spec)
      if self._keeping.simulated:
        await self._simulators.start([spec])
      started: Stream = await self._nursery.start(self._run, spec, caller)
      return started

  def _check_real(self, spec: Spec) -> None:
    """Raises BondError where a live server would make up what a caller took for a venue's."""
    for key, node in spec.sources.items():
      of = node.type
      if self._keeping.simulated or of.mock is None or not of.mock(node.config):
        continue
      if "mock" in (os.environ.get(name, "").strip().lower() for name in of.environment):
        # The operator says so.
        continue
      raise BondError(
        f"sources.{key}: this server has no real node for {node.use}, whose events would be "
        f"simulated; have its operator set {' or '.join(of.environment)}, or allow simulated "
        "ones with --allow-simulated"
      )

  async def _run(
    self, spec: Spec, caller: str | None, task_status: trio.TaskStatus[Stream]
  ) -> None:
    keeping = self._keeping
    name = keeping.name(f"stream:{stream_id(spec)}")
    sources = self._sources if caller is None else self._private.of(caller)
    async with open_log(keeping.type, keeping.config, name, clock=self._clock) as log:
      stream = Stream.make(spec, sources, log, self._simulators.urls, caller)
      self._running[stream.id] = stream
      task_status.started(stream)
      try:
        with stream.scope:
          await stream.pipeline.run()
          # Its log can still be read.
          await self._stopping.wait()
      finally:
        del self._running[stream.id]
        for reader in stream.pipeline.readers.values():
          sources.close(reader)
        stream.pipeline.clear()
    stream.ended.set()

  async def remove(self, stream: str) -> None:
    """Ends a stream, where it runs, and deletes its log. Raises EngineError where that could
    not be taken away; it can be tried again."""
    async with self._changing:
      if (running := self._running.get(stream)) is not None:
        await running.end()
      keeping = self._keeping
      if keeping.type.remove is not None:
        await keeping.type.remove(keeping.config, keeping.name(f"stream:{stream}"))

  def branches(self) -> list[Stage | SinkRunner]:
    """The nodes of all streams."""
    branches: list[Stage | SinkRunner] = []
    for stream in self._running.values():
      branches += stream.pipeline.graph.stages
      branches += stream.pipeline.sink_runners
    return branches


def check_servable(spec: Spec) -> None:
  """Raises BondError for a spec that cannot run beside others in a server."""
  if any(node.type.replay for node in spec.sources.values()):
    raise BondError(
      f"{spec.name} plays a recording, which brings its own time; a server lives in the present, "
      "so use bond run"
    )
