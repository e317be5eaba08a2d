"""Runs one spec: its sources' share of the log, through the graph, into sinks."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

import trio

from bond_core._clock import Clock, DataClock
from bond_core._events import Batch, Gap
from bond_core._logs.memory import Cursor, MemoryLog, next_tagged
from bond_core._pipeline.graph import Graph, joined
from bond_core._pipeline.sink_runner import SinkRunner
from bond_core._pipeline.stage import Stage
from bond_core._simulators import pointed
from bond_core._sources.source import SourceReader
from bond_core._spec.canonical import stream_id
from bond_core._spec.model import SinkNode, Spec, TransformNode
from bond_core._types.source import SourceType
from bond_core._types.transform import TransformContext

# Samples that a pipeline keeps of how long batches took.
LATENCIES = 1024
# Events that are read at once, of those that are there; fewer where a pace is kept.
MOST, MOST_PACED = 8192, 512


class Sources(Protocol):
  """What opens sources for a pipeline."""

  clock: Clock

  def open(self, name: str, source_type: SourceType, config: object) -> SourceReader:
    """A reader of a source, as SourceManager gives it."""


class Pace(Protocol):
  """What a pipeline rests for between turns of work; `overdue` is why it cannot keep up."""

  def begin(self) -> None: ...
  async def rest(self) -> None: ...
  def overdue(self, late_ms: int) -> str | None: ...


class Pipeline:
  """One running spec.

  Live, stages and sinks run on the machine's clock and a sink that falls behind receives a Gap. On
  a recording the data's own times are the clock and a slow sink holds the recording up, so that
  equal input gives equal output. `simulated` are the URLs of simulators by venue. `publish` puts
  events into the stream's own log, where a server keeps one. `pace` is for those that shall not
  take all of the event loop's time.
  """

  def __init__(
    self,
    spec: Spec,
    sources: Sources,
    simulated: Mapping[str, str],
    publish: Callable[[Batch], None] | None = None,
    *,
    pace: Pace | None = None,
  ) -> None:
    self.spec = spec
    self._pace = pace
    self._at_once = MOST if pace is None else MOST_PACED
    self.id = stream_id(spec)
    self.events = 0
    self._source_gaps = 0
    self.missed = 0
    """Events that gaps declared as lost before they came here."""
    self.latencies: deque[float] = deque(maxlen=LATENCIES)
    """Of the last batches, in ms: from their receipt until the sinks could take them."""
    self.batches = 0
    self.readers: dict[str, SourceReader] = {}
    self.sink_runners: list[SinkRunner] = []
    self._clock: Clock = sources.clock
    # Readers are opened without a checkpoint between them: no source delivers before all are there.
    stages: dict[str, Stage] = {}
    for key, source in spec.sources.items():
      config = pointed(source, simulated)
      self.readers[key] = sources.open(f"sources.{key}", source.type, config)
      view = None if source.type.view is None else source.type.view(source.config)
      if view is not None:
        context = self._context(f"sources.{key}")
        stages[key] = Stage.of_view(view, context, (_feed_of(key),), source.type.name)
    self._simulated: set[str] = set()
    self._look_for_simulators()
    for key, node in spec.transforms.items():
      context = self._context(f"transforms.{key}")
      stages[key] = Stage(node.type, node.config, context, node.inputs, self._simulated)
    self.graph = Graph(stages, None if pace is None else MOST_PACED)
    self._viewed = {key: _feed_of(key) if key in stages else key for key in self.readers}
    opened = frozenset(reader.source for reader in self.readers.values())
    rings = dict.fromkeys(source.ring for source in opened)
    self._cursors = [ring.cursor(sources=opened) for ring in rings]
    self._logs: dict[tuple[str, ...], MemoryLog] = {}
    for key, sink in spec.sinks.items():
      log = self._logs.get(sink.inputs)
      if log is None:
        log = MemoryLog("/".join(sink.inputs), clock=sources.clock, paced=self._replays)
        self._logs[sink.inputs] = log
      self.sink_runners.append(
        SinkRunner(
          *(f"sinks.{key}", sink.type, sink.config, log.cursor(), sources.clock),
          stream_id=self.id,
          publish=publish,
          at_once=self._at_once,
          epoch=next(iter(rings)).epoch if rings else "",
        )
      )

  def read_ends(self) -> Cursor:
    """A reader of what no transform or sink of the spec reads; open it before the spec runs."""
    nodes: list[TransformNode | SinkNode] = [*self.spec.transforms.values()]
    nodes += self.spec.sinks.values()
    read = {key for node in nodes for key in node.inputs}
    ends = tuple(key for key in (*self.spec.sources, *self.spec.transforms) if key not in read)
    log = self._logs.get(ends)
    if log is None:
      log = self._logs[ends] = MemoryLog("events", clock=self._clock, paced=self._replays)
    return log.cursor()

  @property
  def simulated(self) -> frozenset[str]:
    """The exchanges whose events come from simulators."""
    sources = [reader.source for reader in self.readers.values()]
    return frozenset(source.exchange for source in sources if source.simulated)

  def _look_for_simulators(self) -> None:
    """What a simulator says of itself may be known only after it has answered."""
    self._simulated |= self.simulated
    if self.readers and all(reader.source.simulated for reader in self.readers.values()):
      # What is made of nothing else names no exchange, or all of them.
      self._simulated |= {"", "*"}

  @property
  def _replays(self) -> bool:
    return isinstance(self._clock, DataClock)

  def _context(self, name: str) -> TransformContext:
    return TransformContext(name, self._clock)

  @property
  def gaps(self) -> int:
    """How many gaps sources, transforms and sinks have declared."""
    made = [stage.gaps for stage in self.graph.stages]
    return self._source_gaps + sum(made) + sum(runner.gaps for runner in self.sink_runners)

  def failures(self) -> list[str]:
    """Sentences about what ended although it should not have, or never came."""
    readers = [
      f"{one.name}: {reason}"
      for one in self.readers.values()
      for reason in ([one.failure] if one.failure else one.refused)
    ]
    stages = [f"{stage.name}: {stage.failure}" for stage in self.graph.stages if stage.failure]
    sinks = [f"{runner.name}: {runner.failure}" for runner in self.sink_runners if runner.failure]
    return readers + stages + sinks

  async def run(self) -> None:
    """Works until the sources have ended and the sinks have taken everything."""
    async with trio.open_nursery() as nursery:
      nursery.start_soon(self._write, nursery.cancel_scope)
      try:
        await self._read()
      except trio.EndOfChannel:
        self._end()
      finally:
        for cursor in self._cursors:
          cursor.close()

  def clear(self) -> None:
    """Lets go of what it holds, once it has ended."""
    for log in self._logs.values():
      log.clear()

  async def _write(self, reading: trio.CancelScope) -> None:
    """Runs the sinks. When all of them have ended there is nothing left to read for."""
    async with trio.open_nursery() as nursery:
      for runner in self.sink_runners:
        nursery.start_soon(runner.run)
    if self.sink_runners:
      reading.cancel()

  def _end(self) -> None:
    # A recording has ended: its last windows are whole. A live feed was cut off in the middle of
    # its last windows, and half a window is no window.
    self._hand_on(self.graph.finish(cut=not self._replays))
    for log in self._logs.values():
      log.close()

  async def _read(self) -> None:
    push, pace = self._push_replay if self._replays else self._push, self._pace
    while True:
      timer = None if self._replays else self.graph.next_timer()
      wait = float("inf") if timer is None else max(0, timer - self._clock.now_ms()) / 1000
      with trio.move_on_after(wait) as sleeping:
        tagged = await next_tagged(self._cursors, self._at_once)
      if sleeping.cancelled_caught:
        tagged = []
      if pace is not None:
        pace.begin()
      for source, batch in tagged:
        for start in (0,) if pace is None else range(0, len(batch), MOST_PACED):
          push(source, batch if pace is None else batch[start : start + MOST_PACED])
          await self._go_on()
      if not self._replays:
        now = self._clock.now_ms()
        if (timer := self.graph.next_timer()) is not None and timer <= now:
          self._hand_on(self.graph.on_timer(now, one=pace is not None))
          await self._go_on()
        late = 0 if timer is None else now - timer
        if pace is not None and (reason := pace.overdue(late)) is not None:
          for stage in self.graph.stages:
            stage.end(reason)
      if pace is not None:
        await pace.rest()
      for log in self._logs.values():
        await log.room()

  async def _go_on(self) -> None:
    """Where a pace is kept: rests, and hands on what was made beyond what goes on at once."""
    while (pace := self._pace) is not None:
      await pace.rest()
      pace.begin()
      if not self.graph.rest:
        return
      self._hand_on(self.graph.go_on())

  def _push(self, source: object, batch: Batch) -> None:
    """One source's batch through every node that reads it."""
    made: dict[str, Batch] = {}
    self.events += len(batch)
    for key, reader in self.readers.items():
      if source is None or reader.source is source:
        if reader.source.simulated and reader.source.exchange not in self._simulated:
          self._look_for_simulators()
        part = reader.select(batch)
        if part:
          made[self._viewed[key]] = part
    for event in batch:
      if type(event) is Gap:
        self._source_gaps += 1
        self.missed += event.missed or 0
    self._hand_on(self.graph.push(made))
    received = getattr(batch[-1], "ts_internal", None) if batch else None
    if received is not None:
      self.batches += 1
      self.latencies.append((time.monotonic_ns() - received) / 1e6)

  def _push_replay(self, source: object, batch: Batch) -> None:
    """The same on the data's own clock, moment by moment: timers go off between the events where
    they are due, and how the recording was cut into batches changes nothing."""
    clock = self._clock
    if not isinstance(clock, DataClock):
      raise TypeError("a replay runs on a DataClock")
    start = 0
    for position, event in enumerate(batch):
      now = getattr(event, "ts_event", 0)
      if now <= clock.now_ms():
        continue
      if position > start:
        self._push(source, batch[start:position])
        start = position
      while (timer := self.graph.next_timer()) is not None and timer <= now:
        clock.advance(timer)
        self._hand_on(self.graph.on_timer(timer))
      clock.advance(now)
    self._push(source, batch[start:] if start else batch)

  def _hand_on(self, made: dict[str, Batch]) -> None:
    """Appends what the nodes made to the logs of the sinks that read them."""
    if not made:
      return
    for inputs, log in self._logs.items():
      parts = [made[key] for key in inputs if made.get(key)]
      if parts:
        log.append(joined(parts))


def _feed_of(key: str) -> str:
  """The key under which a viewed source's feed enters the graph; no user can write it."""
  return f"{key} (feed)"
