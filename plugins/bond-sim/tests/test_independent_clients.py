"""Clients that know nothing of the simulator connect unmodified."""

import json

import httpx
import trio
from trio_websocket import open_websocket_url


async def test_trio_websocket_reads_a_raw_stream(start):
  sim = await start()
  with trio.fail_after(60):
    async with open_websocket_url(f"{sim.ws_url}/ws/btcusdt@bookTicker/ethusdt@bookTicker") as ws:
      symbols = set()
      while symbols != {"BTCUSDT", "ETHUSDT"}:
        symbols.add(json.loads(await ws.get_message())["s"])
      await ws.ping()
      await ws.send_message('{"method":"LIST_SUBSCRIPTIONS","id":1}')
      while "result" not in (answer := json.loads(await ws.get_message())):
        pass
  assert answer == {"result": ["btcusdt@bookTicker", "ethusdt@bookTicker"], "id": 1}


async def test_websockets_offers_compression_and_is_served_without(start):
  sim = await start()
  async with sim.connect("/stream?streams=btcusdt@bookTicker", compression="deflate") as ws:
    assert json.loads(await ws.recv())["stream"] == "btcusdt@bookTicker"
    assert "Sec-WebSocket-Extensions" not in ws.response.headers


async def test_a_book_is_kept_by_the_published_recipe_over_sockets(start):
  sim = await start()
  async with sim.connect("/stream.binance.com/stream?streams=btcusdt@depth@100ms") as ws:
    buffered = [json.loads(await ws.recv())["data"] for _ in range(3)]
    async with httpx.AsyncClient(base_url=sim.url, trust_env=False, verify=False) as client:
      path = "/api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5000"
      book_id = (await client.get(path)).json()["lastUpdateId"]
    buffered += [json.loads(await ws.recv())["data"] for _ in range(5)]
  applied = [update for update in buffered if update["u"] > book_id]
  assert applied
  assert applied[0]["U"] <= book_id + 1 <= applied[0]["u"]
  for update in applied:
    assert update["U"] <= book_id + 1
    book_id = update["u"]


async def test_a_spot_stream_and_both_futures_paths_share_one_port(start):
  sim = await start()
  paths = {
    "/spot/ws/btcusdt@trade": "trade",
    "/usdm/public/ws/btcusdt@trade": "trade",
    "/usdm/market/ws/btcusdt@markPrice@1s": "markPriceUpdate",
  }
  async with trio.open_nursery() as nursery:

    async def check(path, kind):
      async with sim.connect(path) as ws:
        with trio.fail_after(60):
          message = json.loads(await ws.recv())
      assert message["e"] == kind
      assert ("X" in message) == (kind == "trade" and "usdm" in path)

    for path, kind in paths.items():
      nursery.start_soon(check, path, kind)
