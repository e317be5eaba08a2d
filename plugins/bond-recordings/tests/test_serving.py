"""A recording on the routes of a live server: at a pace, steered, and in locked time."""

import json
import random
from contextlib import asynccontextmanager

import pytest
import trio
from bond_recordings.lines import Selection
from bond_recordings.serving.ledger import Ledger
from bond_recordings.serving.player import RecordingPlayer
from bond_recordings.serving.run import serve_replay, services_of
from bond_recordkit.format import Header
from bond_recordkit.reader import event_lines
from bond_recordkit.verify import verify
from bond_recordkit.writer import RecordingWriter

from bond_core import BondError, Registry, Trade, Window, decode, encode
from bond_core.testing import START_MS
from bond_core.websockets import open_websocket

STREAM = "0123456789abcdef"
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


def write(path, events):
  head = Header(recording="", name="rec", epoch="e1", stream_id=STREAM, spec=SPEC)
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
  registry = Registry()
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
    with trio.fail_after(10):
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


async def read(url, route):
  """What comes before a reader of all that there is would be live."""
  lines = []
  async with open_websocket(f"{url}{route}") as socket:
    with trio.fail_after(10):
      while True:
        for frame in await socket.receive():
          message = json.loads(bytes(frame))
          if message.get("type") == "live":
            return lines
          if message.get("type") not in ("heartbeat", "gap"):
            lines.append(message)


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
    with trio.fail_after(10):
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
