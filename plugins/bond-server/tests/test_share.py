"""What somebody from outside made has a share of the event loop's time, and ends where that is not
enough for it."""

from types import ModuleType

import pytest
import trio
from bond_server.share import BURST, SHARE, Share

from bond_core import Custom, Registry, SourceType, TransformType, hookimpl, load_spec
from bond_core._clock import Clock
from bond_core._logs.memory import MemoryLog
from bond_core._pipeline.pipeline import Pipeline
from bond_core._sources.manager import open_sources


class Work:
  """The processor time of this thread, which the test spends."""

  def __init__(self, monkeypatch):
    self.spent = 0.0
    monkeypatch.setattr("time.thread_time", lambda: self.spent)


@pytest.fixture
def work(monkeypatch):
  return Work(monkeypatch)


class TrioClock(Clock):
  """The test's clock, in which nothing passes but sleep."""

  def now_ms(self):
    return int(trio.current_time() * 1000)

  def mono_ns(self):
    return int(trio.current_time() * 1e9)


async def test_work_is_followed_by_a_rest_that_keeps_its_share(work, autojump_clock):
  share, began = Share(), trio.current_time()
  for _ in range(50):
    share.begin()
    work.spent += 0.2
    await share.rest()
  assert trio.current_time() - began == pytest.approx((work.spent - BURST) / SHARE)


async def test_a_little_work_now_and_then_rests_never(work, autojump_clock):
  share, began = Share(), trio.current_time()
  for _ in range(50):
    share.begin()
    work.spent += 0.02
    await share.rest()
    await trio.sleep(0.1)
  assert trio.current_time() - began == pytest.approx(5.0)


async def test_work_beside_it_counts_too(work, autojump_clock):
  def spend(seconds):
    work.spent += seconds

  share, began = Share(), trio.current_time()
  share.measured(spend)(1.0)
  share.begin()
  await share.rest()
  assert trio.current_time() - began == pytest.approx((1.0 - BURST) / SHARE)


def plugin(run, timed):
  module = ModuleType("mine")

  @hookimpl
  def bond_register_sources():
    yield SourceType(name="mine.forever", summary="s", emits=(Custom,), run=run)

  @hookimpl
  def bond_register_transforms():
    yield TransformType(name="mine.timed", summary="s", make=lambda config, ctx: timed)

  vars(module).update(
    bond_register_sources=bond_register_sources, bond_register_transforms=bond_register_transforms
  )
  return module


SPEC = """
sources: {s: {use: mine.forever}}
transforms: {t: {use: mine.timed, from: s}}
sinks: {k: {use: core.stream, from: t}}
"""


async def runs(work, cost, *, seconds=60):
  """A timer that goes off every 100 ms and costs so many seconds; what became of it, and the share
  of the time that it took."""

  class Timed:
    def __init__(self):
      self.at = 0

    def __call__(self, batch):
      return batch

    def next_timer(self):
      return self.at

    def on_timer(self, now_ms):
      self.at = max(self.at, now_ms - 10_000) + 100
      work.spent += cost
      return []

  async def forever(config, out, ctx):
    await trio.sleep_forever()

  registry = Registry()
  registry.add("mine", plugin(forever, Timed()))
  clock = TrioClock()
  log = MemoryLog("market", clock=clock, stamps=True)
  async with open_sources(log, clock) as sources:
    spec = load_spec(SPEC, registry=registry)
    pipeline = Pipeline(spec, sources, {}, lambda batch: None, pace=Share())
    with trio.move_on_after(seconds):
      await pipeline.run()
  return pipeline.failures(), work.spent / seconds


async def test_a_pipeline_that_needs_more_than_its_share_never_takes_it_and_ends(
  work, autojump_clock
):
  failures, share = await runs(work, 0.05)
  assert share < SHARE
  (failure,) = failures
  assert failure.startswith("transforms.t: ended: it makes more than a third of this server's time")


async def test_a_pipeline_within_its_share_goes_on(work, autojump_clock):
  failures, share = await runs(work, 0.01)
  assert failures == []
  assert share == pytest.approx(0.1, rel=0.1)
