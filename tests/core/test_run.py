"""Whole runs of a spec: recordings, failing branches, what a stop leaves behind."""

import gc
import time
import weakref
from types import ModuleType

import attrs
import pytest
import trio

from bond_core import (
  Custom,
  Disconnected,
  Gap,
  NoConfig,
  PluginError,
  Refused,
  Registry,
  RetryAfter,
  SinkType,
  SourceType,
  Trade,
  TransformType,
  encode,
  hookimpl,
  load_spec,
  run,
)
from bond_core._events import decode


def custom(number, **more):
  return Custom(exchange="mine", symbol="", event_type="n", data={"n": number}, **more)


class Collected:
  """A sink that keeps what it is handed."""

  def __init__(self):
    self.events = []

  async def __aenter__(self):
    return self

  async def __aexit__(self, *exc):
    return None

  async def write(self, batch):
    await trio.lowlevel.checkpoint()
    self.events += batch

  @property
  def numbers(self):
    return [e.data["n"] for e in self.events if isinstance(e, Custom)]


@attrs.frozen
class Named:
  name: str = "a"


class Mine:
  """A registry with the core and a plugin `mine` of the test's own functions."""

  def __init__(self, sources=(), transforms=(), sinks=()):
    self.sinks = {"a": Collected(), "b": Collected()}
    module = ModuleType("mine")

    @hookimpl
    def bond_register_sources():
      for function in sources:
        name = f"mine.{function.__name__}"
        yield SourceType(name=name, summary="s", emits=(Custom,), run=function)

    @hookimpl
    def bond_register_transforms():
      for function in transforms:
        name = f"mine.{getattr(function, '__name__', type(function).__name__.lower())}"
        yield TransformType(name=name, summary="s", make=lambda c, x, f=function: f)

    @hookimpl
    def bond_register_sinks():
      yield SinkType(
        name="mine.keep", summary="s", config=Named, make=lambda c, x: self.sinks[c.name]
      )
      for function in sinks:
        yield SinkType(
          name=f"mine.{function.__name__}", summary="s", config=NoConfig, make=function
        )

    vars(module).update(
      bond_register_sources=bond_register_sources,
      bond_register_transforms=bond_register_transforms,
      bond_register_sinks=bond_register_sinks,
    )
    self.registry = Registry()
    self.registry.add("mine", module)

  def load(self, text):
    return load_spec(text, registry=self.registry)


async def count(config, out, ctx):
  for number in range(1, 6):
    await out.send([custom(number)])
    await trio.sleep(0.01)


async def forever(config, out, ctx):
  number = 0
  while True:
    number += 1
    await out.send([custom(number)])
    await trio.sleep(0.01)


ONE = "sources: {s: {use: mine.%s}}\nsinks: {k: {use: mine.keep, from: s}}\n"


async def test_a_source_that_ends_ends_the_run_and_everything_has_arrived():
  mine = Mine([count])
  with trio.fail_after(5):
    result = await run(mine.load(ONE % "count"))
  assert mine.sinks["a"].numbers == [1, 2, 3, 4, 5]
  assert (result.events, result.gaps, result.failures) == (5, 0, ())
  stamps = [e.seq_internal for e in mine.sinks["a"].events]
  assert stamps == [1, 2, 3, 4, 5]
  assert all(e.ts_event and e.ts_internal for e in mine.sinks["a"].events)


async def test_a_duration_or_a_stop_ends_a_live_run_promptly():
  mine = Mine([forever])
  started = time.monotonic()
  result = await run(mine.load(ONE % "forever"), duration=0.2)
  assert time.monotonic() - started < 3
  assert result.failures == ()
  assert mine.sinks["a"].numbers == list(range(1, result.events + 1))


class Held:
  """Holds every event back until the input ends, by either way."""

  def __init__(self):
    self.held = []

  def __call__(self, batch):
    self.held += batch
    return []

  def cut(self, rest):
    return self.held + rest


def plain(batch):
  return batch


async def test_what_a_transform_holds_back_of_a_live_feed_passes_the_others_when_it_is_cut_off():
  mine = Mine([forever], [Held(), plain])
  spec = (
    "sources: {s: {use: mine.forever}}\n"
    "transforms: {h: {use: mine.held, from: s}, p: {use: mine.plain, from: h}}\n"
    "sinks: {k: {use: mine.keep, from: p}}\n"
  )
  result = await run(mine.load(spec), duration=0.2)
  assert result.events > 3
  assert mine.sinks["a"].numbers == list(range(1, result.events + 1))


async def test_equal_sources_are_one_and_both_readers_get_everything():
  runs = []

  async def counted(config, out, ctx):
    runs.append(ctx.name)
    await count(config, out, ctx)

  mine = Mine([counted])
  await run(
    mine.load(
      "sources: {x: {use: mine.counted}, y: {use: mine.counted}}\n"
      "sinks: {k: {use: mine.keep, from: x}, l: {use: mine.keep, from: y, with: {name: b}}}\n"
    )
  )
  assert len(runs) == 1
  assert mine.sinks["a"].numbers == mine.sinks["b"].numbers == [1, 2, 3, 4, 5]


async def test_a_lost_connection_is_one_gap_before_what_follows():
  tries = []

  async def flaky(config, out, ctx):
    tries.append(trio.current_time())
    if len(tries) in (2, 3):
      raise Disconnected("the line is down")
    await out.send([custom(len(tries))])
    if len(tries) == 1:
      raise Disconnected("cut off")

  mine = Mine([flaky])
  with trio.fail_after(20):
    result = await run(mine.load(ONE % "flaky"))
  first, gap, last = mine.sinks["a"].events
  assert (first.data["n"], last.data["n"]) == (1, 4)
  assert isinstance(gap, Gap)
  assert (gap.reason, gap.exchange, gap.cause) == ("upstream", "mine", "the line is down")
  assert gap.ts_from <= gap.ts_to
  assert (result.gaps, result.failures) == (1, ())


async def test_a_venues_rate_limit_is_waited_out():
  tries = []

  async def patient(config, out, ctx):
    tries.append(time.monotonic())
    if len(tries) == 1:
      raise RetryAfter(0.3)
    await out.send([custom(1)])

  await run(Mine([patient]).load(ONE % "patient"))
  assert tries[1] - tries[0] >= 0.3


async def test_a_source_that_is_refused_or_broken_fails_alone_and_is_named():
  async def refused(config, out, ctx):
    raise Refused("no such market; name another")

  async def wrong(config, out, ctx):
    await out.send(["not an event"])

  mine = Mine([count, refused, wrong])
  result = await run(
    mine.load(
      "sources: {s: {use: mine.count}, r: {use: mine.refused}, w: {use: mine.wrong}}\n"
      "sinks: {k: {use: mine.keep, from: [s, r, w]}}\n"
    )
  )
  assert mine.sinks["a"].numbers == [1, 2, 3, 4, 5]
  assert sorted(result.failures) == [
    "sources.r: no such market; name another",
    (
      "sources.w: mine.wrong sent 'str', which is no event; send lists of events such as Trade or "
      "Custom from bond_core"
    ),
  ]


async def test_a_source_that_keeps_raising_is_given_up_by_name(autojump_clock):
  async def buggy(config, out, ctx):
    raise KeyError("oops")

  mine = Mine([buggy])
  result = await run(mine.load(ONE % "buggy"))
  assert result.failures == (
    "sources.s: mine.buggy failed 6 times within 60 s, the last time with KeyError: 'oops'",
  )


async def test_a_transform_that_raises_loses_its_batch_with_a_gap_and_harms_no_other():
  def third(batch):
    if any(e.data["n"] == 3 for e in batch if isinstance(e, Custom)):
      raise ValueError("I do not like 3")
    return batch

  mine = Mine([count], [third])
  result = await run(
    mine.load(
      "sources: {s: {use: mine.count}}\n"
      "transforms: {t: {use: mine.third, from: s}}\n"
      "sinks: {k: {use: mine.keep, from: t}, l: {use: mine.keep, from: s, with: {name: b}}}\n"
    )
  )
  assert mine.sinks["b"].numbers == [1, 2, 3, 4, 5]
  assert mine.sinks["a"].numbers == [1, 2, 4, 5]
  gap = next(e for e in mine.sinks["a"].events if isinstance(e, Gap))
  assert (gap.reason, gap.missed) == ("failed", 1)
  assert gap.cause == "transforms.t raised ValueError: I do not like 3"
  assert result.failures == ()


async def test_a_transform_that_returns_no_list_is_named_and_ends():
  def nothing(batch):
    return None

  mine = Mine([count], [nothing])
  result = await run(
    mine.load(
      "sources: {s: {use: mine.count}}\n"
      "transforms: {t: {use: mine.nothing, from: s}}\n"
      "sinks: {k: {use: mine.keep, from: t}}\n"
    )
  )
  assert result.failures == (
    "transforms.t: mine.nothing gave 'NoneType' for a batch; a transform returns a list of events",
  )


async def test_a_transform_that_blocks_the_loop_is_named_and_stopped_at_the_third_time(monkeypatch):
  monkeypatch.setattr("bond_core._watchdog.BLOCKED_AFTER", 0.3)
  monkeypatch.setattr("bond_core._watchdog.BEAT", 0.05)

  def sleepy(batch):
    time.sleep(0.6)
    return batch

  mine = Mine([forever], [sleepy])
  result = await run(
    mine.load(
      "sources: {s: {use: mine.forever}}\n"
      "transforms: {t: {use: mine.sleepy, from: s}}\n"
      "sinks: {k: {use: mine.keep, from: t}, l: {use: mine.keep, from: s, with: {name: b}}}\n"
    ),
    duration=2.8,
  )
  assert len(result.failures) == 1
  assert result.failures[0].startswith(
    "transforms.t: stopped, because it blocked the event loop 3 times, the last time at "
  )
  assert "test_run.py:" in result.failures[0]
  assert mine.sinks["b"].numbers == list(range(1, result.events + 1))
  # After it was stopped the others went on at their own pace.
  assert result.events > 25


async def test_a_sink_that_hangs_harms_only_itself(monkeypatch):
  monkeypatch.setattr("bond_core._running.DRAIN", 0.3)

  class Stuck(Collected):
    async def write(self, batch):
      await trio.sleep_forever()

  mine = Mine([forever])
  mine.sinks["a"] = Stuck()
  result = await run(
    mine.load(
      "sources: {s: {use: mine.forever}}\n"
      "sinks: {k: {use: mine.keep, from: s}, l: {use: mine.keep, from: s, with: {name: b}}}\n"
    ),
    duration=0.5,
  )
  assert mine.sinks["b"].numbers == list(range(1, result.events + 1))


async def test_a_sink_that_fails_is_opened_again_and_receives_a_gap():
  class Failing(Collected):
    failed = False

    async def write(self, batch):
      if not self.failed and any(isinstance(e, Custom) and e.data["n"] == 3 for e in batch):
        self.failed = True
        raise OSError("disk full")
      await super().write(batch)

  mine = Mine([count])
  mine.sinks["a"] = Failing()
  await run(mine.load(ONE % "count"))
  gap = next(e for e in mine.sinks["a"].events if isinstance(e, Gap))
  assert (gap.reason, gap.missed, gap.cause) == ("failed", 1, "sinks.k failed while it wrote them")
  assert mine.sinks["a"].numbers == [1, 2, 4, 5]


async def test_what_does_not_stop_when_cancelled_is_named(monkeypatch):
  monkeypatch.setattr("bond_core._watchdog.STOP_WITHIN", 0.4)
  given_up = []

  async def stubborn(config, out, ctx):
    await out.send([custom(1)])
    with trio.CancelScope(shield=True):
      while not given_up:
        await trio.sleep(0.05)

  mine = Mine([stubborn])
  await run(mine.load(ONE % "stubborn"), duration=0.2, give_up=given_up.extend)
  assert given_up == ["sources.s"]


def trade(number, ts):
  return Trade(
    exchange="v",
    symbol="BTC/USDT",
    market_type="spot",
    ts_event=ts,
    ts_exchange=ts - 3,
    ts_internal=ts * 1_000_000,
    price=100.0 + number % 7,
    size=1.0 + number % 3,
    trade_id=str(number),
  )


@pytest.fixture
def tape(tmp_path):
  path = tmp_path / "tape.jsonl"
  events = [trade(n, 1_700_000_000_000 + n * 37) for n in range(3000)]
  path.write_bytes(b"".join(encode(e) + b"\n" for e in events))
  return path


REPLAY = """
sources: {{tape: {{use: core.jsonl, with: {{path: {tape}, speed: {speed}}}}}}}
transforms:
  big: {{use: core.filter, from: tape, with: {{where: "size > 1"}}}}
  calm: {{use: core.sample, from: big, with: {{every: 1s}}}}
  pulse: {{use: core.window, from: [tape, big], with: {{every: 5s}}}}
sinks: {{k: {{use: core.jsonl, from: [calm, pulse], with: {{path: {out}}}}}}}
"""


async def test_a_recording_gives_byte_identical_output_at_any_speed(tape, tmp_path):
  outputs = set()
  for attempt in range(6):
    out = tmp_path / f"out{attempt}.jsonl"
    spec = REPLAY.format(tape=tape, out=out, speed=0 if attempt else 400)
    result = await run(load_spec(spec, registry=Registry()))
    assert result.events == 3000
    outputs.add(out.read_bytes())
  assert len(outputs) == 1
  events = [decode(line) for line in outputs.pop().splitlines()]
  kinds = {type(e).__name__ for e in events}
  assert kinds == {"Trade", "Window"}


async def test_a_recording_waits_for_a_slow_sink_and_loses_nothing(tape, monkeypatch):
  monkeypatch.setattr("bond_core._logs.memory.EVENT_BYTES", 100_000)

  class Slow(Collected):
    async def write(self, batch):
      await trio.sleep(0.002)
      await super().write(batch)

  mine = Mine()
  mine.sinks["a"] = Slow()
  spec = f"sources: {{t: {{use: core.jsonl, with: {{path: {tape}}}}}}}\n"
  await run(mine.load(spec + "sinks: {k: {use: mine.keep, from: t}}\n"))
  assert [e.trade_id for e in mine.sinks["a"].events] == [str(n) for n in range(3000)]


async def test_a_recording_that_is_none_is_refused_with_its_line(tmp_path):
  path = tmp_path / "bad.jsonl"
  path.write_bytes(encode(trade(1, 1)) + b"\n{nonsense}\n")
  mine = Mine()
  spec = f"sources: {{t: {{use: core.jsonl, with: {{path: {path}}}}}}}\n"
  result = await run(mine.load(spec + "sinks: {k: {use: mine.keep, from: t}}\n"))
  assert f"{path}:2: not an event:" in result.failures[0]


async def test_recordings_and_live_sources_do_not_mix(tape):
  mine = Mine([count])
  text = (
    f"sources: {{t: {{use: core.jsonl, with: {{path: {tape}}}}}, s: {{use: mine.count}}}}\n"
    "sinks: {k: {use: mine.keep, from: [t, s]}}\n"
  )
  with pytest.raises(PluginError, match="live at different times"):
    await run(mine.load(text))


async def test_a_recorder_rotates_and_keeps_the_newest(tmp_path):
  async def much(config, out, ctx):
    for number in range(50):
      await out.send([custom(number)])
      await trio.sleep(0.001)

  path = tmp_path / "r.jsonl"
  spec = (
    "sources: {s: {use: mine.much}}\n"
    f"sinks: {{k: {{use: core.jsonl, from: s, with: {{path: {path}, rotate_size: 1kB, keep: 3}}}}}}"
  )
  await run(Mine([much]).load(spec))
  rotated = sorted(
    (p for p in tmp_path.iterdir() if p != path), key=lambda p: int(p.name.rpartition(".")[2])
  )
  assert len(rotated) == 3
  kept = [decode(x).data["n"] for p in [*rotated, path] for x in p.read_bytes().splitlines()]
  assert kept == list(range(kept[0], 50))


# What is no component -----------------------------------------------------------------------------


def with_components(**components):
  """A registry with one plugin `bad` of these components, and a spec of them."""

  class Module:
    @staticmethod
    @hookimpl
    def bond_register_sources():
      async def steady(config, out, ctx):
        while True:
          await out.send([custom(1)])
          await trio.sleep(0.01)

      source = components.get("run", steady)
      yield SourceType(name="bad.source", summary="s", emits=(Custom,), run=source)

    @staticmethod
    @hookimpl
    def bond_register_transforms():
      make = components.get("transform", lambda config, ctx: list)
      yield TransformType(name="bad.transform", summary="t", make=make)

    @staticmethod
    @hookimpl
    def bond_register_sinks():
      yield SinkType(
        name="bad.sink", summary="k", make=components.get("sink", lambda c, x: Collected())
      )

  registry = Registry()
  registry.add("bad", Module)
  text = (
    "sources: {s: {use: bad.source}}\ntransforms: {t: {use: bad.transform, from: s}}\n"
    "sinks: {k: {use: bad.sink, from: [s, t]}}"
  )
  return load_spec(text, registry=registry)


class Stuck:
  """A transform whose timer does not move on."""

  def __call__(self, batch):
    return []

  def next_timer(self):
    return 1

  def on_timer(self, now_ms):
    return []


class Mute:
  async def __aenter__(self):
    return self

  async def __aexit__(self, *exc):
    return None


class Blocking(Mute):
  def write(self, batch):
    return None


async def generator(config, out, ctx):
  yield [custom(1)]


@pytest.mark.parametrize(
  ("components", "failure"),
  [
    (
      {"run": lambda config, out, ctx: None},
      "sources.s: the run of 'bad.source' is not async; write async def run(config, out, ctx)",
    ),
    ({"run": generator}, "sources.s: the run of 'bad.source' is not async"),
    (
      {"transform": lambda config, ctx: None},
      "transforms.t: make of bad.transform gave 'NoneType'; it returns a function over batches",
    ),
    (
      {"transform": lambda config, ctx: Stuck()},
      "transforms.t: next_timer of bad.transform is 1 after on_timer was called for 1; it has to",
    ),
    ({"sink": lambda c, x: Mute()}, "sinks.k: bad.sink gave 'Mute', which has no async def write"),
    ({"sink": lambda c, x: Blocking()}, "sinks.k: bad.sink gave 'Blocking', which has no async"),
  ],
)
async def test_what_is_no_component_is_named_in_a_sentence_and_fails_alone(components, failure):
  spec = with_components(**components)
  with trio.fail_after(5):
    result = await run(spec, duration=0.8)
  assert [found[: len(failure)] for found in result.failures] == [failure]
  if "run" not in components and "sink" not in components:
    assert result.events > 3, "the rest goes on"


class Failing:
  """A transform that raises for every third batch."""

  def __init__(self):
    self.calls = 0

  def __call__(self, batch):
    self.calls += 1
    if self.calls == 3:
      raise ValueError("three")
    return batch


async def test_the_summary_counts_the_gaps_that_the_sinks_were_given():
  given = Collected()
  spec = with_components(transform=lambda config, ctx: Failing(), sink=lambda config, ctx: given)
  result = await run(spec, duration=0.25)
  seen = [event for event in given.events if isinstance(event, Gap)]
  assert result.gaps == len(seen) >= 2


async def test_a_cancelled_source_holds_nothing_that_others_wait_for():
  """Its frames go at once, not when Python next looks for circles: connections close with them."""
  held = []

  class Held:
    pass

  async def run_until_cancelled(config, out, ctx):
    own = Held()
    held.append(weakref.ref(own))
    await out.send([custom(1)])
    await trio.sleep_forever()

  gc.disable()
  try:
    await run(with_components(run=run_until_cancelled), duration=0.2)
    assert held[0]() is None
  finally:
    gc.enable()


async def test_a_loss_that_could_not_be_declared_yet_counts_in_the_next_declaration():
  mine = Mine([count], sinks=[])
  kept = mine.sinks["a"]
  writes = []

  class Failing:
    async def __aenter__(self):
      return self

    async def __aexit__(self, *exc):
      return None

    async def write(self, batch):
      writes.append(len(batch))
      if len(writes) < 3:
        raise OSError("no")
      await kept.write(batch)

  mine.sinks["b"] = Failing()
  spec = "sources: {s: {use: mine.count}}\nsinks: {k: {use: mine.keep, from: s, with: {name: b}}}\n"
  result = await run(mine.load(spec))
  gaps = [event for event in kept.events if isinstance(event, Gap)]
  assert sum(gap.missed for gap in gaps) + len(kept.numbers) == 5
  assert result.failures == ()


async def test_a_sink_that_fails_when_it_is_closed_is_a_failure():
  mine = Mine([count])

  class Failing(Collected):
    async def __aexit__(self, *exc):
      raise OSError("no room")

  mine.sinks["a"] = Failing()
  result = await run(mine.load(ONE % "count"))
  assert result.failures == ("sinks.k: mine.keep could not be closed: OSError: no room",)


async def test_a_timer_that_is_a_rounding_early_ends_nothing():
  class Early:
    """Its time comes a few milliseconds after that for which it is called."""

    def __init__(self, clock):
      self.clock, self.due, self.done = clock, None, False

    def __call__(self, batch):
      self.due = self.due or self.clock.now_ms() + 20
      return batch

    def next_timer(self):
      return None if self.done else self.due

    def on_timer(self, now_ms):
      self.done = now_ms >= self.due + 5
      return [custom(1000)] if self.done else []

  mine = Mine([forever], [])
  module = ModuleType("early")

  @hookimpl
  def bond_register_transforms():
    yield TransformType(name="early.one", summary="s", make=lambda c, ctx: Early(ctx.clock))

  module.bond_register_transforms = bond_register_transforms
  mine.registry.add("early", module)
  spec = (
    "sources: {s: {use: mine.forever}}\n"
    "transforms: {t: {use: early.one, from: s}}\n"
    "sinks: {k: {use: mine.keep, from: t}}\n"
  )
  result = await run(mine.load(spec), duration=0.4)
  assert result.failures == ()
  assert 1000 in mine.sinks["a"].numbers
