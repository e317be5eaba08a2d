"""Runs a spec from start to summary."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import trio

from bond_core.clock import Clock, DataClock, SystemClock
from bond_core.errors import PluginError
from bond_core.hub import open_hub
from bond_core.hub.feed_source import FeedSource
from bond_core.hub.plain_source import PlainSource
from bond_core.log.kept import open_log
from bond_core.log.memory import MemoryLog
from bond_core.pipeline.outlet import Outlet
from bond_core.pipeline.pipeline import Pipeline
from bond_core.pipeline.stage import Stage
from bond_core.simulate import open_simulators
from bond_core.spec import Spec
from bond_core.watchdog import Watchdog

logger = logging.getLogger("bond")

# What the sinks get to take the rest when the sources have been stopped.
DRAIN = 5.0


@attrs.frozen
class RunResult:
  """What a run did. `failures` are the branches that ended although they should not have, `figures`
  what sources told of themselves, by venue."""

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
      f"{self.events:,} events, {self.gaps} gaps, {self.reconnects} reconnects in "
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
  replay = _is_replay(spec)
  clock: Clock = DataClock() if replay else SystemClock()
  stop = trio.Event() if stop is None else stop
  async with AsyncExitStack() as stack:
    urls: dict[str, str] = {}
    if simulate:
      urls = (await stack.enter_async_context(open_simulators([spec]))).urls
    market = await stack.enter_async_context(_open_market(spec, clock, replay))
    watchdog = await stack.enter_async_context(
      Watchdog((PlainSource, FeedSource, Stage, Outlet), lambda name, told: block(name, told))
    )
    hub = await stack.enter_async_context(open_hub(market, clock))
    pipeline = Pipeline(spec, hub, urls)

    def block(name: str, told: str) -> None:
      for tap in pipeline.taps.values():
        if tap.name == name or tap.writer.name == name:
          tap.fail(told)
          tap.writer.scope.cancel()
      branches: list[Stage | Outlet] = [*pipeline.graph.stages, *pipeline.outlets]
      for branch in branches:
        if branch.name == name:
          branch.end(told)

    started = time.monotonic()
    async with trio.open_nursery() as nursery:

      async def work() -> None:
        await pipeline.run()
        nursery.cancel_scope.cancel()

      nursery.start_soon(work)
      with trio.move_on_after(float("inf") if duration is None else duration):
        await stop.wait()
      watchdog.stopping(lambda: _running(hub.writers, pipeline.outlets), give_up or _only_log)
      await hub.stop()
      await trio.sleep(DRAIN)
      late = [outlet.name for outlet in pipeline.outlets if not outlet.ended]
      if late:
        logger.error("%s did not take the rest within %.0f s", " and ".join(late), DRAIN)
      nursery.cancel_scope.cancel()
    # Also when the sources ended by themselves, leaving them must not hang.
    watchdog.stopping(lambda: _running(hub.writers, pipeline.outlets), give_up or _only_log)
    return RunResult(
      events=pipeline.events,
      gaps=pipeline.gaps,
      reconnects=sum(feed.driver.reconnects for feed in hub.feeds),
      seconds=time.monotonic() - started,
      failures=tuple(pipeline.failures()),
      figures=hub.figures,
    )


@asynccontextmanager
async def _open_market(spec: Spec, clock: Clock, replay: bool) -> AsyncIterator[MemoryLog]:
  """The log of all events. A recording is kept already and can wait for its readers."""
  if replay:
    yield MemoryLog("market", clock=clock, stamps=True, paced=True)
    return
  async with open_log(spec.log.spec, spec.log.config, "market", stamps=True, clock=clock) as log:
    yield log.ring


def _is_replay(spec: Spec) -> bool:
  kinds = {source.spec.replay for source in spec.sources.values()}
  if len(kinds) > 1:
    raise PluginError("recordings and live sources live at different times; run them as two specs")
  return kinds == {True}


def _running(writers: list[FeedSource | PlainSource], outlets: list[Outlet]) -> list[str]:
  sources = [writer.name for writer in writers if not writer.ended.is_set()]
  # While a source goes on, the sinks wait for it and are not to blame.
  return sources or [outlet.name for outlet in outlets if not outlet.ended]


def _only_log(names: list[str]) -> None:
  logger.error(
    "%s did not stop within 5 s of being cancelled; a plugin must not catch trio.Cancelled or "
    "shield itself for long",
    " and ".join(names),
  )
