"""Too many connections, and connections that say too little: each is refused with a sentence, and
clients that were there before notice nothing. On real sockets."""

import json
from contextlib import AsyncExitStack

import pytest
import trio
from readers import Closed, connected, serving

from bond_core import Trade

WITHIN = 1.0


def trade(number):
  return Trade(
    exchange="x", symbol="BTC/USDT", market_type="spot", price=float(number), size=1.0, ts_event=1
  )


async def drip(broker, source, gone):
  """Opens a connection from an address of this machine and sends a request byte by byte, until the
  broker has enough of it; puts the answer into `gone`."""
  sock = trio.socket.socket()
  await sock.bind((source, 0))
  with sock:
    await sock.connect(("127.0.0.1", broker.port))
    answer = b""
    try:
      for byte in b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Drip: " + b"x" * 100:
        await sock.send(bytes([byte]))
        with trio.move_on_after(0.5):
          answer = await sock.recv(4096)
          break
    except OSError:
      pass
    gone.append(answer)


async def flood(count, at_once, within=WITHIN):
  """That many dripping connections from eight addresses, beside a client that reads and one that
  wants to come in. How many ended, and how many of them the broker refused at once."""
  gone = []
  async with serving(handshake_within=within) as broker, connected(broker) as reader:
    await reader.subscribe()
    published = 0

    async def publish():
      nonlocal published
      while True:
        published += 1
        broker.log.ring.append([trade(published)])
        await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
      nursery.start_soon(publish)
      limiter = trio.CapacityLimiter(at_once)

      async def one(number):
        async with limiter:
          await drip(broker, f"127.0.0.{2 + number % 8}", gone)

      async with trio.open_nursery() as drips:
        for number in range(count):
          drips.start_soon(one, number)
      # The places are free again, and a newcomer finds one.
      async with connected(broker) as newcomer:
        await newcomer.subscribe()
        assert await newcomer.take("trade", 1)
      nursery.cancel_scope.cancel()
    numbers = [m["price"] for m in await reader.take("trade", published, within=5)]
    assert numbers == list(range(1, published + 1))
    assert broker.seats.waiting == 0
    assert broker.seats.connections == 1
    refused = [answer for answer in gone if answer]
    # A refusal may be lost with its connection, where the machine is too busy to read it at once.
    assert broker.refused["limit"] >= len(refused)
    assert broker.refused["handshake"] + broker.refused["limit"] == count
    for answer in refused:
      assert answer.startswith(b"HTTP/1.1 503 ")
      assert b"Retry-After: " in answer
  return len(gone), broker.refused["limit"]


async def test_connections_that_drip_are_dropped_and_no_other_client_notices():
  assert await flood(400, at_once=400) == (400, 0)


async def test_more_dripping_connections_than_may_wait_are_sent_away_for_a_while():
  # None has to go for the time it takes, so that a busy machine may open them as slowly as it will.
  gone = []
  async with serving(handshake_within=120) as broker:
    async with trio.open_nursery() as drips:
      for number in range(1500):
        drips.start_soon(drip, broker, f"127.0.0.{2 + number % 8}", gone)
      with trio.fail_after(100):
        while broker.refused["limit"] + broker.seats.waiting < 1500:
          await trio.sleep(0.05)
      assert 0 < broker.refused["limit"] <= 500
      drips.cancel_scope.cancel()
    # The places are free again, and a newcomer finds one.
    with trio.fail_after(30):
      while broker.seats.waiting:
        await trio.sleep(0.05)
    async with connected(broker) as newcomer:
      assert (await newcomer.subscribe())["status"] == "subscribed"
  for answer in filter(None, gone):
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " in answer


@pytest.mark.slow
async def test_5_000_connections_that_drip_are_dropped_and_no_other_client_notices():
  gone, refused = await flood(5000, at_once=5000)
  assert gone == 5000
  assert 0 < refused <= 4000


async def test_a_client_that_opens_and_sends_nothing_has_an_answer_and_is_closed():
  async with serving(handshake_within=0.3) as broker, connected(broker) as reader:
    closed = await reader.to_the_end()
    # Whoever was held up, and not silent, comes back.
    assert closed.code == 4008
    (error,) = reader.messages
    assert (error["code"], error["name"], error["retryable"]) == (4008, "no_request", True)
    assert error["message"] == "no request within 0.3 s; send a subscribe message"


async def refused_at_the_door(broker):
  async with connected(broker) as reader:
    return reader.head.decode(), json.loads(reader.buffer)["error"]


@pytest.mark.parametrize(
  ("limit", "message"),
  [("max_per_address", "from your address already"), ("max_clients", "has its 3 connections")],
)
async def test_one_connection_too_many_is_a_503_that_says_when_to_come_back(limit, message):
  async with serving(**{limit: 3}) as broker, AsyncExitStack() as stack:
    first, *_ = [await stack.enter_async_context(connected(broker)) for _ in range(3)]
    head, error = await refused_at_the_door(broker)
    assert head.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 5" in head
    assert message in error
    # A place that becomes free is given to the next.
    await first.stream.aclose()
    with trio.fail_after(5):
      while broker.seats.connections == 3:
        await trio.sleep(0.01)
    async with connected(broker) as reader:
      assert " 101 " in reader.head.decode()


async def test_one_connection_too_many_of_a_principal_is_4504():
  async with serving(max_per_principal=1) as broker, connected(broker) as first:
    await first.subscribe()
    async with connected(broker) as second:
      closed = await second.to_the_end()
      assert closed.code == 4504
      assert second.messages[-1]["name"] == "limit"
      assert "there are 1 connections with these credentials" in closed.reason


async def test_one_subscription_too_many_is_4504_and_the_others_stay():
  async with serving(max_subscriptions=2) as broker, connected(broker) as reader:
    for number in range(2):
      assert (await reader.subscribe(id=number))["type"] == "system"
    error = await reader.subscribe(id=2)
    assert (error["type"], error["code"], error["id"]) == ("error", 4504, 2)
    broker.log.ring.append([trade(1)])
    assert await reader.take("trade", 1)
    await reader.say({"type": "unsubscribe", "id": 0})
    await reader.until(lambda m: m.get("status") == "unsubscribed")
    assert (await reader.subscribe(id=3))["type"] == "system"


async def test_a_message_that_never_ends_is_cut_at_the_limit():
  async with serving(max_message=4096) as broker, connected(broker) as reader:
    with pytest.raises((Closed, OSError, trio.BrokenResourceError)):
      # A text frame that announces a gigabyte and begins to send it.
      await reader.stream.send_all(b"\x81\xff" + (1 << 30).to_bytes(8, "big") + b"\0" * 4)
      while True:
        await reader.stream.send_all(b"a" * 4096)
        with trio.move_on_after(0.05):
          await reader.read()
    assert reader.closed is None or reader.closed.code in (1006, 1009)
    with trio.fail_after(5):
      while broker.sessions:
        await trio.sleep(0.01)
