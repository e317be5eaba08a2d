"""Events in a program: `async for` over what a spec gives."""

import pytest
import trio

from bond_core import (
  BondError,
  Custom,
  Gap,
  Refused,
  Registry,
  SourceType,
  hookimpl,
  load_spec,
  open_events,
)


def custom(number):
  return Custom(exchange="mine", symbol="", event_type="n", data={"n": number})


def spec_of(run, more=""):
  class Plugin:
    @hookimpl
    def bond_register_sources(self):
      yield SourceType(name="mine.numbers", summary="s", emits=(Custom,), run=run)

  registry = Registry()
  registry.add("mine", Plugin())
  return load_spec("sources: {a: {use: mine.numbers}}\n" + more, registry=registry)


async def ten(config, out, ctx):
  for number in range(10):
    await out.send([custom(number)])


async def endless(config, out, ctx):
  while True:
    await out.send([custom(0)])
    await trio.sleep(0.01)


async def numbers_of(spec):
  async with open_events(spec) as batches:
    return [event.data["n"] async for batch in batches for event in batch]


async def test_everything_comes_in_order_and_the_loop_ends_with_the_sources():
  assert await numbers_of(spec_of(ten)) == list(range(10))


async def test_what_a_transform_reads_comes_from_that_alone():
  big = "transforms: {big: {use: core.filter, from: a, with: {where: \"event_type == 'x'\"}}}"
  assert await numbers_of(spec_of(ten, big)) == []


async def test_the_sinks_of_the_spec_run_too(tmp_path):
  path = tmp_path / "out.jsonl"
  await numbers_of(
    spec_of(ten, f"sinks: {{f: {{use: core.jsonl, from: a, with: {{path: {path}}}}}}}")
  )
  assert len(path.read_text().splitlines()) == 10


async def test_a_program_leaves_when_it_wants_and_the_sources_end_with_it():
  ended = trio.Event()

  async def noted(config, out, ctx):
    try:
      await endless(config, out, ctx)
    finally:
      ended.set()

  with trio.fail_after(3):
    async with open_events(spec_of(noted)) as batches:
      async for _ in batches:
        break
  assert ended.is_set()


async def test_a_source_that_is_refused_ends_the_loop_with_its_sentence():
  async def refused(config, out, ctx):
    raise Refused("no such market; name another")

  with pytest.raises(BondError, match=r"^sources\.a: no such market; name another$"):
    await numbers_of(spec_of(refused))


async def test_the_programs_own_error_comes_as_it_is_and_not_in_a_group():
  with pytest.raises(KeyError, match="mine"):
    async with open_events(spec_of(endless)) as batches:
      async for _ in batches:
        raise KeyError("mine")


TOTAL = 200_000
"""More than memory keeps for a program that does not read."""


async def test_a_program_that_is_too_slow_receives_a_gap_for_what_it_lost():
  flooded = trio.Event()

  async def flood(config, out, ctx):
    for first in range(0, TOTAL, 1000):
      await out.send([custom(first + n) for n in range(1000)])
    flooded.set()
    await trio.sleep_forever()

  got, lost = [], 0
  with trio.fail_after(60):
    async with open_events(spec_of(flood)) as batches:
      await anext(batches)
      await flooded.wait()
      async for batch in batches:
        for event in batch:
          if isinstance(event, Gap):
            lost += event.missed
          else:
            got.append(event.data["n"])
        if got and got[-1] == TOTAL - 1:
          break
  assert lost > 0
  assert got == sorted(set(got))


async def test_cancelling_the_program_ends_it_at_once():
  with trio.move_on_after(0.3) as scope, trio.fail_after(3):
    async with open_events(spec_of(endless)) as batches:
      async for _ in batches:
        pass
  assert scope.cancelled_caught
