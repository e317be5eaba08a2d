"""The two ports of `bond serve`, tried by somebody who has only the pages of docs/: whatever comes,
the process goes on, what is held is let go, and others are served."""

import json
import resource
import socket
import struct
import zlib
from contextlib import asynccontextmanager

import httpx
import pytest
import serving
import trio
from browser import NetworkError, Page
from fuzz import PREFACE, UPGRADE, descriptors, faults, fuzz, settled
from serving import served

HOST = b"Host: 127.0.0.1\r\n"
KEY = "8c1d0f7be2a94c55b6f3a7d8e9012345"
OFF_LOOPBACK = ("--host", "0.0.0.0", "--api-host", "0.0.0.0")
ENVIRON = {"BOND_SECRET": "0123456789abcdef-for-tests-only-32", "BOND_API_KEYS": f"ann:{KEY}"}
TICKS = {"sources": {"clock": {"use": "clock.ticks", "with": {"seconds": 0.2}}}}


@asynccontextmanager
async def opened(*arguments, **more):
  """A server, and the ports of its broker and of its control plane."""
  async with served(*arguments, **more) as server:
    api = int((await server.told(rb"api: http://[0-9.]+:\d+")).rpartition(":")[2])
    yield server, server.port, api


def client_of(api, **headers):
  return httpx.AsyncClient(base_url=f"http://127.0.0.1:{api}", timeout=10, headers=headers)


async def said(port, *pieces, within=5.0):
  """Everything that is answered to these bytes until the connection ends, or a time has passed."""
  got = b""
  stream = await trio.open_tcp_stream("127.0.0.1", port)
  async with stream:
    with trio.move_on_after(within):
      try:
        for piece in pieces:
          await stream.send_all(piece)
          await trio.sleep(0.01)
        async for part in stream:
          got += part
      except trio.BrokenResourceError:
        pass
  return got


async def healthy(*ports):
  """Both ports answer."""
  for port in ports:
    assert (await said(port, b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"))[:12] == b"HTTP/1.1 200"


def head(target, *lines, host=HOST):
  return b"GET " + target + b" HTTP/1.1\r\n" + host + UPGRADE + b"".join(lines) + b"\r\n"


def memory(pid):
  """MiB that a process holds."""
  with open(f"/proc/{pid}/statm", encoding="ascii") as file:
    return int(file.read().split()[1]) * resource.getpagesize() / 2**20


async def test_no_single_connection_ends_the_server():
  connect = b"\x00\x00\x15\x01\x05\x00\x00\x00\x01\x02\x07CONNECT\x01\x09127.0.0.1"
  attacks = [
    (head(b"/stream") + b"x",),
    (head(b"/stream", b"Content-Length: 5\r\n"),),
    (head(b"/stream", host=b"Host: elsewhere.example\r\n") + b"x",),
    (head(b"/docs") + b"x",),
    (PREFACE, b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", connect),
    (b"GET / HTTP/1.1\r\n\x00\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
  ]
  async with opened(*OFF_LOOPBACK, environ=ENVIRON) as (server, broker, api):
    for pieces in attacks:
      for port in (broker, api):
        await said(port, *pieces, within=0.5)
        assert server.process.poll() is None, pieces
    await healthy(broker, api)
    assert faults(server.errors) == []


async def test_a_few_thousand_connections_of_any_kind_leave_nothing_behind():
  async with opened() as (server, broker, api):
    pid = server.process.pid
    await fuzz([broker, api], 100, seed="before")
    await settled(pid, 0, within=2.0)
    before = descriptors(pid)
    await fuzz([broker, api], 2_000, seed="doors")
    assert server.process.poll() is None
    assert await settled(pid, before) <= 0
    assert faults(server.errors) == []
    await healthy(broker, api)
  assert server.process.returncode == 0


async def test_a_socket_on_the_control_planes_port_is_the_brokers_and_nothing_is_unpacked():
  packer = zlib.compressobj(9, zlib.DEFLATED, -15)
  # A GiB, of blocks that each stand for a MiB.
  bomb = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 1024
  frame = b"\xc1\xff" + struct.pack("!Q", len(bomb)) + bytes(4) + bomb
  extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
  async with opened() as (server, broker, api):
    # It has the broker's limits, and is in its figures.
    async with await trio.open_tcp_stream("127.0.0.1", api) as stream:
      await stream.send_all(head(b"/raw"))
      await stream.receive_some()
      figures = json.loads((await said(broker, get(b"/metrics"))).partition(b"\r\n\r\n")[2])
      assert figures["clients"] == 1
    for port in (broker, api):
      await healthy(port)
      before = memory(server.process.pid)
      async with trio.open_nursery() as nursery:
        for _ in range(2):
          nursery.start_soon(said, port, head(b"/stream", extension) + frame, CLOSE)
      await healthy(port)
      assert memory(server.process.pid) - before < 64


def get(target, *lines):
  return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"".join(lines) + b"\r\n"


async def test_1_000_held_connections_at_1_024_descriptors_leave_both_ports_to_others(monkeypatch):
  limited = ["bash", "-c", 'ulimit -n 1024; exec "$@"', "-", *serving.BOND]
  monkeypatch.setattr(serving, "BOND", limited)
  soon = ("--handshake-within", "2s", "--api-request-within", "2s")
  async with opened(*soon) as (server, broker, api):
    async with trio.open_nursery() as nursery:
      for port, data in ((broker, b"GET /str"), (api, b"GET /doc")):
        held = [await holding(port, data) for _ in range(1_000)]
        await healthy(broker, api)
        # What says nothing more is let go.
        nursery.start_soon(all_ended, held)
      body = b"POST /v1/streams HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n{"
      assert (await said(api, body)).startswith(b"HTTP/1.1 408 ")
    assert faults(server.errors) == []


async def holding(port, data):
  """A connection from another address that says a little and waits."""
  sock = trio.socket.socket()
  await sock.bind(("127.0.0.9", 0))
  await sock.connect(("127.0.0.1", port))
  try:
    await sock.send(data)
  except OSError:
    pass  # It is one of those that found no place.
  return sock


async def all_ended(held):
  with trio.fail_after(9):
    for sock in held:
      try:
        while await sock.recv(4096):
          pass
      except OSError:
        pass
      sock.close()


async def stalled(port):
  """A client that asks for much and reads nothing of it."""
  sock = trio.socket.socket()
  sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
  await sock.connect(("127.0.0.1", port))
  await sock.send(head(b"/stream"))
  echo = b'{"type":"ping","a":"' + b"a" * 60_000 + b'"}'
  stream = trio.SocketStream(sock)
  with trio.move_on_after(1.0):
    for _ in range(95):
      await stream.send_all(b"\x81\xfe" + struct.pack("!H", len(echo)) + bytes(4) + echo)
  return stream


async def test_clients_that_stop_reading_are_let_go_and_do_not_hold_up_the_end():
  async with opened("--stalled-after", "2s") as (server, _, api):
    pid = server.process.pid
    await healthy(api)
    before = descriptors(pid)
    clients = [await stalled(api) for _ in range(2)]
    assert descriptors(pid) > before
    assert await settled(pid, before, within=10) == 0
    clients += [await stalled(api) for _ in range(2)]
    await server.stop()
    assert server.process.returncode == 0
    for client in clients:
      await client.aclose()


ODD = {
  "two tokens": get(b"/v1/streams?token=a&token=b"),
  "two tokens for a socket": head(b"/stream?token=a&token=b"),
  "300 parameters": get(b"/v1/streams?" + b"a=1&" * 300),
  "300 parameters for a socket": head(b"/stream?" + b"a=1&" * 300),
  "a token that is no ASCII": get(b"/v1/streams", b"Authorization: Bearer \xc3\xa9\r\n"),
  "a token that is no ASCII for a socket": head(b"/raw", b"X-API-Key: \xff\r\n"),
  "the same in the URL": head(b"/raw?token=%C3%A9"),
  "an early close": head(b"/stream")[:40],
  "a disconnect in a body": b"POST /v1/streams HTTP/1.1\r\n"
  + HOST
  + b"Content-Length: 500\r\n\r\n{",
}


async def test_odd_requests_are_answered_and_log_nothing():
  async with opened() as (server, broker, api):
    begins = len(server.errors)
    for name, data in ODD.items():
      for port in (broker, api):
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(data)
        if "close" not in name and "disconnect" not in name:
          with trio.fail_after(5):
            got = await stream.receive_some(1 << 16)
          assert got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101")), (name, got)
        await stream.aclose()
    await trio.sleep(0.3)
    await healthy(broker, api)
    assert server.errors[begins:] == b""


EMPTY, CLOSE = b"\x81\x80\x00\x00\x00\x00", b"\x88\x80\x00\x00\x00\x00"


async def closing(port, target, *lines):
  """The status of the answer to a handshake, and the close code where there is one."""
  got = b""
  stream = await trio.open_tcp_stream("127.0.0.1", port)
  async with stream:
    with trio.fail_after(5):
      await stream.send_all(head(target, *lines) + EMPTY)
      async for part in stream:
        got += part
        top, _, frames = got.partition(b"\r\n\r\n")
        at = frames.rfind(b"\x88")
        if 0 <= at <= len(frames) - 4:
          # Not before: the server answers a client that leaves first with its own code.
          await stream.send_all(CLOSE)
          return top.split()[1], struct.unpack("!H", frames[at + 2 : at + 4])[0]
  return got


async def test_strangers_learn_neither_which_streams_exist_nor_figures():
  async with opened(*OFF_LOOPBACK, environ=ENVIRON) as (_, broker, api):
    async with httpx.AsyncClient(headers={"X-API-Key": KEY}) as http:
      answer = await http.post(f"http://127.0.0.1:{api}/v1/streams", json={"spec": TICKS})
    there, nowhere = answer.json()["stream_id"].encode(), b"0123456789abcdef"
    for lines in ((), (b"X-API-Key: wrong\r\n",), (b"Authorization: Bearer " + there + b"\r\n",)):
      one, other = [await closing(broker, b"/ws/" + name, *lines) for name in (there, nowhere)]
      assert one == other == (b"101", 4500), lines
    shown = f"X-API-Key: {KEY}\r\n".encode()
    assert (await said(broker, head(b"/ws/" + nowhere, shown))).startswith(b"HTTP/1.1 404 ")
    for port in (broker, api):
      assert (await said(port, get(b"/metrics"))).startswith(b"HTTP/1.1 401 ")
      assert (await said(port, get(b"/metrics", shown))).startswith(b"HTTP/1.1 200 ")


async def test_a_stream_that_cannot_be_deleted_now_is_503(tmp_path):
  async with opened(data=tmp_path) as (server, _, api):
    async with client_of(api) as http:
      stream = (await http.post("/v1/streams", json={"spec": TICKS})).json()["stream_id"]
      pid, whole = server.process.pid, resource.RLIM_INFINITY
      # Every write fails, as on a disk that is full.
      resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, whole))
      answer = await http.delete(f"/v1/streams/{stream}")
      assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), answer.text
      resource.prlimit(pid, resource.RLIMIT_FSIZE, (whole, whole))
      assert (await http.delete(f"/v1/streams/{stream}")).status_code == 200
    assert b"Traceback" not in server.errors


PAGE = "https://app.example.com"


async def test_pages_of_listed_origins_can_use_the_control_plane_and_no_others():
  async with opened("--api-origin", PAGE) as (_, _, api), client_of(api) as http:
    asks = {
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type,x-api-key",
    }
    answer = await http.options("/v1/streams", headers={"Origin": PAGE, **asks})
    found = answer.headers
    assert (answer.status_code, answer.content) == (204, b"")
    assert (found["Access-Control-Allow-Origin"], found["Vary"]) == (PAGE, "Origin")
    assert {"GET", "POST", "PUT", "DELETE"} <= set(
      found["Access-Control-Allow-Methods"].split(", ")
    )
    assert {"Content-Type", "X-API-Key", "Authorization"} <= set(
      found["Access-Control-Allow-Headers"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in found
    # Also what says what is wrong can be read by the page.
    bad = {"json": {"spec": {}}, "headers": {"Origin": PAGE}}
    huge = {"content": b"x" * 300_000, "headers": {"Origin": PAGE}}
    for path, more, status in (
      ("/v1/streams", bad, 422),
      ("/nowhere", bad, 405),
      ("/v1/streams", huge, 413),
    ):
      answer = await http.post(path, **more)
      assert answer.status_code in (status, 404)
      assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    for origin in ("https://app.example.com.evil.example", "http://app.example.com", "null", "*"):
      for answer in (
        await http.options("/v1/streams", headers={"Origin": origin, **asks}),
        await http.get("/v1/streams", headers={"Origin": origin}),
      ):
        assert answer.status_code == 403
        assert not [n for n in answer.headers if n.lower().startswith("access-control")]
        assert answer.headers["Vary"] == "Origin"


OTHER_PAGES = (
  "https://app.example.com:8443",
  "https://APP.example.com",
  "https://app.example.com/",
  "https://app.example.com.evil.example",
  "https://evil.example",
  "null",
)


async def test_a_page_does_by_the_fetch_standard_what_the_control_plane_is_for():
  """Each route with its method and headers, as a browser would allow or refuse it."""
  page, as_ann = Page(PAGE), {"X-API-Key": KEY}
  as_json = {**as_ann, "Content-Type": "application/json"}
  body = json.dumps({"spec": TICKS})
  async with opened(*OFF_LOOPBACK, "--api-origin", PAGE, environ=ENVIRON) as (_, _, api):
    url = f"http://127.0.0.1:{api}"
    status, _, text = await page.fetch(f"{url}/v1/streams", "POST", as_json, body)
    assert status == 201, text
    made = f"{url}/v1/streams/{json.loads(text)['stream_id']}"
    for path in ("", "/spec", "/schema", "/metrics"):
      assert (await page.fetch(made + path, headers=as_ann))[0] == 200
    bearer = {"Authorization": f"Bearer {KEY}"}
    assert (await page.fetch(f"{made}/token", "POST", bearer))[0] == 200
    for path in ("/health", "/ready", "/openapi.json", "/docs", "/"):
      # Nothing that a browser would ask about before.
      before = page.preflights
      assert (await page.fetch(url + path))[0] == 200
      assert page.preflights == before
    other = json.dumps(
      {"spec": {"sources": {"it": {"use": "clock.ticks", "with": {"seconds": 9}}}}}
    )
    status, _, text = await page.fetch(made, "PUT", as_json, other)
    assert status == 200, text
    made = f"{url}/v1/streams/{json.loads(text)['stream_id']}"
    assert (await page.fetch(made, "DELETE", as_ann))[0] == 200
    # What went wrong is for the page to read, with what it shall do about it.
    status, headers, text = await page.fetch(f"{url}/v1/streams", "GET")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert "credentials" in json.loads(text)["detail"]
    for refused in (
      page.fetch(f"{url}/v1/streams", "PATCH", as_json, body),
      page.fetch(f"{url}/v1/streams", "POST", {**as_json, "X-Other": "1"}, body),
    ):
      with pytest.raises(NetworkError):
        await refused


async def test_other_pages_neither_read_nor_do_anything():
  async with opened("--api-origin", PAGE) as (_, _, api):
    for origin in OTHER_PAGES:
      await has_nothing_of_it(Page(origin), api)
    async with client_of(api) as http:
      # A page of the server's own may.
      own = Page(f"http://127.0.0.1:{api}")
      assert (await own.fetch(f"http://127.0.0.1:{api}/health"))[0] == 200
      assert (await http.get("/v1/streams")).json() == []


async def has_nothing_of_it(page, api):
  url = f"http://127.0.0.1:{api}"
  for method, path, headers, body in (
    ("GET", "/health", {}, None),
    ("GET", "/v1/streams", {"X-API-Key": KEY}, None),
    ("POST", "/v1/streams", {"Content-Type": "application/json"}, json.dumps({"spec": TICKS})),
    # These a browser sends without a preflight: the server has to refuse them by itself.
    ("POST", "/v1/streams", {"Content-Type": "text/plain"}, json.dumps({"spec": TICKS})),
    ("POST", "/v1/streams/parse", {}, '{"natural_language": "BTC price"}'),
    ("DELETE", "/v1/streams/0123456789abcdef", {}, None),
  ):
    with pytest.raises(NetworkError):
      await page.fetch(url + path, method, headers, body)


@pytest.mark.slow
async def test_100_000_connections_leave_nothing_behind():
  """`tox -e outside`; a fault can be sought with `python -m tests.outside.fuzz`."""
  async with opened() as (server, broker, api):
    pid = server.process.pid
    await fuzz([broker, api], 200, seed="before")
    await settled(pid, 0, within=12.0)
    before = descriptors(pid)
    await fuzz([broker, api], 100_000, seed="all")
    assert server.process.poll() is None
    assert await settled(pid, before) <= 0
    assert faults(server.errors) == []
  assert server.process.returncode == 0


async def test_a_stranger_who_closes_at_once_is_let_go_and_logs_nothing():
  close = b"\x88\x82\x00\x00\x00\x00\x03\xe8"
  async with opened(*OFF_LOOPBACK, environ=ENVIRON) as (server, broker, _):
    with trio.fail_after(4):
      answer = await said(broker, head(b"/ws/0123456789abcdef"), close)
    assert answer[:12] == b"HTTP/1.1 101"
    assert answer.endswith(b"\x88\x02\x03\xe8")
    assert faults(server.errors) == []
