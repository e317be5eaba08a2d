"""What specs that come over HTTP may use: every installed component, and every key of each."""

import json
import re
import typing

import attrs
import trio
from over_http import api_of, request
from serving import served
from venue import ROOT

from bond_core import (
  Duration,
  Registry,
  SinkType,
  SourceType,
  SpecError,
  TransformType,
  load_spec,
)
from bond_core.specs import read_document

PAGE = (ROOT / "docs/write-a-plugin.md").read_text(encoding="utf-8")

VENUES = {
  "binance": ("trades", "orderbook", "ticker", "funding", "liquidation", "candle"),
  "okx": ("trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"),
  "coinbase": ("trades", "orderbook", "ticker", "candle"),
  "hyperliquid": ("trades", "orderbook", "ticker", "funding", "open_interest", "candle"),
  "bybit": ("trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle"),
}
CCXT = "api_key api_secret endpoint options password"
POSTS = "bearer endpoint mode spend_cap"

OPEN = {
  **{f"{venue}.{channel}": "endpoint" for venue, names in VENUES.items() for channel in names},
  **{f"ccxt.{kind}": CCXT for kind in ("trades", "orderbook", "ticker", "ohlcv", "funding")},
  **{f"x.{kind}": POSTS for kind in ("posts", "search", "counts")},
  "x.posts": f"{POSTS} backfill_minutes",
  "bluesky.posts": "endpoint",
  "clock.ticks": "",
  "onchain.bitcoin": "endpoint",
  "onchain.evm": "endpoint mode private",
  "onchain.solana": "endpoint mode token",
  "ws.custom": "exchange function private secrets",
  **dict.fromkeys(
    ["core.filter", "core.project", "core.dedupe", "core.merge", "core.window", "core.sample"], ""
  ),
  "core.consolidate": "",
  "core.stream": "",
}
"""What is open to specs from outside, with the keys that are not. An entry is added by hand, when
somebody has looked at what its keys can reach."""

SECTION = {SourceType: "sources", TransformType: "transforms", SinkType: "sinks"}


def components():
  registry = Registry()
  return {found.name: found for kind in SECTION for found in registry.all(kind)}


def spec_with(component, values):
  """A spec that uses a component with these keys."""
  entry = {"use": component.name, "with": values}
  section = SECTION[type(component)]
  if section == "sources":
    return {"sources": {"it": entry}}
  clock = {"use": "clock.ticks", "with": {"seconds": 60}}
  return {"sources": {"clock": clock}, section: {"it": {**entry, "from": "clock"}}}


async def refusals(api, component, values):
  """What is refused of a component with these keys, by its place in the spec."""
  status, answer = await request(
    "POST", f"{api}/v1/streams", {"spec": spec_with(component, values)}
  )
  if status in (200, 201):
    await request("DELETE", f"{api}/v1/streams/{answer['stream_id']}")
    return {}
  assert status == 422, (component.name, values, answer)
  start = f"{SECTION[type(component)]}.it."
  return {p["path"].removeprefix(start): p["message"] for p in answer["problems"]}


def refused_of_everything():
  """What a server refuses: of each component without keys, and of each of its keys."""
  found = {}

  async def look(api, component, values, name):
    found[name] = await refusals(api, component, values)

  async def everything():
    async with served() as server:
      api = await api_of(server)
      for component in components().values():
        await look(api, component, {}, (component.name, None))
        for field in attrs.fields(component.config):
          key = field.alias or field.name
          # A value that no key takes, so that nothing is started.
          await look(api, component, {key: {"no": {"such": "value"}}}, (component.name, key))

  trio.run(everything)
  return found


def test_a_component_and_each_of_its_keys_is_open_only_where_it_says_so():
  refused = refused_of_everything()
  closed = {name for (name, key), problems in refused.items() if key is None and "use" in problems}
  assert components().keys() - closed == OPEN.keys()
  assert all("cannot use it" in refused[name, None]["use"] for name in closed)
  found = {name: set() for name in OPEN}
  for (name, key), problems in refused.items():
    if name in OPEN and "a spec from outside cannot set" in problems.get(f"with.{key}", ""):
      found[name].add(key)
  assert found == {name: set(keys.split()) for name, keys in OPEN.items()}


NO_LESS = {
  # Nothing is waited for: each event is looked at as it comes.
  **dict.fromkeys(
    ["core.merge.lateness", "core.window.lateness", "core.consolidate.speed"], "of event time"
  ),
  "onchain.bitcoin.every": "the node's own pace",
  **{f"{venue}.orderbook.speed_ms": "each update" for venue in (*VENUES, "ccxt")},
}
"""Keys that name a time and may be 0, and why that costs nothing."""


def names_a_time(field):
  kinds = {field.type, *typing.get_args(field.type)}
  named = re.search(r"(?:^|_)(?:every|seconds?|ms|minutes?|interval|within|timeout)$", field.name)
  return Duration in kinds or (named is not None and bool(kinds & {int, float}))


def test_no_time_from_outside_is_too_short_or_endless():
  registry, wrong, seen = Registry(), [], set()
  for name in OPEN:
    component = components()[name]
    example = read_document(component.example or "{}", "example").data
    for field in attrs.fields(component.config):
      key = field.alias or field.name
      if key in OPEN[name].split() or not names_a_time(field):
        continue
      seen.add(f"{name}.{key}")
      for value in (-1, 0, 1e-300, 1e300):
        spec = spec_with(component, {**example, key: value})
        try:
          load_spec(json.dumps(spec), registry=registry, trusted=False)
        except SpecError:
          continue
        if value > 1 or f"{name}.{key}" not in NO_LESS:
          wrong.append((name, key, value))
  assert wrong == []
  assert seen >= {"clock.ticks.seconds", "ccxt.ticker.every", "x.search.every", *NO_LESS}


def plugin_of_the_page(folder):
  """The module that the page prints, with the sink that it prints, where Python finds them first;
  they are not changed in any way."""
  blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)
  (module,) = [block for block in blocks if "async def ticks" in block]
  (sink,) = [block for block in blocks if '"clock.tcp"' in block]
  (folder / "bond_clock").mkdir()
  (folder / "bond_clock/__init__.py").write_text(f"{module}\n\n{sink}", encoding="utf-8")


def test_the_sink_of_the_page_cannot_be_made_to_connect_anywhere(tmp_path):
  plugin_of_the_page(tmp_path)
  spec = {
    "sources": {"clock": {"use": "clock.ticks", "with": {"seconds": 0.05}}},
    "sinks": {"clients": {"use": "core.stream", "from": "clock"}},
  }

  async def attack():
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    connections = []

    async def accept(stream):
      connections.append(await stream.receive_some())

    async with trio.open_nursery() as nursery:
      nursery.start_soon(trio.serve_listeners, accept, listeners)
      async with served(sim=False, environ={"PYTHONPATH": str(tmp_path)}.items()) as server:
        api = await api_of(server)
        to = {"use": "clock.tcp", "from": "clock", "with": {"host": "127.0.0.1", "port": port}}
        sinks = {**spec["sinks"], "tcp": to}
        answers = [
          await request("POST", f"{api}/v1/streams", {"spec": {**spec, "sinks": sinks}}),
          await request("POST", f"{api}/v1/streams", {"spec": spec}),
        ]
        await trio.sleep(0.5)
      nursery.cancel_scope.cancel()
    return connections, answers

  connections, ((status, answer), (good, _)) = trio.run(attack)
  assert (status, good) == (422, 201), answer
  assert [p["path"] for p in answer["problems"]] == ["sinks.tcp.use"]
  assert "cannot use it" in answer["detail"]
  assert connections == []
