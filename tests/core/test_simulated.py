"""What a simulator made says so, and so does what a transform makes of it; nothing else does."""

from types import ModuleType

import msgspec
import pytest
import trio

from bond_core import (
  Custom,
  Gap,
  Registry,
  SinkType,
  SourceType,
  Trade,
  TransformType,
  Window,
  hookimpl,
  load_spec,
  run,
)

WINDOW = {
  "ts": "2025-10-21T13:30:05Z",
  "window_start": "2025-10-21T13:30:00Z",
  "window_end": "2025-10-21T13:30:05Z",
  "symbol": "BTC/USDT",
  "raw_data": {},
}


def trade(exchange):
  return Trade(exchange=exchange, symbol="BTC/USDT", price=1.0, size=2.0)


async def pretended(config, out, ctx):
  await out.send([trade("pretended"), Window(**WINDOW), Gap(**CONCERNED)])


async def real(config, out, ctx):
  await out.send([trade("real")])


CONCERNED = {"exchange": "pretended", "symbol": "*", "channel": "trades"}


def derived(batch):
  """Other events, as a plugin makes them that knows of no marks."""
  return [
    Custom(exchange=e.exchange, symbol=e.symbol, event_type="seen", data={})
    for e in batch
    if isinstance(e, Trade)
  ]


def nameless(batch):
  return [msgspec.structs.replace(event, exchange="") for event in derived(batch)]


def empty_windows(batch):
  """Of a time in which nothing came."""
  return [Window(**{**WINDOW, "raw_data": {}}) for event in batch if isinstance(event, Trade)]


@pytest.fixture
def played():
  """Runs a spec of these components; what came to its sink."""
  found = []

  class Kept:
    async def __aenter__(self):
      return self

    async def __aexit__(self, *exc):
      return None

    async def write(self, batch):
      await trio.lowlevel.checkpoint()
      found.extend(batch)

  module = ModuleType("mine")

  @hookimpl
  def bond_register_sources():
    for function in (pretended, real):
      yield SourceType(
        name=f"mine.{function.__name__}",
        summary="s",
        emits=(Trade, Window),
        run=function,
        mock=lambda config, name=function.__name__: name == "pretended",
        exchange=lambda config, name=function.__name__: name,
      )

  @hookimpl
  def bond_register_transforms():
    for function in (derived, nameless, empty_windows):
      name = f"mine.{function.__name__}"
      yield TransformType(name=name, summary="s", make=lambda c, x, f=function: f)

  @hookimpl
  def bond_register_sinks():
    yield SinkType(name="mine.keep", summary="s", make=lambda c, x: Kept())

  vars(module).update(
    bond_register_sources=bond_register_sources,
    bond_register_transforms=bond_register_transforms,
    bond_register_sinks=bond_register_sinks,
  )
  registry = Registry()
  registry.add("mine", module)

  async def play(sources, end="a", transform="derived"):
    uses = ", ".join(f"{key}: {{use: mine.{use}}}" for key, use in sources.items())
    transforms = f"transforms: {{t: {{use: mine.{transform}, from: [{', '.join(sources)}]}}}}\n"
    text = f"sources: {{{uses}}}\n{transforms}sinks: {{k: {{use: mine.keep, from: [{end}]}}}}\n"
    await run(load_spec(text, registry=registry))
    return found

  return play


async def test_all_events_of_a_simulated_source_say_so(played):
  one, window, gap = await played({"a": "pretended"})
  assert (one.simulated, gap.simulated) == (True, True)
  assert window.raw_data["simulated"] == ["pretended"]


async def test_those_of_another_do_not(played):
  [one] = await played({"a": "real"})
  assert one.simulated is msgspec.UNSET


async def test_what_is_made_of_them_does_whatever_the_transform_knows(played):
  found = await played({"a": "pretended", "b": "real"}, end="t")
  assert {one.exchange: one.simulated for one in found} == {
    "pretended": True,
    "real": msgspec.UNSET,
  }


@pytest.mark.parametrize(
  ("sources", "marks"),
  [
    ({"a": "pretended"}, [True]),
    ({"a": "real"}, [msgspec.UNSET]),
  ],
)
async def test_what_names_no_exchange_is_simulated_where_all_is(played, sources, marks):
  found = await played(sources, end="t", transform="nameless")
  assert [one.simulated for one in found] == marks


@pytest.mark.parametrize(
  ("sources", "marks"),
  [
    ({"a": "pretended"}, [["pretended"]]),
    ({"a": "real"}, [None]),
    ({"a": "pretended", "b": "real"}, [None, None]),
  ],
)
async def test_a_window_in_which_nothing_came_is_simulated_where_all_is(played, sources, marks):
  found = await played(sources, end="t", transform="empty_windows")
  assert [one.raw_data.get("simulated") for one in found] == marks
