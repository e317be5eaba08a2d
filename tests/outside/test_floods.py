"""One client that does too much: it is refused, and others notice nothing."""

import json
import random
import re
import statistics
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio
from clients import client, frame, hear, pings, raw_client, say
from over_http import api_of, request
from serving import EXAMPLE, Proxy, served
from venue import simulator
from websockets.utils import accept_key

LIMIT = 4504
PING, CONT, TEXT = 9, 0, 1


async def flood(port, data):
  """Sends `data` over and over; the code with which the server ends that."""
  received = b""
  async with raw_client(port) as stream, trio.open_nursery() as nursery:

    async def send():
      try:
        while True:
          await stream.send_all(data)
      except trio.BrokenResourceError:
        pass

    nursery.start_soon(send)
    with trio.move_on_after(5):
      try:
        while data := await stream.receive_some():
          received += data
          if LIMIT.to_bytes(2, "big") in received:
            break
      except trio.BrokenResourceError:
        pass
      nursery.cancel_scope.cancel()
      close = received.rfind(b"\x88")
      return int.from_bytes(received[close + 2 : close + 4], "big") if close >= 0 else None
    nursery.cancel_scope.cancel()
  return "nothing ended it"


async def usual_wait(waits):
  """The median of what answers take before the flood: on a busy machine that is long already."""
  while len(waits) < 50:
    await trio.sleep(0.05)
  usual = statistics.median(waits)
  waits.clear()
  return usual


@pytest.mark.parametrize(
  "frames",
  [
    frame(PING) * 1000,
    frame(PING, b"x" * 125) * 500,
    frame(TEXT, b"{", last=False) + frame(CONT, last=False) * 1000,
  ],
  ids=["pings", "long pings", "empty fragments"],
)
async def test_control_frames_and_empty_fragments_are_a_flood_too(frames):
  async with served(EXAMPLE) as server, trio.open_nursery() as nursery:
    waits = []
    nursery.start_soon(pings, server.port, waits)
    usual = await usual_wait(waits)
    codes = [await flood(server.port, frames) for _ in range(5)]
    await trio.sleep(0.5)
    nursery.cancel_scope.cancel()
  assert set(codes) == {LIMIT}
  # A busy machine holds up some answers; a loop that is held up holds up all.
  assert statistics.quantiles(waits)[0] < max(0.02, 10 * usual)


FLOODS = {
  "/fragments": (b"\x01\x01x", b"\x00\x00" * 100_000),
  "/pings": (b"", b"\x89\x00" * 100_000),
  "/messages": (b"", b"\x81\x02{}" * 50_000),
}
"""What a server sends once, and then over and over, by the path of its URL."""


async def flooding(stream):
  """A WebSocket server that sends as fast as it can what is worth nothing."""
  head = b""
  while b"\r\n\r\n" not in head:
    head += await stream.receive_some()
  key = re.search(rb"(?i)sec-websocket-key: (\S+)", head)[1].decode()
  answer = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept_key(key)}"
  once, over_and_over = FLOODS[head.split()[1].decode()]
  with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
    await stream.send_all(f"HTTP/1.1 101 Switching Protocols\r\n{answer}\r\n\r\n".encode())
    await stream.send_all(once)
    while True:
      await stream.send_all(over_and_over)


async def test_a_server_that_a_caller_names_cannot_slow_others_with_what_it_sends(tmp_path):
  spec = tmp_path / "clock.yaml"
  spec.write_text("name: clock\nsources:\n  it: {use: clock.ticks, with: {seconds: 1}}\n")
  async with trio.open_nursery() as nursery:
    serving = partial(trio.serve_tcp, flooding, 0, host="127.0.0.1")
    (listener,) = await nursery.start(serving)
    place = f"127.0.0.1:{listener.socket.getsockname()[1]}"
    async with served(str(spec), sim=False, environ={"BOND_WS_ALLOW": place}) as server:
      waits = []
      for path in FLOODS:
        rules = [{"emit": "custom", "event_type": "x", "where": {"a": 1}}]
        source = {"use": "ws.custom", "with": {"url": f"ws://{place}{path}", "map": rules}}
        body = {"spec": {"sources": {"it": source}}}
        status, answer = await request("POST", f"{await api_of(server)}/v1/streams", body)
        assert status == 201, answer
      async with trio.open_nursery() as pinging:
        pinging.start_soon(pings, server.port, waits)
        await trio.sleep(3)
        pinging.cancel_scope.cancel()
      await server.told(rb"a flood of control frames or tiny fragments")
    nursery.cancel_scope.cancel()
  assert statistics.median(waits) < 0.05


SPEC = """
name: floods
sources:
  trades: {{use: binance.trades, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
  books: {{use: binance.orderbook, with: {{symbols: [BTC/USDT], endpoint: "{url}"}}}}
"""


ALICE, MALLORY = "alice-s-key-0123456789", "mallory-s-key-9876543210"
AUTH = """
auth:
  - use: core.keys
    with:
      keys:
        alice: {{secret: {{file: {folder}/alice}}}}
        mallory: {{secret: {{file: {folder}/mallory}}}}
"""


class Jitter(Proxy):
  """Holds up what a client says by 0 to 150 ms, in order."""

  async def _pass_on(self, one, other, scope, back=False):
    if back:
      await super()._pass_on(one, other, scope, back)
      return
    rng, at = random.Random(self.connections), 0.0
    send, receive = trio.open_memory_channel(10_000)

    async def write():
      async for due, data in receive:
        await trio.sleep_until(due)
        await other.send_all(data)

    try:
      async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        async for data in one:
          at = max(at, trio.current_time() + rng.uniform(0, 0.15))
          await send.send((at, data))
        nursery.cancel_scope.cancel()
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
      pass
    scope.cancel()


@asynccontextmanager
async def behind_jitter(tmp_path, *arguments):
  """A server of a simulated venue with many markets, behind a slow network."""
  async with simulator("--markets", "200") as venue, trio.open_nursery() as nursery:
    proxy = Jitter(int(venue.endpoint.rpartition(":")[2]))
    await nursery.start(proxy.run)
    spec = tmp_path / "floods.yaml"
    spec.write_text(SPEC.format(url=f"http://127.0.0.1:{proxy.port}"))
    async with served(str(spec), *arguments, sim=False) as server:
      yield server, venue
    nursery.cancel_scope.cancel()


async def test_the_venue_s_message_limit_holds_when_messages_arrive_closer_than_they_were_sent(
  tmp_path,
):
  async def subscribe(server, number):
    async with client(server.port) as socket:
      channel, symbol = ("trades", "orderbook")[number % 2], f"M{number:03}/USDT"
      await say(socket, type="subscribe", channel=channel, symbol=symbol, exchange="binance")
      await trio.sleep_forever()

  async with behind_jitter(tmp_path) as (server, venue), trio.open_nursery() as nursery:
    for number in range(1, 101):
      # At different times: each alone would be a message.
      nursery.start_soon(subscribe, server, number)
      await trio.sleep(0.05)
    await trio.sleep(1.5)
    stats = await trio.to_thread.run_sync(venue.control, "stats")
    nursery.cancel_scope.cancel()
  (connection,) = stats["connections"]
  assert connection["closed"] is None
  assert len(connection["subscriptions"]) == 102
  assert connection["messages"] > 10


async def test_symbols_that_do_not_exist_cost_the_venue_and_other_clients_nothing(tmp_path):
  auth = tmp_path / "auth.yaml"
  (tmp_path / "alice").write_text(ALICE)
  (tmp_path / "mallory").write_text(MALLORY)
  auth.write_text(AUTH.format(folder=tmp_path))
  async with (
    behind_jitter(tmp_path, "--auth", str(auth)) as (server, venue),
    client(server.port, key=ALICE) as other,
  ):
    await say(other, type="subscribe", channel="trades", symbol="BTC/USDT", exchange="binance")
    await hear(other, lambda message: message["type"] == "trade")
    before = await trio.to_thread.run_sync(venue.control, "stats")
    refused, waits = [], []
    async with trio.open_nursery() as nursery:
      nursery.start_soon(pings, server.port, waits, 0.01, ALICE)
      usual = await usual_wait(waits)
      async with client(server.port, key=MALLORY) as stranger:

        async def answers():
          while True:
            refused.append(json.loads(await stranger.get_message()))

        nursery.start_soon(answers)
        with trio.move_on_after(6):
          for number in range(1_000_000):
            await say(
              stranger,
              type="subscribe",
              channel="trades",
              symbol=f"FAKE{number}/USDT",
              exchange="binance",
            )
            if number % 10 == 9:
              await trio.sleep(0.15)
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    after = await trio.to_thread.run_sync(venue.control, "stats")
    # A real market is there at once for somebody else.
    async with client(server.port, key=ALICE) as third:
      await say(
        third, type="subscribe", channel="orderbook", symbol="M150/USDT", exchange="binance"
      )
      book = await hear(third, lambda message: message["type"] == "orderbook", within=5)
  assert len(before["connections"]) == len(after["connections"]) == 1
  rejected = [m for m in refused if m.get("rejected")]
  limited = [m for m in refused if m.get("code") == LIMIT]
  assert 100 < len(rejected) < 250
  assert len(limited) > 20
  assert all("there is no FAKE" in m["rejected"][0]["reason"] for m in rejected)
  messages = [
    next(c["messages"] for c in s["connections"] if not c["closed"]) for s in (before, after)
  ]
  # Those of before the list was known.
  assert messages[1] - messages[0] < 10
  assert book["symbol"] == "M150/USDT"
  # A busy machine holds up some answers; a loop that is held up holds up all.
  assert statistics.quantiles(waits)[0] < max(0.02, 10 * usual)
  assert not re.search(r"\bgap\b|FAKE", server.errors.decode())
