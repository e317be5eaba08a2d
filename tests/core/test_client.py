"""The websocket client on real sockets, against an independent server."""

import contextlib
import ssl
import threading
import time

import pytest
import trio
import trio.testing
import trustme
from trio_websocket import ConnectionClosed, serve_websocket
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri
from websockets.utils import accept_key

from bond_core import Disconnected, Refused, Unavailable
from bond_core._ws.client import HandshakeRefused, WebSocket, open_websocket
from bond_core._ws.frames import text_frame


async def serving(nursery, handler, context=None):
  server = await nursery.start(serve_websocket, handler, "127.0.0.1", 0, context)
  return server.port


async def test_messages_both_ways_and_the_servers_close_reason():
  async def handler(request):
    websocket = await request.accept()
    await websocket.send_message("first")
    await websocket.send_message(b"second")
    assert await websocket.get_message() == "hello"
    assert await websocket.get_message() == b"\x00"
    await websocket.aclose(4001, "that is all")

  async with trio.open_nursery() as nursery:
    port = await serving(nursery, handler)
    async with open_websocket(f"ws://127.0.0.1:{port}/feed") as websocket:
      got = []
      while len(got) < 2:
        got += await websocket.receive()
      assert got == [b"first", b"second"]
      await websocket.send(b"hello")
      await websocket.send_binary(b"\x00")
      with pytest.raises(Disconnected, match=r"code 4001 \(that is all\)"):
        await websocket.receive()
    nursery.cancel_scope.cancel()


async def test_a_burst_arrives_whole_and_in_order():
  async def handler(request):
    websocket = await request.accept()
    for i in range(3000):
      await websocket.send_message(f"{i} " + "x" * (i % 300))
    with contextlib.suppress(ConnectionClosed):
      await websocket.get_message()

  async with trio.open_nursery() as nursery:
    port = await serving(nursery, handler)
    async with open_websocket(f"ws://127.0.0.1:{port}/") as websocket:
      got = []
      while len(got) < 3000:
        got += await websocket.receive()
    assert [int(m.split()[0]) for m in got] == list(range(3000))
    nursery.cancel_scope.cancel()


async def test_binary_is_distinguished_from_text():
  async def handler(request):
    websocket = await request.accept()
    for message in ("text", b"binary", "text", b"binary"):
      await websocket.send_message(message)
    await trio.sleep_forever()

  async with trio.open_nursery() as nursery:
    port = await serving(nursery, handler)
    async with open_websocket(f"ws://127.0.0.1:{port}/") as websocket:
      got = []
      while len(got) < 4:
        messages = await websocket.receive()
        got += [(place in websocket.binary, message) for place, message in enumerate(messages)]
      assert got == [(False, b"text"), (True, b"binary")] * 2
    nursery.cancel_scope.cancel()


async def accept_with(stream, frames):
  """Accepts a WebSocket and sends `frames` in the same write as the answer."""
  head = b""
  while b"\r\n\r\n" not in head:
    head += await stream.receive_some()
  key = next(x for x in head.split(b"\r\n") if x.lower().startswith(b"sec-websocket-key"))
  accept = accept_key(key.split(b": ")[1].decode())
  answer = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
  )
  await stream.send_all(answer.encode() + frames)


async def test_messages_right_behind_the_handshake_are_not_lost_however_many():
  async def blast(stream):
    await accept_with(stream, b"".join(text_frame(b"%06d" % i) for i in range(50_000)))
    await trio.sleep_forever()

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, blast, 0)
    port = listeners[0].socket.getsockname()[1]
    async with open_websocket(f"ws://127.0.0.1:{port}/") as websocket:
      got = []
      while len(got) < 50_000:
        got += await websocket.receive()
    assert [int(m) for m in got] == list(range(50_000))
    nursery.cancel_scope.cancel()


async def test_a_ping_and_a_close_right_behind_the_handshake_are_answered():
  answers = b""

  async def hasty(stream):
    nonlocal answers
    await accept_with(stream, b"\x89\x01p" + b"\x88\x02\x03\xe8")
    async for data in stream:
      answers += data
    nursery.cancel_scope.cancel()

  with trio.fail_after(30):
    async with trio.open_nursery() as nursery:
      listeners = await nursery.start(trio.serve_tcp, hasty, 0)
      port = listeners[0].socket.getsockname()[1]
      async with open_websocket(f"ws://127.0.0.1:{port}/") as websocket:
        with pytest.raises(Disconnected, match="closed by the other side with code 1000"):
          await websocket.receive()
      await trio.sleep_forever()
  assert (answers[0], answers[7]) == (0x8A, 0x88)


async def test_messages_before_a_cut_are_not_lost_although_a_pong_cannot_be_written():
  ours, theirs = trio.testing.memory_stream_pair()
  protocol = ClientProtocol(parse_uri("ws://venue/"), state=State.OPEN)
  await theirs.send_all(text_frame(b"last words") + b"\x89\x01p")
  await theirs.aclose()
  websocket = WebSocket(ours, protocol, 1000)
  assert await websocket.receive() == [b"last words"]
  with pytest.raises(Disconnected, match="cut off"):
    await websocket.receive()


async def test_pings_are_answered_both_ways():
  async def handler(request):
    websocket = await request.accept()
    with trio.fail_after(30):
      await websocket.ping(b"are you there")
      await websocket.send_message("yes")
    await trio.sleep_forever()

  async with trio.open_nursery() as nursery:
    port = await serving(nursery, handler)
    async with open_websocket(f"ws://127.0.0.1:{port}/") as websocket:
      await websocket.ping()
      assert await websocket.receive() == [b"yes"]
      with trio.move_on_after(0.2):
        await websocket.receive()
      assert websocket.pongs == 1
    nursery.cancel_scope.cancel()


async def test_a_refused_handshake_carries_status_headers_and_body():
  async def refuse(stream):
    await stream.receive_some()
    await stream.send_all(
      b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nslow down"
    )

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, refuse, 0)
    port = listeners[0].socket.getsockname()[1]
    with pytest.raises(HandshakeRefused) as refused:
      async with open_websocket(f"ws://127.0.0.1:{port}/"):
        raise AssertionError("opened")
    assert refused.value.status == 429
    assert refused.value.headers["retry-after"] == "7"
    assert refused.value.body == b"slow down"
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"x" * 70_000])
async def test_a_server_that_is_no_websocket_server_is_a_disconnection(answer):
  async def other(stream):
    await stream.receive_some()
    await stream.send_all(answer)

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, other, 0)
    port = listeners[0].socket.getsockname()[1]
    with pytest.raises(Disconnected):
      async with open_websocket(f"ws://127.0.0.1:{port}/"):
        raise AssertionError("opened")
    nursery.cancel_scope.cancel()


async def test_a_server_that_never_answers_is_given_up():
  async def silent(stream):
    await trio.sleep_forever()

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, silent, 0)
    port = listeners[0].socket.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(Disconnected, match=r"within 0\.2 s"):
      async with open_websocket(f"ws://127.0.0.1:{port}/", open_timeout=0.2):
        raise AssertionError("opened")
    assert time.monotonic() - started < 3
    nursery.cancel_scope.cancel()


async def test_no_listener_and_bad_urls_are_sentences():
  with pytest.raises(Disconnected, match=r"cannot connect to 127\.0\.0\.1:1"):
    async with open_websocket("ws://127.0.0.1:1/"):
      raise AssertionError("opened")
  with pytest.raises(Refused, match="is not a websocket URL"):
    async with open_websocket("http://127.0.0.1/"):
      raise AssertionError("opened")


async def test_a_message_over_the_limit_ends_the_connection():
  async def handler(request):
    websocket = await request.accept()
    await websocket.send_message("y" * 5000)
    await trio.sleep_forever()

  async with trio.open_nursery() as nursery:
    port = await serving(nursery, handler)
    async with open_websocket(f"ws://127.0.0.1:{port}/", max_message_bytes=1000) as websocket:
      with pytest.raises(Disconnected, match="1009"):
        await websocket.receive()
    nursery.cancel_scope.cancel()


def tls_context(authority, name):
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  authority.issue_cert(name).configure_cert(context)
  return context


async def echo(request):
  websocket = await request.accept()
  await websocket.send_message("secret")
  await trio.sleep_forever()


async def test_tls_is_verified_and_a_pinned_address_still_needs_the_right_name():
  authority = trustme.CA()
  trusting = ssl.create_default_context()
  authority.configure_trust(trusting)
  async with trio.open_nursery() as nursery:
    port = await serving(nursery, echo, tls_context(authority, "venue.test"))
    url = f"wss://venue.test:{port}/"
    async with open_websocket(url, addresses=["127.0.0.1"], tls=trusting) as websocket:
      assert await websocket.receive() == [b"secret"]
    with pytest.raises(Unavailable, match=r"certificate of venue\.test was not accepted"):
      async with open_websocket(url, addresses=["127.0.0.1"]):
        raise AssertionError("opened")
    with pytest.raises(Unavailable, match=r"certificate of other\.test was not accepted"):
      async with open_websocket(f"wss://other.test:{port}/", addresses=["127.0.0.1"], tls=trusting):
        raise AssertionError("opened")
    nursery.cancel_scope.cancel()


async def test_what_the_machine_trusts_is_read_off_the_loop(monkeypatch):
  authority, threads = trustme.CA(), []
  made = ssl.create_default_context

  def read_and_trust():
    threads.append(threading.current_thread())
    context = made()
    authority.configure_trust(context)
    return context

  monkeypatch.setattr("ssl.create_default_context", read_and_trust)
  async with trio.open_nursery() as nursery:
    port = await serving(nursery, echo, tls_context(authority, "venue.test"))
    url = f"wss://venue.test:{port}/"
    async with open_websocket(url, addresses=["127.0.0.1"]) as websocket:
      assert await websocket.receive() == [b"secret"]
    nursery.cancel_scope.cancel()
  assert threads
  assert threading.current_thread() not in threads


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch):
  monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
  monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
  async with trio.open_nursery() as nursery:
    port = await serving(nursery, echo)
    async with open_websocket(f"ws://127.0.0.1:{port}/") as websocket:
      assert await websocket.receive() == [b"secret"]
    nursery.cancel_scope.cancel()


async def test_a_server_that_somebody_else_named_has_a_share_of_the_loop_only():
  async def blast(stream):
    with contextlib.suppress(trio.BrokenResourceError):
      await accept_with(stream, text_frame(b"{}") * 400_000)

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, blast, 0)
    port = listeners[0].socket.getsockname()[1]
    url, sizes, busy = f"ws://venue.example:{port}/", [], 0.0
    began = trio.current_time()
    async with open_websocket(url, addresses=["127.0.0.1"]) as websocket:
      while len(sizes) < 12:
        got = await websocket.receive()
        sizes.append(len(got))
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
          pass
        busy += 0.02
    # It never rests for less than twice as long as what came has held the loop.
    assert trio.current_time() - began >= 2.5 * busy
    # The first ones came with the answer to the handshake.
    assert max(sizes[-8:]) <= 16_384 // 4 + 1
    nursery.cancel_scope.cancel()
