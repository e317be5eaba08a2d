"""The simulated Hyperliquid: what its sockets and its info endpoint say, limits, recordings."""

import json
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from bond_sim.hyperliquid.config import HyperliquidConfig, serve_hyperliquid
from bond_simkit import SimulatorError

from bond_core import Disconnected
from bond_core.websockets import open_websocket

BTC = {"type": "trades", "coin": "BTC"}


@asynccontextmanager
async def serving(**more):
  async with trio.open_nursery() as nursery:
    yield await nursery.start(serve_hyperliquid, HyperliquidConfig(port=0, **more))
    nursery.cancel_scope.cancel()


class Client:
  def __init__(self, websocket):
    self._websocket = websocket
    self._waiting = []

  async def send(self, method, subscription=None, **more):
    request = {"method": method} | ({"subscription": subscription} if subscription else {}) | more
    await self._websocket.send(json.dumps(request).encode())

  async def next(self, channel):
    with trio.fail_after(60):
      while True:
        while self._waiting:
          message = json.loads(self._waiting.pop(0))
          if message["channel"] == channel:
            return message.get("data")
        self._waiting += await self._websocket.receive()


@asynccontextmanager
async def connected(url):
  async with open_websocket(url.replace("http", "ws") + "/ws") as websocket:
    yield Client(websocket)


async def info(url, **payload):
  async with httpx.AsyncClient() as client:
    return await client.post(f"{url}/info", json=payload)


async def test_a_subscription_is_repeated_and_what_was_traded_comes_first():
  async with serving(speed=20) as url, connected(url) as client:
    await client.send("subscribe", BTC)
    said = await client.next("subscriptionResponse")
    assert said == {"method": "subscribe", "subscription": BTC}
    [*_, last] = await client.next("trades")
    assert last.keys() == {"coin", "side", "px", "sz", "time", "hash", "tid", "users"}
    async with connected(url) as second:
      await second.send("subscribe", BTC)
      history = await second.next("trades")
      assert last["tid"] in [row["tid"] for row in history] or len(history) == 10


async def test_answers_that_are_no_subscription():
  async with serving() as url, connected(url) as client:
    await client.send("ping")
    assert await client.next("pong") is None
    await client.send("subscribe", BTC)
    await client.send("subscribe", BTC)
    assert (await client.next("error")).startswith('Already subscribed: {"type":"trades"')
    await client.send("unsubscribe", {"type": "bbo", "coin": "ETH"})
    assert (await client.next("error")).startswith("Already unsubscribed: ")
    await client.send("nonsense")
    assert (await client.next("error")).startswith("Error parsing JSON into valid websocket")
    wanted = {"type": "info", "payload": {"type": "l2Book", "coin": "@107"}}
    await client.send("post", id=7, request=wanted)
    said = await client.next("post")
    assert said["id"] == 7
    assert len(said["response"]["payload"]["data"]["levels"][0]) == 20


async def test_a_coin_that_does_not_exist_ends_the_connection():
  async with serving() as url:
    with pytest.raises(Disconnected):
      async with connected(url) as client:
        await client.send("subscribe", {"type": "l2Book", "coin": "btc"})
        await client.next("l2Book")


async def test_candles_that_do_not_exist_are_an_error():
  async with serving() as url, connected(url) as client:
    await client.send("subscribe", {"type": "candle", "coin": "BTC", "interval": "1M"})
    said = await client.next("error")
    assert said.startswith('Invalid subscription {"type":"candle","coin":"BTC","interval":"1M"')
    await client.send("subscribe", {"type": "candle", "coin": "BTC", "interval": "1m"})
    assert (await client.next("candle"))["i"] == "1m"


@pytest.mark.parametrize(("fast", "levels"), [(False, 20), (True, 5)])
async def test_books_are_whole(fast, levels):
  async with serving(speed=5) as url, connected(url) as client:
    await client.send("subscribe", {"type": "l2Book", "coin": "xyz:TSLA", "fast": fast})
    first, second = await client.next("l2Book"), await client.next("l2Book")
    assert [len(side) for side in first["levels"]] == [levels, levels]
    assert second["time"] > first["time"]


async def test_lists():
  async with serving() as url:
    perps = (await info(url, type="allPerpMetas")).json()
    assert [dex["collateralToken"] for dex in perps] == [0, 0, 360]
    assert [coin["name"] for coin in perps[1]["universe"]] == ["xyz:TSLA", "xyz:NVDA"]
    assert (await info(url, type="meta", dex="flx")).json() == perps[2]
    spot, contexts = (await info(url, type="spotMetaAndAssetCtxs")).json()
    assert [pair["name"] for pair in spot["universe"]] == ["PURR/USDC", "@107"]
    assert len(contexts) == 2
    assert (await info(url, type="nothing")).status_code == 422


async def test_limits_are_counted_by_address():
  async with serving() as url:
    for _ in range(61):
      last = await info(url, type="spotMeta")
    assert last.status_code == 429
    async with httpx.AsyncClient() as client:
      stats = (await client.get(f"{url}/_sim/stats")).json()
    assert stats["violations"] == {"weight a minute": 1}


FRAMES = (
  '{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{}}}',
  '{"channel":"trades","data":[{"coin":"xyz:NVDA","side":"B","px":"1.0","sz":"2.0","time":1,"tid":5}]}',
  '{"channel":"l2Book","data":{"coin":"@107","time":1790232236546,"levels":[[],[]]}}',
)


@pytest.mark.parametrize("timed", [True, False])
async def test_a_recording_is_played_as_it_was_received(tmp_path, timed):
  path = tmp_path / "frames"
  lines = [f"1790232236.{n}: {f}" if timed else f for n, f in enumerate(FRAMES)]
  path.write_text("\n".join(lines))
  async with serving(capture=[str(path)], settle=0.1) as url, connected(url) as client:
    listed = (await info(url, type="allPerpMetas")).json()
    assert [dex["universe"] for dex in listed][1][0]["name"] == "xyz:NVDA"
    await client.send("subscribe", {"type": "trades", "coin": "xyz:NVDA"})
    await client.send("subscribe", {"type": "l2Book", "coin": "@107"})
    assert await client.next("trades") == json.loads(FRAMES[1])["data"]
    assert await client.next("l2Book") == json.loads(FRAMES[2])["data"]


async def test_a_file_that_is_no_recording_is_refused(tmp_path):
  path = tmp_path / "frames"
  path.write_text("nothing\n")
  with pytest.raises(ExceptionGroup) as raised:
    async with serving(capture=[str(path)]):
      pass
  assert raised.group_contains(SimulatorError, match="holds no messages of the venue", depth=1)
