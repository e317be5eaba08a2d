"""/stream, /raw and /ws/STREAM_ID on the control plane's own port."""

import pytest
import trio
import trio.lowlevel
from bond_server.doors import Doors
from control_plane import Reader, reading, serving

from bond_core import BondError, Trade
from bond_core._ws.client import open_websocket

KEYS = [{"use": "core.keys", "with": {"keys": {"ann": {"secret": "ANN"}}}}, {"use": "core.tokens"}]
ANN = "1f6a2c93d07b48e5a1c2f3047b5d6e89"


def trades(first, count):
  return [
    Trade(exchange="x", symbol="BTC/USDT", market_type="spot", price=float(n), size=1.0, ts_event=n)
    for n in range(first, first + count)
  ]


def socket_url(api, path):
  return api.url.replace("http", "ws", 1) + path


async def test_stream_answers_as_the_broker_does(api):
  async with open_websocket(socket_url(api, "/stream")) as socket:
    await socket.send(b'{"type":"subscribe","channels":["trades"],"id":7}')
    with trio.fail_after(60):
      text = await socket.receive()
      assert b'"status":"subscribed"' in text[0]
      assert b'"id":7' in text[0]
      api.server.log.ring.append(trades(1, 3))
      seen = []
      while sum(b'"type":"trade"' in message for message in seen) < 3:
        seen += await socket.receive()


async def test_raw_comes_without_asking_and_an_unknown_exchange_ends_with_1003(api):
  async with reading(socket_url(api, "/raw")) as socket:
    await trio.sleep(0.1)
    api.server.log.ring.append(trades(1, 1))
    assert (await socket.event())["price"] == 1.0
  async with reading(socket_url(api, "/raw?exchange=nowhere")) as socket:
    assert "1003" in await socket.end()


async def test_a_stream_is_read_on_the_control_planes_port_too(api):
  made = (await api.create({"sources": {"t": {"use": "clock.ticks"}}})).json()
  path = f"/ws/{made['stream_id']}?token={made['access_token']}"
  async with reading(socket_url(api, path)) as socket:
    assert (await socket.event())["event_type"]
  async with reading(socket_url(api, f"/ws/{made['stream_id']}?token=wrong")) as socket:
    assert "4500" in await socket.end()


async def test_the_brokers_figures_are_on_the_control_planes_port(api):
  answer = await api.http.get("/broker/metrics")
  assert answer.json()["clients"] == 0


async def test_a_wrong_token_is_refused_with_the_brokers_code(api):
  async with reading(socket_url(api, "/stream?token=wrong")) as socket:
    assert "4500" in await socket.end()


async def test_pages_of_elsewhere_are_refused(api):
  headers = [("Origin", "https://elsewhere.example")]
  with trio.fail_after(5), pytest.raises(BondError, match="403"):
    async with open_websocket(socket_url(api, "/stream"), headers=headers):
      pass


async def test_a_page_that_the_control_plane_admits_may_open_a_socket_on_its_port(tmp_path):
  async with serving(tmp_path, origins=["https://app.example"]) as api:
    for origin in ("https://app.example", api.url):
      headers = [("Origin", origin)]
      async with open_websocket(socket_url(api, "/stream"), headers=headers) as socket:
        await socket.send(b'{"type":"ping"}')
        with trio.fail_after(60):
          assert b'"pong"' in (await socket.receive())[0]


async def test_beyond_this_machine_credentials_are_needed(tmp_path, monkeypatch):
  """Although the broker itself listens on loopback only."""
  monkeypatch.setenv("ANN", ANN)
  async with serving(tmp_path, chain=KEYS, host="0.0.0.0") as api:
    url = socket_url(api, "/stream").replace("0.0.0.0", "127.0.0.1")
    async with open_websocket(url) as socket:
      await socket.send(b'{"type":"ping"}')
      assert "4500" in await Reader(socket).end()
    async with open_websocket(url) as socket:
      await socket.send(b'{"type":"auth","token":"%s"}' % ANN.encode())
      await socket.send(b'{"type":"ping"}')
      with trio.fail_after(60):
        assert b'"pong"' in (await socket.receive())[0]
    async with open_websocket(url, headers=[("X-API-Key", ANN)]) as socket:
      await socket.send(b'{"type":"ping"}')
      with trio.fail_after(60):
        assert b'"pong"' in (await socket.receive())[0]


async def test_without_a_broker_a_handshake_is_answered_with_a_sentence(api, monkeypatch):
  monkeypatch.setattr(Doors, "find", lambda self, path: None)
  with trio.fail_after(5), pytest.raises(BondError, match="503"):
    async with open_websocket(socket_url(api, "/stream")):
      pass


async def test_a_client_that_does_not_read_is_the_brokers_slow_client(api):
  """What lies between holds little: the broker sees that nothing is taken."""
  async with open_websocket(socket_url(api, "/stream")) as socket:
    await socket.send(b'{"type":"subscribe","channels":["trades"]}')
    await socket.receive()
    with trio.fail_after(60):
      for first in range(1, 200_000, 1000):
        api.server.log.ring.append(trades(first, 1000))
        await trio.lowlevel.checkpoint()
      while True:
        figures = (
          await api.http.get(
            api.server.addresses["broker"][0].replace("ws", "http") + "/metrics",
            headers={"Accept": "application/json"},
          )
        ).json()
        if figures["clients_behind"] == 1:
          break
        await trio.sleep(0.1)


async def test_both_sides_end_together(api):
  broker = api.server.addresses["broker"][0].replace("ws", "http")
  async with reading(socket_url(api, "/raw")):
    await trio.sleep(0.1)
    metrics = (await api.http.get(f"{broker}/metrics")).json()
    assert metrics["clients"] == 1
  with trio.fail_after(60):
    while (await api.http.get(f"{broker}/metrics")).json()["clients"]:
      await trio.sleep(0.05)
