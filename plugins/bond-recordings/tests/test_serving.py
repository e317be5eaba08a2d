"""A recording on the routes of a live server: at a pace, steered, and in locked time."""

import json
import random
from contextlib import asynccontextmanager

import pytest
import trio
from bond_recordings.lines import Selection
from bond_recordings.serving.ledger import Ledger, check_ledger
from bond_recordings.serving.player import RecordingPlayer
from bond_recordings.serving.run import serve_replay, services_of
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import Header
from bond_recordkit.reader import event_lines, segments_of
from bond_recordkit.verify import verify
from bond_recordkit.writer import RecordingWriter
from bond_server.access.chain import LOCAL
from bond_server.answers import QuestionRefused

from bond_core import (
  BondError,
  Funding,
  Gap,
  OrderBook,
  Registry,
  Ticker,
  Trade,
  Window,
  decode,
  encode,
)
from bond_core.testing import START_MS
from bond_core.websockets import open_websocket

STREAM = "0123456789abcdef"
REGISTRY = Registry()
SPEC = {
  "name": "rec",
  "sources": {"t": {"use": "binance.trades", "with": {"symbols": ["BTC/USDT"]}}},
  "transforms": {"w": {"use": "core.window", "from": "t", "with": {"every": "1s"}}},
}


def events_of(count=200, seed=4):
  """Trades about 20 ms apart, and a window for each second."""
  rng = random.Random(seed)
  now = START_MS
  for number in range(1, count + 1):
    before, now = now, now + rng.randrange(0, 40)
    if before // 1000 != now // 1000:
      text = f"2025-10-09T08:53:{now // 1000 % 60:02}Z"
      times = {"ts": text, "window_start": text, "window_end": text}
      yield Window(symbol="BTC/USDT", raw_data={}, seq=number, **times)
    yield Trade(
      exchange="binance",
      symbol="BTC/USDT",
      market_type="spot",
      price=100.0 + number,
      size=1.0,
      ts_event=now,
      ts_exchange=now - 5,
      seq_internal=number,
    )


def write(path, events, epoch="e1"):
  head = Header(recording="", name="rec", epoch=epoch, stream_id=STREAM, spec=SPEC)
  writer = RecordingWriter(path, lambda: head)
  for first in range(0, len(events), 40):
    part = events[first : first + 40]
    writer.write(
      [encode(event) for event in part], (), [getattr(e, "ts_event", START_MS) for e in part]
    )
  writer.close()


@pytest.fixture
def recording(tmp_path):
  path = tmp_path / "rec.jsonl.zst"
  write(path, list(events_of()))
  return path


def player_of(path, **how):
  return RecordingPlayer([path], Selection(), **how)


async def held(log):
  return [event for record in await log.records(1, 10**9) for event in record.events]


@asynccontextmanager
async def served(player):
  registry = REGISTRY
  services = services_of(registry, {"broker": 0})
  async with trio.open_nursery() as nursery:
    server = await nursery.start(serve_replay, player, services, registry, lambda text: None)
    yield server, server.addresses["broker"][0]
    server.stopping.set()


class Client:
  """Reads messages by type."""

  def __init__(self, socket):
    self.socket = socket
    self.waiting = []

  async def send(self, **message):
    await self.socket.send(json.dumps(message).encode())

  async def next(self, *types):
    with trio.fail_after(60):
      while True:
        while self.waiting:
          message = self.waiting.pop(0)
          if message.get("type") in types:
            return message
        self.waiting += [json.loads(bytes(frame)) for frame in await self.socket.receive()]


async def test_locked_time_stands_still_until_it_is_advanced(recording):
  player = player_of(recording, locked=True)
  async with served(player) as (_, url), open_websocket(f"{url}/stream") as socket:
    client = Client(socket)
    await client.send(type="subscribe", channels=["trades"], symbols=["BTC/USDT"])
    acked = await client.next("system")
    assert acked["epoch"] == "replay-e1"
    beat = await client.next("heartbeat")
    assert beat["info"]["sources"] == {"binance": "replay"}
    await client.send(type="advance", to="next")
    trade = await client.next("trade")
    assert trade["seq_internal"] == 1
    await client.send(type="advance", to="+1s", id="a")
    state = await client.next("system")
    assert (state["status"], state["id"], state["locked"]) == ("replay", "a", True)
    assert state["now_ms"] == trade["ts_event"] + 1000
    later = {"from": state["now_ms"] / 1000 + 60}
    await client.send(type="subscribe", channels=["trades"], **later)
    assert (await client.next("error"))["name"] == "look_ahead"
    await client.send(type="subscribe", channels=["trades"], **{"from": "replay-e1:150"})
    assert (await client.next("error"))["name"] == "look_ahead"
    await client.send(type="pause")
    assert (await client.next("error"))["name"] == "bad_pause"


async def test_a_live_server_has_nothing_to_steer(recording):
  from bond_server.testing import open_test_server

  registry = Registry()
  (service, config), *_ = services_of(registry, {"broker": 0})
  async with open_test_server() as server, trio.open_nursery() as nursery:
    url, *_ = await nursery.start(service.serve, config, server)
    async with open_websocket(f"{url}/stream") as socket:
      client = Client(socket)
      await client.send(type="ping")
      await client.send(type="advance", to="next")
      assert (await client.next("error"))["name"] == "live"
    server.stopping.set()


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.slow)])
async def test_what_can_be_read_at_a_time_is_what_a_copy_cut_there_holds(tmp_path, count):
  rng = random.Random(9)
  path = tmp_path / "rec.jsonl.zst"
  events = list(events_of())
  write(path, events)
  last = max(event.ts_event for event in events if isinstance(event, Trade))
  for number in range(count):
    moment = rng.randrange(START_MS - 5, last + 5)
    reached, part = 0, []
    for event in events:
      reached = max(reached, getattr(event, "ts_event", 0))
      if reached > moment:
        break
      part.append(event)
    cut = tmp_path / f"cut-{number}.jsonl.zst"
    write(cut, part)
    player, other = player_of(path, locked=True), player_of(cut, locked=True)
    if moment > player.now_ms():
      await player.steer({"type": "advance", "to": moment / 1000})
    await other.steer({"type": "advance", "to": "end"})
    async with served(player) as (_, url), served(other) as (_, url_of_cut):
      for route in (
        "/raw?from=0",
        "/raw?from=0&channels=trades&symbol=BTC/USDT",
        f"/ws/{STREAM}?from=0",
        "/raw?from=0&exchange=binance",
      ):
        assert await read(url, route) == await read(url_of_cut, route)
      assert len(await read(url, "/raw?from=0")) == sum(isinstance(e, Trade) for e in part)


async def read(url, route, leaving_out=("heartbeat", "gap")):
  """What comes before a reader of all that there is would be live."""
  lines = []
  async with open_websocket(f"{url}{route}") as socket:
    with trio.fail_after(60):
      while True:
        for frame in await socket.receive():
          message = json.loads(bytes(frame))
          if message.get("type") == "live":
            return lines
          if message.get("type") not in leaving_out:
            lines.append(message)


async def test_numbers_that_the_recorded_spec_has_no_event_of_are_no_loss(tmp_path):
  path = tmp_path / "rec.jsonl.zst"
  # A view of a book every so often leaves out the numbers of the changes between.
  events = [event for event in events_of() if getattr(event, "seq_internal", 1) % 3]
  write(path, events)
  numbers = [event.seq_internal for event in events if isinstance(event, Trade)]
  player = player_of(path, locked=True)
  async with served(player) as (_, url), open_websocket(f"{url}/raw?from=now-1h") as socket:
    client, found = Client(socket), []
    await client.next("live")
    await player.steer({"type": "advance", "to": "+1s"})
    await player.steer({"type": "advance", "to": "end"})
    while len(found) < len(numbers):
      message = await client.next("trade", "gap")
      assert message["type"] == "trade", message
      found.append(message["seq_internal"])
    assert found == numbers
    since = f"replay-e1:{numbers[20]}"
    later = await read(url, f"/raw?from={since}", leaving_out=("heartbeat",))
    assert [message["seq_internal"] for message in later] == numbers[21:]


async def test_a_recording_of_several_runs_is_numbered_by_its_replay(tmp_path):
  path = tmp_path / "rec.jsonl.zst"
  write(path, list(events_of(40)))
  write(path, list(events_of(40, seed=5)), epoch="e2")
  player = RecordingPlayer(segments_of(path), Selection(), locked=True)
  await player.steer({"type": "advance", "to": "end"})
  assert player.log.epoch == f"replay-{player.header.recording}"
  assert [event.seq_internal for event in await held(player.log)] == list(range(1, 81))


async def test_decisions_are_written_with_what_was_known(recording, tmp_path):
  path = tmp_path / "ledger.jsonl.zst"
  ledger = Ledger(path, Header(recording="", name="rec", epoch="e1"))
  player = player_of(recording, locked=True, ledger=ledger)
  await player.steer({"type": "advance", "to": "next"})
  first = await player.steer({"type": "decide", "decision": {"side": "buy"}})
  # It is in the file before anything that comes later can be read.
  assert [json.loads(t)["data"]["known"] for p in event_lines([path]) for t in p.lines] == [
    "replay-e1:1"
  ]
  await player.steer({"type": "advance", "to": "+500ms"})
  second = await player.steer({"type": "decide", "decision": {"side": "sell"}})
  assert second["entry"]["before"] == first["entry"]["sha256"]
  ledger.close()
  assert verify([path]).sound
  with pytest.raises(BondError, match="say what was decided"):
    await player.steer({"type": "decide"})
  with pytest.raises(BondError, match="has up to"):
    await player.steer({"type": "decide", "decision": "x" * 70_000})


def test_decisions_go_into_a_file_of_their_own(recording, tmp_path):
  with pytest.raises(RecordingError, match="is no ledger"):
    check_ledger(recording)
  with pytest.raises(RecordingError, match=r"is called NAME\.jsonl\.zst"):
    check_ledger(tmp_path / "ledger.txt")
  path = tmp_path / "ledger.jsonl.zst"
  check_ledger(path)
  Ledger(path, Header(recording="", name="rec")).close()
  check_ledger(path)


async def test_a_replay_is_paused_sought_and_sped_up(recording):
  player = player_of(recording, speed=1.0)
  async with trio.open_nursery() as nursery:
    assert (await player.steer({"type": "pause"}))["paused"] is True
    nursery.start_soon(player.run)
    await trio.sleep(0.1)
    assert player.log.head == 0
    begin = player.now_ms()
    sought = await player.steer({"type": "seek", "to": "+1s"})
    assert sought["now_ms"] == begin + 1000
    assert sought["events"] > 20
    with pytest.raises(BondError, match="does not go back"):
      await player.steer({"type": "seek", "to": str((START_MS - 5000) / 1000)})
    with pytest.raises(BondError, match="speed is a factor"):
      await player.steer({"type": "speed", "speed": -1})
    await player.steer({"type": "resume"})
    await player.steer({"type": "speed", "speed": "max"})
    with trio.fail_after(60):
      while not player.ended:
        await trio.sleep(0.01)
    nursery.cancel_scope.cancel()
  trades = [event for event in await held(player.log) if isinstance(event, Trade)]
  recorded = [decode(t) for p in event_lines([recording]) for t in p.lines]
  assert [encode(t) for t in trades] == [encode(t) for t in recorded if isinstance(t, Trade)]
  assert all(row.raw_data["replay"] for row in await held(player.made))


async def test_nothing_live_runs_beside_a_recording(recording):
  player = player_of(recording, locked=True)
  async with served(player) as (server, _):
    with pytest.raises(BondError, match="nothing live beside it"):
      await server.streams.start(None, None)
    assert server.demand is None
    assert set(server.sources().values()) == {"replay"}
    assert player.log.epoch.startswith("replay-")
    stream = server.streams.get(STREAM)
    assert stream.status().events_out == 0
    await player.steer({"type": "advance", "to": "end"})
    assert stream.status().events_out > 0


# Questions in locked time -------------------------------------------------------------------------


def market_of(seed, count=150):
  """Trades, tickers, books, funding, losses and windows, several at one moment."""
  rng = random.Random(seed)
  now, number, windows = START_MS, 0, 0
  while number < count:
    before, now = now, now + rng.choice((0, 0, 7, 40, 900))
    if before // 1000 != now // 1000:
      windows += 1
      text = f"2025-10-09T08:{53 + now // 60_000 % 5:02}:{now // 1000 % 60:02}Z"
      times = {"ts": text, "window_start": text, "window_end": text}
      yield Window(symbol="BTC/USDT", raw_data={}, seq=windows, **times)
    number += 1
    price = 100.0 + number
    common = {"exchange": "binance", "symbol": "BTC/USDT", "ts_event": now, "seq_internal": number}
    levels = {"bids": [[price, 1.0]], "asks": [[price + 1, 2.0]]}
    quote = {"bid": price, "ask": price + 1, "last": price}
    kind, more = rng.choice(
      (
        (Trade, {"market_type": "spot", "price": price, "size": 1.0}),
        (Ticker, {"market_type": "spot", **quote}),
        (OrderBook, {"market_type": "spot", **levels}),
        (Funding, {"market_type": "perp", "rate": price}),
        (Gap, {"channel": "trades", "reason": "upstream", "cause": "an outage"}),
      )
    )
    yield kind(**common, **more)


QUESTIONS = [
  ("markets", {}),
  ("quote", {"symbol": "BTC/USDT"}),
  ("quote", {"symbol": "BTC/USDT:USDT"}),
  ("book", {"symbol": "BTC/USDT", "buy": 0.5}),
  ("window", {"symbol": "BTC/USDT", "every": "1s"}),
  ("window", {"stream": STREAM}),
  ("health", {}),
  ("since", {"cursor": "replay-e1:0", "events": True, "budget": 8_000}),
  ("since", {"cursor": "now-5s"}),
  ("since", {"cursor": "replay-e1:60"}),
  ("since", {"stream": STREAM, "cursor": "now-9s", "events": True}),
  ("wait_until", {"where": "price > 175", "symbol": "BTC/USDT", "cursor": "replay-e1:0"}),
  ("wait_until", {"where": "bid > 0", "symbol": "BTC/USDT"}),
  ("wait_until", {"where": "volume_sum >= 0", "stream": STREAM, "cursor": "now-1h"}),
  ("why", {"position": "30"}),
  ("why", {"position": "replay-e1:120"}),
  ("why", {"position": f"{STREAM}:3"}),
]


async def told(server):
  """What each question gets, refusals as they are."""
  found = []
  for tool, arguments in QUESTIONS:
    try:
      with trio.fail_after(60):
        answer = await getattr(server.answers, tool)(LOCAL, **arguments)
      assert answer["state"] == "replay", tool
      # The log of windows has an epoch of its own in each process.
      found.append((tool, {**answer, "cursor": answer["cursor"].rpartition(":")[2]}))
    except QuestionRefused as exc:
      found.append((tool, exc.status, str(exc), exc.quoted))
  return found


def reached_by(events, moment):
  reached, part = 0, []
  for event in events:
    reached = max(reached, getattr(event, "ts_event", 0))
    if reached > moment:
      break
    part.append(event)
  return part


@pytest.mark.parametrize("count", [4, pytest.param(200, marks=pytest.mark.slow)])
async def test_no_tool_tells_more_at_a_time_than_of_a_copy_cut_there(tmp_path, count):
  rng = random.Random(11)
  for number in range(count):
    events = list(market_of(number % 5))
    path, cut = tmp_path / f"{number}.jsonl.zst", tmp_path / f"cut-{number}.jsonl.zst"
    write(path, events)
    last = max(getattr(event, "ts_event", 0) for event in events)
    # Close to where something came.
    came = getattr(rng.choice(events), "ts_event", last)
    moment = max(START_MS, came + rng.choice((-40, -1, 0, 1, 500)))
    write(cut, reached_by(events, moment))
    players = player_of(path, locked=True), player_of(cut, locked=True)
    async with served(players[0]) as (server, _), served(players[1]) as (of_cut, _):
      at = {"to": moment / 1000}
      both = [await one.answers.advance(LOCAL, **at) for one in (server, of_cut)]
      for answer in both:
        # That a copy ends there is what a cut is.
        del answer["ended"]
      assert both[0] == both[1]
      assert await told(server) == await told(of_cut)


async def test_time_moves_when_the_tool_says_so_and_decisions_are_written_before(recording):
  player = player_of(recording, locked=True)
  async with served(player) as (server, _):
    answers = server.answers
    first = await answers.advance(LOCAL)
    assert (first["state"], first["events"], first["cursor"]) == ("replay", 1, "replay-e1:1")
    stays = await answers.advance(LOCAL, decision={"side": "buy"})
    assert (stays["cursor"], stays["decision"]["number"]) == (first["cursor"], 1)
    moved = await answers.advance(LOCAL, "+1s", decision={"side": "sell"})
    assert (moved["decision"]["known"], moved["decisions"]) == ("replay-e1:1", 2)
    assert moved["events"] > 10
    quote = await answers.quote(LOCAL, "BTC/USDT")
    assert (quote["state"], quote["cursor"]) == ("replay", moved["cursor"])
    for question in (
      answers.since(LOCAL, "replay-e1:190"),
      answers.quote(LOCAL, "BTC/USDT", cursor="replay-e1:190"),
      answers.wait_until(LOCAL, "price > 1", symbol="BTC/USDT", cursor="replay-e1:190"),
      answers.why(LOCAL, "replay-e1:190"),
      answers.why(LOCAL, "190"),
      answers.why(LOCAL, f"{STREAM}:190"),
    ):
      with pytest.raises(QuestionRefused, match="look_ahead") as refused:
        await question
      assert refused.value.status == 409
    with trio.fail_after(2):
      waited = await answers.wait_until(LOCAL, "price > 10000", symbol="BTC/USDT", timeout=50)
    assert (waited["matched"], "time stands still" in waited["note"]) == (False, True)
    with pytest.raises(QuestionRefused, match="did not move") as refused:
      await answers.advance(LOCAL, "backwards", decision={"side": "buy"})
    assert refused.value.quoted["decision"]["number"] == 3
  async with served(player_of(recording)) as (server, _):
    with pytest.raises(QuestionRefused, match="moves by itself"):
      await server.answers.advance(LOCAL)


async def test_agents_reach_a_replay_over_mcp(recording):
  pytest.importorskip("bond_mcp")
  import httpx
  from bond_mcp.remote import RemoteDesk
  from mcp.client.client import Client

  registry = Registry()
  services = services_of(registry, {"broker": 0, "api": 0})
  for locked, count in ((True, 10), (False, 9)):
    player = player_of(recording, locked=locked)
    player.paused = True
    async with trio.open_nursery() as nursery:
      server = await nursery.start(serve_replay, player, services, registry, lambda text: None)
      (url,) = server.addresses["api"]
      async with httpx.AsyncClient(base_url=url) as http, Client(f"{url}/mcp") as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        desk = RemoteDesk(http)
        assert len(tools) == count
        assert [tool.name for tool in await desk.tools()] == tools
        if locked:
          moved = await client.call_tool("advance", {"decision": {"side": "buy"}, "to": "next"})
          assert moved.structured_content["state"] == "replay"
          again = await desk.ask("advance", {"to": "+1s"})
          assert again["decisions"] == 1
          wrong = await http.post("/v1/advance", json={"too": "next"})
          assert (wrong.status_code, "to, decision or budget" in wrong.text) == (422, True)
      server.stopping.set()
