"""The same feed over TLS and over a Unix socket."""

import json
import socket
import ssl

import pytest
import trio
import trustme
from bond_broker.config import BrokerConfig
from bond_broker.server.sockets import open_listeners
from readers import serving

from bond_core import BondError, Trade
from bond_core._ws.client import open_websocket


def trades(count):
  return [Trade(exchange="x", symbol="A/USDT", price=float(n), size=1.0) for n in range(count)]


@pytest.fixture
def authority(tmp_path):
  made = trustme.CA()
  issued = made.issue_cert("127.0.0.1")
  issued.private_key_pem.write_to_path(tmp_path / "key.pem")
  for pem in issued.cert_chain_pems:
    pem.write_to_path(tmp_path / "cert.pem", append=True)
  return made


async def test_a_client_over_tls_receives_every_event_in_order(authority, tmp_path):
  trusting = ssl.create_default_context()
  authority.configure_trust(trusting)
  pems = {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
  async with (
    serving(**pems) as broker,
    open_websocket(f"wss://127.0.0.1:{broker.port}/stream", tls=trusting) as websocket,
  ):
    await websocket.send(b'{"type":"subscribe","channels":["trades"]}')
    got = []

    async def read(kind, count):
      while sum(message["type"] == kind for message in got) < count:
        got.extend(map(json.loads, await websocket.receive()))

    with trio.fail_after(60):
      await read("system", 1)
      for _ in range(20):
        broker.log.ring.append(trades(100))
        await trio.sleep(0.002)
      await read("trade", 2000)
    seqs = [message["seq_internal"] for message in got if message["type"] == "trade"]
    assert seqs == list(range(1, 2001))


async def test_a_certificate_without_its_key_is_refused_with_a_sentence(tmp_path):
  with pytest.raises(BondError, match="--tls-key needs --tls-cert"):
    async with serving(tls_key=str(tmp_path / "key.pem")):
      pytest.fail("it started")


async def test_a_unix_socket_serves_the_same(tmp_path):
  path = str(tmp_path / "broker.sock")
  async with serving(unix=path) as broker, await trio.open_unix_socket(path) as stream:
    await stream.send_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    with trio.fail_after(60):
      answer = await stream.receive_some(4096)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert f"unix:{path}" in broker.addresses


def test_a_socket_file_left_behind_is_replaced_and_a_port_in_use_is_a_sentence(tmp_path):
  path = str(tmp_path / "broker.sock")
  with socket.socket(socket.AF_UNIX) as left:
    left.bind(path)
  listeners = open_listeners(BrokerConfig(port=0, unix=path))
  port = listeners[0].getsockname()[1]
  with pytest.raises(BondError, match=f"cannot listen on 127.0.0.1:{port}"):
    open_listeners(BrokerConfig(port=port))
  for listener in listeners:
    listener.close()
