"""Passwords, TLS, Unix sockets and clusters, on servers that have them; and nothing leaks."""

import logging
import ssl
import threading
import traceback
from contextlib import aclosing
from functools import partial

import coredis
import pytest
import trio
import trustme
from bond_redis.config import Streams
from bond_redis.engine import open_engine
from redis_server import events, numbers, same

from bond_core import Secret
from bond_core.logs import EngineError, Record

CANARY = "canary-3f9a"


async def works(config, name="market"):
  async with open_engine(config, name) as engine:
    await engine.write([Record(1, 5, events(1, 10))])
    assert numbers(await engine.read(1, 999)) == same(range(1, 11))
    async with aclosing(engine.follow(5)) as news:
      assert numbers(await anext(news)) == same(range(6, 11))


async def fails(config, message):
  with pytest.raises(EngineError, match=message) as raised:
    async with open_engine(config, "market"):
      raise AssertionError("it was opened")
  shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(config)
  assert CANARY not in shown


async def test_a_password_opens_and_is_never_shown(start_server, monkeypatch, caplog):
  caplog.set_level(logging.DEBUG)
  server = start_server("--requirepass", CANARY)
  monkeypatch.setenv("PW", CANARY)
  await works(Streams(url=server.url, password=Secret("PW")))
  monkeypatch.setenv("REDIS_URL", server.url.replace("//", f"//:{CANARY}@"))
  await works(Streams(), "stream:ab")
  monkeypatch.setenv("REDIS_URL", server.url.replace("//", f"//:{CANARY}-wrong@"))
  await fails(Streams(), r"redis://127\.0\.0\.1:\d+ refused: .*invalid username-password")
  await fails(Streams(url=server.url), "refused: .*(?i:auth)")
  server.kill()
  await fails(Streams(url=server.url, password=Secret("PW")), "cannot be reached: .*refused")
  assert CANARY not in caplog.text


async def test_what_a_server_repeats_of_a_password_is_left_out(monkeypatch):
  # Redis before 6 does not know HELLO, and says with which arguments.
  async def old(stream):
    async with stream:
      await stream.receive_some()
      args = f"with args beginning with: '3', 'AUTH', 'default', '{CANARY}', "
      await stream.send_all(f"-ERR unknown command `HELLO`, {args}\r\n".encode())
      await stream.receive_some()

  async with trio.open_nursery() as nursery:
    listeners = await nursery.start(trio.serve_tcp, old, 0)
    port = listeners[0].socket.getsockname()[1]
    monkeypatch.setenv("PW", CANARY)
    await fails(
      Streams(url=f"redis://127.0.0.1:{port}", password=Secret("PW"), timeout=10.0), r"\*\*\*"
    )
    nursery.cancel_scope.cancel()


async def test_what_this_machine_trusts_is_read_off_the_event_loop(server, monkeypatch):
  threads, make = [], ssl.create_default_context

  def trusted():
    threads.append(threading.get_ident())
    return make()

  monkeypatch.setattr(ssl, "create_default_context", trusted)
  # The server speaks no TLS.
  await fails(Streams(url=f"rediss://127.0.0.1:{server.port}", timeout=0.5), "did not answer")
  assert threads
  assert threading.get_ident() not in threads


async def test_tls_is_spoken_and_the_certificate_checked(server, monkeypatch, tmp_path):
  authority = trustme.CA()
  context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
  authority.issue_cert("localhost").configure_cert(context)

  async def pass_on(stream):
    inner = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream, inner, trio.open_nursery() as nursery:
      nursery.start_soon(carry, stream, inner, nursery.cancel_scope)
      nursery.start_soon(carry, inner, stream, nursery.cancel_scope)

  async def carry(source, target, scope):
    try:
      async for data in source:
        await target.send_all(data)
    except trio.BrokenResourceError:
      # The client did not like the certificate.
      scope.cancel()
    scope.cancel()

  async with trio.open_nursery() as nursery:
    serve = partial(trio.serve_ssl_over_tcp, pass_on, 0, context, https_compatible=True)
    listeners = await nursery.start(partial(serve, host="127.0.0.1"))
    port = listeners[0].transport_listener.socket.getsockname()[1]
    await fails(Streams(url=f"rediss://localhost:{port}"), "cannot be reached: .*certificate")
    with authority.cert_pem.tempfile(dir=str(tmp_path)) as path:
      monkeypatch.setenv("SSL_CERT_FILE", path)
      await works(Streams(url=f"rediss://localhost:{port}"))
      # The authority is known, but it is another host's certificate.
      await fails(Streams(url=f"rediss://127.0.0.1:{port}"), "cannot be reached: .*certificate")
    nursery.cancel_scope.cancel()


async def test_a_unix_socket_and_another_database(start_server, tmp_path):
  server = start_server("--unixsocket", str(tmp_path / "redis.sock"))
  await works(Streams(url=f"unix://{tmp_path}/redis.sock?db=3"))
  async with coredis.Redis(port=server.port, db=3) as client:
    assert await client.xlen("market") == 1


def test_both_keys_of_a_log_are_in_one_place_of_a_cluster(start_server):
  server = start_server("--cluster-enabled", "yes")
  for name in ("market", "stream:0123456789abcdef", "mine:market"):
    places = {server.says(b"CLUSTER", b"KEYSLOT", k.encode()) for k in (name, f"bond:{{{name}}}")}
    assert len(places) == 1


@pytest.mark.slow  # A new cluster takes no writes for 2 s.
async def test_a_cluster_keeps_logs(start_server):
  server = start_server("--cluster-enabled", "yes")
  assert server.says(b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383").startswith(b"+OK")
  with trio.fail_after(60):
    while b"cluster_state:ok" not in server.says(b"CLUSTER", b"INFO"):
      await trio.sleep(0.05)
  await works(Streams(url=server.url, cluster=True))
  await works(Streams(url=server.url, cluster=True, prefix="mine:"), "stream:0123456789abcdef")
  await fails(Streams(url=server.url + "/1", cluster=True), "a Redis Cluster has one database")
  server.kill()
  await fails(Streams(url=server.url, cluster=True, timeout=10.0), r"cannot be reached|not answer")
