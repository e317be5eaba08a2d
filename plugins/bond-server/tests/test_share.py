"""What somebody from outside made has a share of the event loop's time, and ends where that is not
enough for it."""

from itertools import accumulate
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


async def passed(work, made, cost):
  """One batch of `made` events goes through a transform that makes each of them 20 times, and one
  that costs so much for each; what comes out, and the longest time without a rest."""
  longest, began = 0.0, work.spent
  out = []

  def many(batch):
    return [event for event in batch for _ in range(20)]

  def costly(batch):
    nonlocal longest
    if batch:
      work.spent += cost * len(batch)
      longest = max(longest, work.spent - began)
    return batch

  async def once(config, sent, ctx):
    await sent.send([event(number) for number in range(made)])
    await trio.sleep_forever()

  def event(number):
    return Custom(exchange="mine", symbol="*", event_type="x", data={"n": number}, ts_event=1)

  class Noting(Share):
    async def rest(self):
      nonlocal began
      await super().rest()
      began = work.spent

  registry = Registry()
  module = ModuleType("mine")

  @hookimpl
  def bond_register_sources():
    yield SourceType(name="mine.once", summary="s", emits=(Custom,), run=once)

  @hookimpl
  def bond_register_transforms():
    yield TransformType(name="mine.many", summary="s", make=lambda config, ctx: many)
    yield TransformType(name="mine.costly", summary="s", make=lambda config, ctx: costly)

  vars(module).update(
    bond_register_sources=bond_register_sources, bond_register_transforms=bond_register_transforms
  )
  registry.add("mine", module)
  clock = TrioClock()
  log = MemoryLog("market", clock=clock, stamps=True)
  async with open_sources(log, clock) as sources:
    spec = load_spec(MANY, registry=registry)
    pipeline = Pipeline(spec, sources, {}, out.extend, pace=Noting())
    with trio.move_on_after(600):
      await pipeline.run()
  return [found.data["n"] for found in out if isinstance(found, Custom)], longest


MANY = """
sources: {s: {use: mine.once}}
transforms:
  first: {use: mine.costly, from: s}
  many: {use: mine.many, from: first}
  last: {use: mine.costly, from: many}
sinks: {k: {use: core.stream, from: [many, last]}}
"""


async def test_what_comes_or_is_made_at_once_goes_on_in_parts_and_in_order(work, autojump_clock):
  found, longest = await passed(work, 2_000, 0.0001)
  # 512 events through each of the two.
  assert longest <= 2 * 512 * 0.0001 + 1e-6
  assert len(found) == 2 * 20 * 2_000
  each = sorted(found)
  assert each == [number for number in range(2_000) for _ in range(40)]
  # Both nodes' events stay in their order: no number comes after one that is a part later.
  behind = max(high - number for high, number in zip(accumulate(found, max), found, strict=True))
  assert behind <= 512


async def test_a_pipeline_within_its_share_goes_on(work, autojump_clock):
  failures, share = await runs(work, 0.01)
  assert failures == []
  assert share == pytest.approx(0.1, rel=0.1)
