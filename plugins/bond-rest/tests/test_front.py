"""The control plane's port: one HTTP/1.1 request a connection, each with its limits, and nothing
else."""

import h11
import pytest
import trio
import trio.lowlevel
from control_plane import serving

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /v1/streams/parse HTTP/1.1\r\n" + HOST


async def connect(api):
  return await trio.open_tcp_stream("127.0.0.1", int(api.url.rpartition(":")[2]))


async def rest_of(stream, within=5.0):
  got = b""
  with trio.fail_after(within):
    async for part in stream:
      got += part
  return got


async def answers(api, *pieces, within=5.0):
  """All that comes until the server ends the connection."""
  async with await connect(api) as stream:
    for piece in pieces:
      await stream.send_all(piece)
      await trio.sleep(0.01)
    return await rest_of(stream, within)


def status_of(got):
  return int(got.split(b" ", 2)[1])


async def test_a_second_request_on_a_connection_is_not_read(api):
  one = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
  upgrade = b"GET /stream HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\n\r\n"
  for second in (one, upgrade, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
    got = await answers(api, one + second)
    assert got.count(b"HTTP/1.1 ") == 1
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in got.lower()


@pytest.mark.parametrize(
  ("data", "status"),
  [
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\n" + b"A: " + b"b" * 70_000, 431),
    (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /ws/0123456789abcdef HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\n\r\n", 404),
    (b"GET http://127.0.0.1/livez HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    (b"GET /livez HTTP/1.0\r\n" + HOST + b"\r\n", 200),
    # h2c is not offered, so it is as if it had not been requested (RFC 9110, 7.8).
    (b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
    (b"HEAD /livez HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    (POST + b"Content-Length: 999999999\r\n\r\n", 413),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
  ],
)
async def test_each_head_has_its_answer_and_the_connection_ends(api, data, status):
  assert status_of(await answers(api, data)) == status


async def test_a_body_comes_in_pieces_or_chunks_and_is_asked_for(api):
  body = b'{"natural_language": "ETH trades"}'
  chunked = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
  for pieces in (
    (POST + b"Content-Length: %d\r\n\r\n" % len(body), body[:5], body[5:]),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n", chunked[:40], chunked[40:] + b"0\r\n\r\n"),
  ):
    assert status_of(await answers(api, *pieces)) == 200
  async with await connect(api) as stream:
    await stream.send_all(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
    with trio.fail_after(60):
      assert status_of(await stream.receive_some()) == 100
    await stream.send_all(body)
    assert status_of(await rest_of(stream)) == 200


async def test_what_does_not_come_in_time_is_408_and_leaves_nothing(tmp_path):
  async with serving(tmp_path, request_within=0.3) as api:
    before = trio.lowlevel.current_statistics().tasks_living
    assert await answers(api) == b""
    assert status_of(await answers(api, b"GET /live")) == 408
    assert status_of(await answers(api, POST + b"Content-Length: 9\r\n\r\n{")) == 408
    dripping = [POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 60]
    assert status_of(await answers(api, *dripping)) == 408
    # Those who leave in between are forgotten at once.
    for data in (b"GET /live", POST + b"Content-Length: 9\r\n\r\n{"):
      async with await connect(api) as stream:
        await stream.send_all(data)
    await trio.sleep(0.1)
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_client_that_takes_no_answer_is_let_go(api, monkeypatch):
  monkeypatch.setattr("bond_rest.exchange.TAKE_WITHIN", 0.2)
  monkeypatch.setattr("bond_rest.exchange.PART_WITHIN", 0.2)
  before = trio.lowlevel.current_statistics().tasks_living
  async with await connect(api) as stream:
    await stream.send_all(b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n")
    with trio.fail_after(60):
      await trio.sleep(0.1)
      while trio.lowlevel.current_statistics().tasks_living > before:
        await trio.sleep(0.05)


async def test_more_connections_than_there_are_places_are_answered_with_503(tmp_path):
  async with serving(tmp_path, max_per_address=3) as api:
    held = [await connect(api) for _ in range(3)]
    for stream in held:
      await stream.send_all(b"GET ")
    await trio.sleep(0.1)
    got = await answers(api, b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
    assert status_of(got) == 503
    assert b"\r\nRetry-After: " in got
    for stream in held:
      await stream.aclose()
    await trio.sleep(0.1)
    assert (await api.call("GET", "/livez")).status_code == 200


async def test_what_fails_while_it_is_answered_is_that_connections_own(api, monkeypatch, caplog):
  def fail(*arguments, **more):
    raise ExceptionGroup("several", [h11.LocalProtocolError("this"), ValueError("that")])

  with monkeypatch.context() as patch:
    patch.setattr(api.server, "sources", fail)
    assert (await api.call("GET", "/livez")).status_code == 500
    patch.setattr("bond_rest.front.Exchange.run", fail)
    assert await answers(api, b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n") == b""
  assert "a connection failed with ExceptionGroup: several" in caplog.text
  assert (await api.call("GET", "/livez")).status_code == 200
