"""Clients that send anything, over real sockets: each has its answer, and no other client
notices."""

import json

import pytest
import trio
from bond_broker.server.backing import Backing
from bond_server.access.access import OpenAccess
from readers import connected, serving

from bond_core._clock import SystemClock
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import MemoryLog

UPGRADE = (
  b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def get(target, *lines, host=b"Host: localhost\r\n"):
  return b"GET " + target + b" HTTP/1.1\r\n" + host + b"".join(lines) + b"\r\n"


HEADS = {
  "two hosts": (get(b"/health", b"Host: other\r\n"), 400),
  "no host": (get(b"/health", host=b""), 421),
  "two slashes and a bracket": (get(b"//[x"), 404),
  "a path that is no text": (get(b"/%ff%00"), 404),
  "a query that is no text": (get(b"/raw?exchange=%ff&symbol=%00"), 400),
  "two upgrades": (get(b"/stream", UPGRADE, b"Upgrade: h2c\r\n"), 426),
  "two origins": (get(b"/stream", UPGRADE, b"Origin: null\r\nOrigin: http://a\r\n"), 400),
  "two accepts": (get(b"/metrics", b"Accept: text/html\r\nAccept: text/plain\r\n"), 200),
  "a whole URL": (get(b"http://localhost/health"), 200),
  "another method": (b"DELETE /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
  "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
  "an endless head": (b"GET /stream HTTP/1.1\r\n" + b"A: b\r\n" * 3_000, 431),
}


async def answer(port, data):
  """The whole answer to these bytes."""
  stream = await trio.open_tcp_stream("127.0.0.1", port)
  async with stream:
    with trio.fail_after(60):
      await stream.send_all(data)
      got = b""
      async for part in stream:
        got += part
      return got


async def test_any_head_is_answered_and_the_server_goes_on():
  async with serving() as broker:
    for name, (data, status) in HEADS.items():
      got = await answer(broker.port, data)
      assert got.startswith(f"HTTP/1.1 {status} ".encode()), (name, got[:80])
      healthy = await answer(broker.port, get(b"/health"))
      assert healthy.startswith(b"HTTP/1.1 200 "), name
    # None of them was an error of the server's own.
    assert broker.refused["failed"] == 0


async def test_a_stream_that_is_not_there_yet_is_to_be_tried_again_and_else_it_is_unknown():
  begins = [True]
  log = DurableLog(MemoryLog("market", stamps=True), None)
  clock = SystemClock()
  backing = Backing(clock=clock, access=OpenAccess(clock), log=log, starting=lambda: begins[0])
  stream, nothing = (get(path, UPGRADE) for path in (b"/ws/0123456789abcdef", b"/nothing"))
  async with serving(log, backing=backing) as broker:
    got = await answer(broker.port, stream)
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in got
    assert (await answer(broker.port, nothing)).startswith(b"HTTP/1.1 404 ")
    begins[0] = False
    assert (await answer(broker.port, stream)).startswith(b"HTTP/1.1 404 ")
    assert broker.refused == {"starting": 1}


@pytest.mark.parametrize(
  ("target", "name"),
  [
    ("/raw?channels=quotez", "bad_request"),
    ("/raw?symbol=%ff", "bad_request"),
    ("/raw?policy=best", "bad_request"),
    ("/raw?from=yesterday", "bad_from"),
    ("/raw?exchange=nowhere", "unknown_exchange"),
    ("/raw?exchange=%ff%00", "unknown_exchange"),
  ],
)
async def test_a_url_that_cannot_be_understood_is_an_error_and_then_1003(target, name):
  async with serving() as broker, connected(broker, target) as client:
    error = await client.until(lambda m: m["type"] == "error")
    assert (error["name"], error["code"], error["retryable"]) == (name, 4501, False)
    assert (await client.to_the_end()).code == 1003


MESSAGES = {
  "no JSON": (b"subscribe", "bad_request"),
  "no UTF-8 in a text of JSON": (b'{"type":"subscribe","id":"\\udc00"}', "bad_request"),
  "nested deeply": (b'{"type":"ping","a":' + b"[" * 970 + b"]" * 970 + b"}", "bad_request"),
  "an unknown type": (b'{"type":"hello"}', "bad_type"),
  "a bad subscribe": (b'{"type":"subscribe","id":1,"raw":"yes"}', "bad_subscribe"),
  "a bad from": (b'{"type":"subscribe","id":1,"from":"yesterday"}', "bad_from"),
  "an unsubscribe from nothing": (b'{"type":"unsubscribe","id":"x"}', "bad_unsubscribe"),
}


NO_REQUEST = [
  name for name, (_, expected) in MESSAGES.items() if expected in ("bad_request", "bad_type")
]


@pytest.mark.parametrize("name", NO_REQUEST)
async def test_a_first_message_that_is_no_request_is_an_error_and_then_1003(name):
  data, expected = MESSAGES[name]
  async with serving() as broker, connected(broker) as client:
    await client.say(data)
    error = await client.until(lambda m: m["type"] == "error")
    assert error["name"] == expected
    assert list(error) == ["type", "code", "name", "message", "retryable", "id"]
    assert (await client.to_the_end()).code == 1003
    assert broker.refused["failed"] == 0


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - set(NO_REQUEST)))
async def test_after_a_first_request_that_is_wrong_the_next_one_counts(name):
  data, expected = MESSAGES[name]
  async with serving() as broker, connected(broker) as client:
    await client.say(data)
    error = await client.until(lambda m: m["type"] == "error")
    assert (error["name"], error["id"]) == (expected, json.loads(data)["id"])
    assert (await client.subscribe())["status"] == "subscribed"


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_malformed_later_message_changes_nothing_else(name):
  data, expected = MESSAGES[name]
  async with serving() as broker, connected(broker) as client:
    ack = await client.subscribe()
    await client.say(data)
    assert (await client.until(lambda m: m["type"] == "error"))["name"] == expected
    await client.say({"type": "subscriptions"})
    again = await client.until(lambda m: m["type"] == "system")
    assert again["subscriptions"] == ack["subscriptions"]


async def test_the_largest_echo_comes_back_whole():
  async with serving() as broker, connected(broker) as client:
    ping = {"type": "ping", "list": list(range(10_000)), "deep": json.loads("[" * 20 + "]" * 20)}
    await client.say(ping)
    assert await client.until(lambda m: m["type"] == "pong") == ping | {"type": "pong"}


async def test_a_message_over_the_limit_closes_with_1009():
  async with serving() as broker, connected(broker) as client:
    await client.subscribe()
    await client.say(b'{"type":"ping","a":"' + b"x" * 65_536 + b'"}')
    assert (await client.to_the_end()).code == 1009
