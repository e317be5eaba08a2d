"""Tests on recorded data: a recording is played into a test, on a clock that costs no time."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs
import trio
from trio.testing import MockClock

from bond_core._errors import PluginError
from bond_core._events import AnyEvent, Batch
from bond_core._plugins.registry import Registry
from bond_core._running import open_events
from bond_core._spec.load import load_spec
from bond_core._types.source import SourceType

PlayedInto = Callable[[AsyncIterator[AnyEvent]], Awaitable[None]]


def recording(path: str | Path) -> Callable[[PlayedInto], Callable[[], None]]:
  """Returns a decorator of an async test that is given a recording's events, each at its time:

      @recording("btc.jsonl.zst")
      async def test_my_strategy(events):
        async for event in events: …

  Time is trio's mock clock, so hours pass in milliseconds, and each run is the same. The core has
  no reader of recordings: an installed source that replays a path is used.
  """

  def decorate(test: PlayedInto) -> Callable[[], None]:
    async def run(events: Batch) -> None:
      await test(_at_their_times(events))

    def played() -> None:
      trio.run(run, trio.run(_read, path), clock=MockClock(autojump_threshold=0))

    # Not functools.wraps, by which pytest would look for a fixture called events.
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
      setattr(played, name, getattr(test, name))
    return played

  return decorate


async def _read(path: str | Path) -> Batch:
  registry = Registry()
  readers = [s.name for s in registry.all(SourceType) if s.replay and _takes_a_path(s)]
  if not readers:
    raise PluginError("no source that plays a recording is installed")
  source = {"use": readers[0], "with": {"path": str(path)}}
  found: Batch = []
  spec = load_spec(json.dumps({"sources": {"tape": source}}), registry=registry)
  async with open_events(spec) as batches:
    async for batch in batches:
      found += batch
  return found


def _takes_a_path(source: SourceType) -> bool:
  return any(field.name == "path" for field in attrs.fields(source.config))


async def _at_their_times(events: Batch) -> AsyncIterator[AnyEvent]:
  began = trio.current_time()
  first = 0
  for event in events:
    received = getattr(event, "ts_event", 0)
    first = first or received
    if received:
      await trio.sleep_until(began + (received - first) / 1000)
    yield event
