"""bond run --debug: each mistake of a plugin is one sentence that names it."""

import attrs
import pytest
import trio
from bond_builtin.checks import with_checks

from bond_core import (
  BondError,
  Custom,
  Registry,
  SinkType,
  SourceType,
  Trade,
  TransformType,
  hookimpl,
  load_spec,
  open_events,
  run,
)


def trade(**changes):
  given = {"exchange": "good", "symbol": "BTC/USDT", "price": 1.0, "size": 1.0, **changes}
  return Trade(**given)


def registry(*, source=None, transform=None, sink=None):
  async def send_one(config, out, ctx):
    await out.send([trade()])
    await trio.sleep_forever()

  class Plugin:
    @hookimpl
    def bond_register_sources(self):
      yield SourceType(name="my.trades", summary="s", emits=(Trade,), run=source or send_one)

    @hookimpl
    def bond_register_transforms(self):
      made = transform or (lambda batch: batch)
      yield TransformType(name="my.change", summary="s", emits=(Trade,), make=lambda c, ctx: made)

    @hookimpl
    def bond_register_sinks(self):
      yield SinkType(name="my.sink", summary="s", make=lambda c, ctx: sink())

  found = Registry()
  found.add("my", Plugin())
  return found


TRANSFORMED = """
sources: {s: {use: my.trades}}
transforms: {t: {use: my.change, from: s}}
"""
ALONE = "sources: {s: {use: my.trades}}"


async def said(text, found):
  """What a run with checks says when it ends."""
  spec = with_checks(load_spec(text, registry=found))
  with trio.fail_after(5), pytest.raises(BondError) as caught:
    async with open_events(spec) as batches:
      async for _ in batches:
        pass
  return str(caught.value)


def sending(*events):
  async def send(config, out, ctx):
    await out.send(list(events))
    await trio.sleep_forever()

  return send


@pytest.mark.parametrize(
  ("event", "sentence"),
  [
    (trade(price="12"), "Trade: Expected `float`, got `str` - at `$.price`"),
    (trade(price=float("nan")), "Trade.price is nan; write None for what is not known"),
    (trade(ts_event=1_760_000_000), "Trade.ts_event is 1760000000; times are milliseconds"),
    (trade(ts_exchange=1_760_000_000_000_000_000), "times are milliseconds since 1970"),
    (trade(raw=object()), "Trade holds what JSON cannot"),
    (
      Custom(exchange="good", symbol="", event_type="x", data={}),
      "my.trades gave a Custom, but its type says that it emits Trade",
    ),
  ],
)
async def test_an_event_that_is_wrong_is_named_with_its_source(event, sentence):
  message = await said(ALONE, registry(source=sending(event)))
  assert message.startswith("sources.s: my.trades gave ")
  assert sentence in message
  assert "\n" not in message


async def test_a_run_that_is_not_async_is_named():
  message = await said(ALONE, registry(source=lambda config, out, ctx: None))
  assert message.startswith("sources.s: the run of 'my.trades' is not async; write async def run(")


def change_price(batch):
  batch[0].price = 2.0
  return batch


def change_batch(batch):
  batch.append(trade())
  return list(batch)


@pytest.mark.parametrize(
  ("transform", "sentence"),
  [
    (change_price, "my.change changed a Trade that it was given; others read it too"),
    (change_batch, "my.change changed the batch that it was given"),
    (lambda batch: [trade(size="1")], "my.change gave an event that is wrong: Trade: Expected"),
  ],
)
async def test_a_transform_that_breaks_a_promise_ends_with_a_sentence(transform, sentence):
  spec = with_checks(load_spec(TRANSFORMED, registry=registry(transform=transform)))
  (failure,) = (await run(spec, duration=0.3)).failures
  assert failure.startswith(f"transforms.t: {sentence}")


async def test_a_sink_that_changes_an_event_is_named_alone(tmp_path):
  class Changing:
    async def __aenter__(self):
      return self

    async def __aexit__(self, *error):
      return None

    async def write(self, batch):
      batch[0].price = 3.0

  other = f"{{use: core.jsonl, from: s, with: {{path: {tmp_path}/other.jsonl}}}}"
  text = f"{ALONE}\nsinks: {{k: {{use: my.sink, from: s}}, o: {other}}}"
  spec = with_checks(load_spec(text, registry=registry(sink=Changing)))
  (failure,) = (await run(spec, duration=0.5)).failures
  assert failure.startswith("sinks.k: my.sink changed a Trade that it was given")


async def test_what_keeps_its_promises_is_left_alone():
  spec = with_checks(load_spec(TRANSFORMED, registry=registry()))
  async with open_events(spec) as batches:
    with trio.fail_after(60):
      (event,) = await anext(batches)
  assert event.price == 1.0


def test_a_checked_spec_has_the_same_nodes():
  spec = load_spec(TRANSFORMED, registry=registry())
  checked = with_checks(spec)
  assert [attrs.evolve(node, type=spec.sources["s"].type) for node in checked.sources.values()] == [
    *spec.sources.values()
  ]
