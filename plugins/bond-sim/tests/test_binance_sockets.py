import json

import pytest
import trio
from websockets.exceptions import ConnectionClosed, InvalidStatus


async def request(ws, method, params=None, message_id=1):
  message = {"method": method, "id": message_id}
  if params is not None:
    message["params"] = params
  await ws.send(json.dumps(message))
  with trio.fail_after(30):
    while True:
      answer = json.loads(await ws.recv())
      if "result" in answer or "code" in answer:
        return answer


async def test_subscriptions_change_while_the_socket_is_open(start):
  sim = await start()
  async with sim.connect("/spot/ws") as ws:
    assert await request(ws, "SUBSCRIBE", ["btcusdt@bookTicker"]) == {"result": None, "id": 1}
    assert "stream" not in json.loads(await ws.recv())
    assert await request(ws, "LIST_SUBSCRIPTIONS", message_id="a") == {
      "result": ["btcusdt@bookTicker"],
      "id": "a",
    }
    assert (await request(ws, "UNSUBSCRIBE", ["btcusdt@bookTicker"]))["result"] is None
    with trio.move_on_after(0.3):
      pytest.fail(f"still served after UNSUBSCRIBE: {await ws.recv()}")


async def test_combined_is_a_property_of_the_connection(start):
  sim = await start()
  async with sim.connect("/spot/stream?streams=btcusdt@bookTicker") as ws:
    assert json.loads(await ws.recv())["stream"] == "btcusdt@bookTicker"
    assert (await request(ws, "GET_PROPERTY", ["combined"]))["result"] is True
    assert (await request(ws, "SET_PROPERTY", ["combined", False]))["result"] is None
    assert "stream" not in json.loads(await ws.recv())
    assert (await request(ws, "GET_PROPERTY", ["combined"]))["result"] is False


async def test_futures_serve_a_stream_only_on_its_path_and_say_nothing(start):
  sim = await start()
  streams = "btcusdt@bookTicker/btcusdt@aggTrade"
  served = {}

  async def listen(path):
    seen = served.setdefault(path, set())
    async with sim.connect(f"{path}?streams={streams}") as ws:
      with trio.move_on_after(1):
        while True:
          seen.add(json.loads(await ws.recv())["stream"])

  expected = {
    "/usdm/public/stream": {"btcusdt@bookTicker"},
    "/usdm/market/stream": {"btcusdt@aggTrade"},
    "/usdm/stream": {"btcusdt@bookTicker"},
    "/fstream.binance.com/market/stream": {"btcusdt@aggTrade"},
  }
  async with trio.open_nursery() as nursery:
    for path in expected:
      nursery.start_soon(listen, path)
  assert served == expected
  assert (await sim.stats())["ignored"]["btcusdt@aggTrade"] == "served on /market only"


async def test_coin_m_streams_name_the_pair_and_count_contracts(start):
  sim = await start(speed=20.0)
  kinds = ("aggTrade", "trade", "depth@100ms", "bookTicker", "ticker", "markPrice@1s", "kline_1m")
  streams = "/".join(f"btcusd_perp@{kind}" for kind in kinds)
  found = {}
  async with sim.connect(f"/dstream.binance.com/stream?streams={streams}") as ws:
    with trio.fail_after(60):
      while len(found) < len(kinds) or len(found["btcusd_perp@aggTrade"]) < 5:
        message = json.loads(await ws.recv())
        found.setdefault(message["stream"], []).append(message["data"])

  def fields(kind):
    return set(found[f"btcusd_perp@{kind}"][0])

  assert fields("aggTrade") == set("eEsapqflTm")
  assert fields("depth@100ms") == {*"eETsUuba", "ps", "pu"}
  assert fields("bookTicker") == {*"eusbBaATE", "ps"}
  assert fields("ticker") == {*"eEspPwcQohlvqOCFLn", "ps"}
  assert fields("markPrice@1s") == set("eEspPirT")
  single = {trade["t"]: int(trade["q"]) for trade in found["btcusd_perp@trade"]}
  for whole in found["btcusd_perp@aggTrade"]:
    parts = [single.get(number) for number in range(whole["f"], whole["l"] + 1)]
    assert None in parts or sum(parts) == int(whole["q"])
  bars = [data["k"] for data in found["btcusd_perp@kline_1m"]]
  for bar in (bar for bar in bars if bar["n"]):
    # What each trade is worth is rounded to eight decimals.
    mean = 100 * int(bar["v"]) / float(bar["q"])
    assert float(bar["l"]) * 0.9999 <= mean <= float(bar["h"]) * 1.0001


async def test_an_unknown_stream_is_accepted_and_silent(start):
  sim = await start()
  async with sim.connect("/spot/ws/0") as ws:
    assert (await request(ws, "SUBSCRIBE", ["nope@trade"]))["result"] is None
    assert (await request(ws, "LIST_SUBSCRIPTIONS"))["result"] == ["0", "nope@trade"]
    with trio.move_on_after(0.2):
      pytest.fail(f"served: {await ws.recv()}")


async def test_an_error_is_answered_and_the_socket_lives(start):
  sim = await start()
  async with sim.connect("/spot/ws") as ws:
    await ws.send("{nonsense")
    assert json.loads(await ws.recv())["code"] == 3
    assert (await request(ws, "LIST_SUBSCRIPTIONS"))["result"] == []


@pytest.mark.parametrize(("path", "limit"), [("/spot/ws", 5), ("/usdm/public/ws", 10)])
async def test_more_messages_a_second_than_published_end_the_connection(start, path, limit):
  sim = await start()
  async with sim.connect(path) as ws:
    for number in range(limit):
      await ws.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
    for number in range(limit):
      assert json.loads(await ws.recv())["id"] == number
    await ws.ping()
    with pytest.raises(ConnectionClosed) as closed:
      await ws.recv()
  assert closed.value.rcvd.code == 1008
  connection = (await sim.stats())["connections"][0]
  assert (connection["messages"], connection["max_messages_per_second"]) == (limit + 1, limit + 1)


async def test_a_message_a_client_sends_as_binary_is_refused(start):
  sim = await start()
  async with sim.connect("/usdm/public/ws") as ws:
    await ws.send(b'{"method":"LIST_SUBSCRIPTIONS","id":1}')
    with pytest.raises(ConnectionClosed) as closed:
      await ws.recv()
  assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(("market", "most"), [("spot", 1024), ("coinm", 200)])
async def test_more_streams_than_published_are_too_many(start, market, most):
  sim = await start()
  async with sim.connect(f"/{market}/ws") as ws:
    names = [f"x{number}@trade" for number in range(most)]
    assert (await request(ws, "SUBSCRIBE", names))["result"] is None
    await ws.send(json.dumps({"method": "SUBSCRIBE", "params": ["one@trade"], "id": 2}))
    with pytest.raises(ConnectionClosed) as closed:
      await ws.recv()
  assert closed.value.rcvd.code == 1008


async def test_more_than_300_attempts_in_five_minutes_are_refused(start):
  sim = await start()
  for _ in range(300):
    stream = await trio.open_tcp_stream(sim.host, sim.port)
    # No key: the attempt counts, the handshake fails.
    await stream.send_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 426")
    await stream.aclose()
  with pytest.raises(InvalidStatus) as refused:
    async with sim.connect("/ws"):
      pass
  assert refused.value.response.status_code == 429
  assert "Retry-After" in refused.value.response.headers
  stats = await sim.stats()
  assert (len(stats["attempts"]), stats["refused"]) == (301, 1)


async def test_a_path_without_streams_is_not_upgraded(start):
  sim = await start()
  for path in ("/api/v3/depth", "/usdm/private/ws", "/dstream.binance.com/other"):
    with pytest.raises(InvalidStatus) as refused:
      async with sim.connect(path):
        pass
    assert refused.value.response.status_code == 404
