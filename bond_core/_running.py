"""Runs a spec from start to summary, or hands its events to a program."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import trio

from bond_core._clock import Clock, DataClock, SystemClock
from bond_core._errors import BondError, PluginError
from bond_core._events import Batch
from bond_core._logs.durable import open_log
from bond_core._logs.memory import MemoryLog
from bond_core._pipeline.pipeline import Pipeline
from bond_core._pipeline.sink_runner import SinkRunner
from bond_core._pipeline.stage import Stage
from bond_core._sessions.driver import SessionDriver
from bond_core._simulators import log_name, open_simulators
from bond_core._sources.manager import SourceManager, open_sources
from bond_core._sources.source import Source
from bond_core._spec.model import Spec
from bond_core._suggest import counted
from bond_core._watchdog import Watchdog

logger = logging.getLogger("bond")

# Seconds that the sinks have to take the rest when the sources have been stopped.
DRAIN = 5.0

BRANCHES = (Source, SessionDriver, Stage, SinkRunner)
"""What the watchdog can name when the event loop stands still."""


@attrs.frozen
class RunResult:
  """What a run did. `failures` are the branches that ended although they should not have, `figures`
  what sources report about themselves, by venue."""

  events: int
  gaps: int
  reconnects: int
  seconds: float
  failures: tuple[str, ...]
  figures: dict[str, dict[str, float]] = attrs.field(factory=dict)

  @property
  def rate(self) -> float:
    """Events per second."""
    return self.events / self.seconds if self.seconds else 0.0

  def __str__(self) -> str:
    return (
      f"{counted(self.events, 'event')}, {counted(self.gaps, 'gap')}, "
      f"{counted(self.reconnects, 'reconnect')} in "
      f"{self.seconds:.1f} s ({self.rate:,.0f} events/s)"
      + "".join(
        f"; {name}: {figure} {value:g}"
        for name, figures in sorted(self.figures.items())
        for figure, value in sorted(figures.items())
      )
    )


async def run(
  spec: Spec,
  *,
  duration: float | None = None,
  simulate: bool = False,
  stop: trio.Event | None = None,
  give_up: Callable[[list[str]], None] | None = None,
) -> RunResult:
  """Runs a spec until its sources end, `duration` seconds have passed, or `stop` is set.

  Then the sources are stopped and the sinks take what is left. With `simulate` the venues are
  simulators. `give_up` is called, in another thread, with the names of branches that do not stop
  within 5 s although they were cancelled.
  """
  stop = trio.Event() if stop is None else stop
  give_up = give_up or _only_log
  async with _opened(spec, simulate) as (sources, pipeline, watchdog):
    started = time.monotonic()
    async with trio.open_nursery() as nursery:

      async def work() -> None:
        await pipeline.run()
        nursery.cancel_scope.cancel()

      nursery.start_soon(work)
      with trio.move_on_after(float("inf") if duration is None else duration):
        await stop.wait()
      watchdog.stopping(lambda: _running(sources, pipeline), give_up)
      await sources.stop()
      await trio.sleep(DRAIN)
      for runner in pipeline.sink_runners:
        if not runner.ended:
          runner.give_up(DRAIN)
      nursery.cancel_scope.cancel()
    # Also when the sources ended by themselves, leaving them must not hang.
    watchdog.stopping(lambda: _running(sources, pipeline), give_up)
    return RunResult(
      events=pipeline.events,
      gaps=pipeline.gaps,
      reconnects=sources.reconnects,
      seconds=time.monotonic() - started,
      failures=tuple(pipeline.failures()),
      figures=sources.figures,
    )


@asynccontextmanager
async def open_events(spec: Spec, *, simulate: bool = False) -> AsyncIterator[AsyncIterator[Batch]]:
  """Runs a spec for as long as the block lasts and yields its events to the program, by batch:

      async with open_events(spec) as batches:
        async for batch in batches:
          for event in batch: …

  It yields what no transform or sink of the spec reads; sinks run as they do elsewhere. A program
  that falls behind what memory holds receives a Gap. The loop ends when the sources do, and
  raises BondError with the reason where they failed.
  """
  error: Exception | None = None
  async with _opened(spec, simulate) as (sources, pipeline, _), trio.open_nursery() as nursery:
    batches, drained = _Batches(pipeline), trio.Event()

    async def work() -> None:
      await pipeline.run()
      drained.set()

    nursery.start_soon(work)
    try:
      yield batches
    except Exception as exc:
      # Raised again outside: the program's own errors come to it as they are, not in a group.
      error = exc
    await sources.stop()
    with trio.move_on_after(DRAIN):
      await drained.wait()
    nursery.cancel_scope.cancel()
  if error is not None:
    raise error


class _Batches:
  """Iterates what comes out of a pipeline. Made before the pipeline runs."""

  def __init__(self, pipeline: Pipeline) -> None:
    self._pipeline = pipeline
    self._cursor = pipeline.read_ends()

  def __aiter__(self) -> "_Batches":
    return self

  async def __anext__(self) -> Batch:
    try:
      return await self._cursor.next()
    except trio.EndOfChannel:
      if failures := self._pipeline.failures():
        raise BondError("\n".join(failures)) from None
      raise StopAsyncIteration from None


@asynccontextmanager
async def _opened(
  spec: Spec, simulate: bool
) -> AsyncIterator[tuple[SourceManager, Pipeline, Watchdog]]:
  """The parts of a run, watched by the watchdog."""
  replay = _is_replay(spec)
  clock: Clock = DataClock() if replay else SystemClock()
  async with AsyncExitStack() as stack:
    simulators = await stack.enter_async_context(open_simulators([spec] if simulate else []))
    log = await stack.enter_async_context(_open_log(spec, clock, replay, simulate))
    watchdog = Watchdog(BRANCHES, lambda branch, reason: block(branch.name, reason))
    await stack.enter_async_context(watchdog)
    sources = await stack.enter_async_context(open_sources(log, clock, simulators))
    pipeline = Pipeline(spec, sources, simulators.urls)

    def block(name: str, reason: str) -> None:
      for reader in pipeline.readers.values():
        if name in (reader.name, reader.source.name):
          reader.fail(reason)
          reader.source.stop()
      branches: list[Stage | SinkRunner] = [*pipeline.graph.stages, *pipeline.sink_runners]
      for branch in branches:
        if branch.name == name:
          branch.end(reason)

    yield sources, pipeline, watchdog


@asynccontextmanager
async def _open_log(
  spec: Spec, clock: Clock, replay: bool, simulate: bool
) -> AsyncIterator[MemoryLog]:
  """The log of all events. A recording is stored already and can wait for its readers."""
  if replay:
    yield MemoryLog("market", clock=clock, stamps=True, paced=True)
    return
  name = log_name("market", simulated=simulate)
  async with open_log(spec.log.type, spec.log.config, name, stamps=True, clock=clock) as log:
    yield log.ring


def _is_replay(spec: Spec) -> bool:
  kinds = {source.type.replay for source in spec.sources.values()}
  if len(kinds) > 1:
    raise PluginError("recordings and live sources live at different times; run them as two specs")
  return kinds == {True}


def _running(sources: SourceManager, pipeline: Pipeline) -> list[str]:
  left = [source.name for source in sources.sources if not source.ended.is_set()]
  # While a source goes on, the sinks wait for it and are not to blame.
  return left or [runner.name for runner in pipeline.sink_runners if not runner.ended]


def _only_log(names: list[str]) -> None:
  logger.error(
    "%s did not stop within 5 s of being cancelled; a plugin must not catch trio.Cancelled or "
    "shield itself for long",
    " and ".join(names),
  )
