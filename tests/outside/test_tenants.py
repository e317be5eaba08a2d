"""What one caller's streams bring in, and where it can be seen: callers, sources and routes."""

import json
import urllib.request
from contextlib import asynccontextmanager

import trio
from over_http import api_of, request
from serving import served
from trio_websocket import serve_websocket

from bond_core import CHANNELS, BondError
from bond_core._ws.client import open_websocket

ALICE, BOB = "alice-9f3c1e7ab2604d58", "bob-71d4e0c85fa926b3"
KEYS = {"BOND_API_KEYS": f"alice:{ALICE},bob:{BOB}", "BOND_MAX_STREAMS": "20"}

PRIVATE = {
  "clock": ("clock.ticks", {"seconds": 0.2}),
  "posts": ("x.posts", {"query": "bitcoin"}),
  "bluesky": ("bluesky.posts", {"symbols": ["BTC"]}),
  "solana": ("onchain.solana", {}),
  "bitcoin": ("onchain.bitcoin", {}),
  "evm": ("onchain.evm", {"event_types": ["block", "transfer"]}),
  "ccxt": ("ccxt.trades", {"exchange": "okx", "symbols": ["BTC/USDT"]}),
}
EXCHANGES = {"clock", "x", "bluesky", "solana", "bitcoin", "ethereum", "okx", "ws-alice"}
MARKET = ("binance.trades", {"symbols": ["BTC/USDT"]})
RECORDER = """
name: recorder
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT]}}}}
sinks:
  file: {{use: core.jsonl, from: [trades], with: {{path: {path}}}}}
"""


async def create(api, use, values):
  """Alice's stream of one source: where it is read."""
  spec = {"sources": {"it": {"use": use, "with": values}}}
  status, answer = await request("POST", f"{api}/v1/streams", {"spec": spec}, ALICE)
  assert status == 201, (use, answer)
  return answer["stream_id"], answer["ws_url"]


class Reader:
  """What comes over one WebSocket."""

  def __init__(self):
    self.messages = []

  async def run(self, url, subscribe=None):
    try:
      async with open_websocket(url) as socket:
        if subscribe is not None:
          await socket.send(json.dumps(subscribe).encode())
        while True:
          self.messages += map(json.loads, await socket.receive())
    except* (BondError, OSError):
      pass  # Its stream was deleted.

  @property
  def events(self):
    other = ("system", "heartbeat", "live", "gap", "error", "shutdown")
    return [m for m in self.messages if m.get("type") not in other]

  async def has(self, count, within=15):
    with trio.move_on_after(within):
      while len(self.events) < count:
        await trio.sleep(0.05)
    return len(self.events) >= count


async def get(url, accept):
  def work():
    made = urllib.request.Request(url, headers={"Accept": accept, "X-API-Key": BOB})
    with urllib.request.urlopen(made, timeout=60) as answer:
      return answer.read().decode()

  return await trio.to_thread.run_sync(work)


class Bob:
  """Everything that another caller can look at while Alice's streams run, and after they ended."""

  def __init__(self, server, api, nursery):
    self.seen = {}
    self._server, self._api, self._nursery = server, api, nursery

  def _listen(self, name, path, subscribe=None):
    self.seen[name] = reader = Reader()
    url = f"ws://127.0.0.1:{self._server.port}{path}?key={BOB}"
    self._nursery.start_soon(reader.run, url, subscribe)

  def listen(self):
    self._listen("stream", "/stream", {"type": "subscribe", "channels": list(CHANNELS)})
    self._listen("raw", "/raw")

  async def look(self, when):
    everything = {"type": "subscribe", "channels": list(CHANNELS), "from": "now-5m"}
    self._listen(f"replay {when}", "/stream", everything)
    await trio.sleep(1)
    broker = f"http://127.0.0.1:{self._server.port}"
    self.seen |= {
      f"metrics {when}": await get(f"{broker}/metrics", "application/json"),
      f"prometheus {when}": await get(f"{broker}/metrics", "text/plain"),
      f"health {when}": await get(f"{broker}/health", "application/json"),
      f"api health {when}": await get(f"{self._api}/health", "application/json"),
      f"streams {when}": await get(f"{self._api}/v1/streams", "application/json"),
    }

  def leaks(self, words):
    """The routes on which something of these venues was seen."""
    found = set()
    for name, seen in self.seen.items():
      if isinstance(seen, Reader):
        if any(m.get("exchange") in words for m in seen.messages):
          found.add(name)
        heartbeats = [m for m in seen.messages if m.get("type") == "heartbeat"]
        if any(words & m["info"]["sources"].keys() for m in heartbeats):
          found.add(f"heartbeat of {name}")
      elif any(f'"{word}"' in seen for word in words):
        found.add(name)
    return found


@asynccontextmanager
async def venue(messages):
  """A websocket of Alice's own, which says the same again and again."""

  async def talk(request):
    socket = await request.accept()
    try:
      while True:
        for message in messages:
          await socket.send_message(json.dumps(message))
        await trio.sleep(0.05)
    except Exception:
      return

  async with trio.open_nursery() as nursery:
    server = await nursery.start(serve_websocket, talk, "127.0.0.1", 0, None)
    yield server.port
    nursery.cancel_scope.cancel()


def custom(port, **more):
  rule = {
    "emit": "trade",
    "symbol": {"value": "BTC/USDT"},
    "fields": {"price": "p", "size": "s"},
  }
  return {"url": f"ws://127.0.0.1:{port}/", "map": [rule], **more}


def alice_and_bob(folder):
  """Alice has a stream of every kind of source, and Bob looks at everything, also at what the
  operator records."""
  spec, recording = folder / "recorder.yaml", folder / "recorded.jsonl"
  spec.write_text(RECORDER.format(path=recording), encoding="utf-8")

  async def work():
    async with served(str(spec), environ=KEYS.items()) as server, trio.open_nursery() as nursery:
      api = await api_of(server)
      bob = Bob(server, api, nursery)
      bob.listen()
      await trio.sleep(0.5)
      own, ids = {}, []

      async def begin(name, use, values):
        stream, url = await create(api, use, values)
        ids.append(stream)
        own[name] = reader = Reader()
        nursery.start_soon(reader.run, url)

      async with trio.open_nursery() as starting:
        for name, (use, values) in {**PRIVATE, "market": MARKET}.items():
          starting.start_soon(begin, name, use, values)
      came = {name: await reader.has(1) for name, reader in own.items()}
      await bob.look("meanwhile")
      statuses = [(await request("GET", f"{api}/v1/streams/{i}", key=BOB))[0] for i in ids]
      for stream in ids:
        await request("DELETE", f"{api}/v1/streams/{stream}", key=ALICE)
      await bob.look("afterwards")
      nursery.cancel_scope.cancel()
    bob.seen["recording"] = recording.read_text(encoding="utf-8")
    return bob, own, came, statuses

  return trio.run(work)


def test_what_a_caller_s_stream_brings_in_reaches_it_alone_unless_it_is_market_data(tmp_path):
  # One test, since all of it is about the same minute of one server.
  bob, own, came, statuses = alice_and_bob(tmp_path)
  assert came == dict.fromkeys(own, True)
  # Its own clients see the state of its own sources.
  for name, reader in own.items():
    beat = next(m for m in reader.messages if m.get("type") == "heartbeat")
    assert len(beat["info"]["sources"]) == 1, name
  # Nobody else sees anything of it, on any route.
  assert bob.leaks(EXCHANGES) == set()
  assert statuses == [404] * len(statuses)
  # The public channels of a venue are everybody's.
  assert any(m["exchange"] == "binance" for m in bob.seen["raw"].events)
  assert '"binance"' in bob.seen["recording"]


def test_what_a_websocket_of_a_callers_own_says_reaches_its_stream_alone():
  async def work():
    async with venue([{"p": 1.0, "s": 1}]) as port, trio.open_nursery() as nursery:
      environ = {**KEYS, "BOND_WS_ALLOW": f"127.0.0.1:{port}"}
      async with served(sim=False, environ=environ.items()) as server:
        api = await api_of(server)
        bob = Bob(server, api, nursery)
        bob.listen()
        await trio.sleep(0.5)
        stream, url = await create(api, "ws.custom", custom(port, name="alice"))
        own = Reader()
        nursery.start_soon(own.run, url)
        assert await own.has(5)
        await bob.look("meanwhile")
        await request("DELETE", f"{api}/v1/streams/{stream}", key=ALICE)
        await bob.look("afterwards")
        nursery.cancel_scope.cancel()
    return bob

  bob = trio.run(work)
  assert bob.leaks(EXCHANGES) == set()
  assert not any(m.get("price") == 1.0 for r in ("stream", "raw") for m in bob.seen[r].events)


def test_no_spec_puts_events_under_the_name_of_a_venue(tmp_path):
  async def work():
    answers = {}
    async with served(sim=False, environ=KEYS.items()) as server:
      api = await api_of(server)
      sources = {
        "exchange": ("ws.custom", custom(443, url="wss://example.com/", exchange="binance")),
        "chain": ("onchain.evm", {"chain": "binance", "url": "wss://example.com/"}),
        "another chain": ("onchain.evm", {"chain": "bitcoin", "url": "wss://example.com/"}),
      }
      for name, (use, values) in sources.items():
        spec = {"sources": {"it": {"use": use, "with": values}}}
        answers[name] = await request("POST", f"{api}/v1/streams", {"spec": spec}, ALICE)
    return answers

  answers = trio.run(work)
  assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(answers, 422)
  assert "binance" in answers["chain"][1]["detail"]


def test_what_the_operator_runs_is_not_a_callers_to_end(tmp_path):
  spec = {
    "name": "ticks",
    "sources": {"clock": {"use": "clock.ticks", "with": {"seconds": 0.1}}},
    "sinks": {"feed": {"use": "core.stream", "from": ["clock"]}},
  }
  file = tmp_path / "ticks.yaml"
  file.write_text(json.dumps(spec), encoding="utf-8")

  async def work():
    async with served(str(file), sim=False, environ=KEYS.items()) as server:
      api = await api_of(server)
      path = (await server.told(rb"/ws/[0-9a-f]{16}")).strip()
      async with trio.open_nursery() as nursery:
        reader = Reader()
        nursery.start_soon(reader.run, f"ws://127.0.0.1:{server.port}{path}?key={BOB}")
        assert await reader.has(3)
        _, answer = await request("POST", f"{api}/v1/streams", {"spec": spec}, ALICE)
        assert path.endswith(answer["stream_id"])
        status, _ = await request("DELETE", f"{api}/v1/streams/{answer['stream_id']}", key=ALICE)
        before = len(reader.events)
        goes_on = await reader.has(before + 5, within=5)
        nursery.cancel_scope.cancel()
    return status, goes_on

  assert trio.run(work) == (200, True)
