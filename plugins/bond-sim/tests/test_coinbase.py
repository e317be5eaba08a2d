"""The simulated Coinbase: what its sockets and REST say, numbers, limits, recordings."""

import json
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from bond_sim.coinbase.config import CoinbaseConfig, serve_coinbase

from bond_core.websockets import open_websocket


@asynccontextmanager
async def serving(**more):
  async with trio.open_nursery() as nursery:
    yield await nursery.start(serve_coinbase, CoinbaseConfig(port=0, **more))
    nursery.cancel_scope.cancel()


class Client:
  def __init__(self, websocket):
    self._websocket = websocket
    self._waiting = []
    self.numbers = []

  async def send(self, kind, channel, *products):
    request = {"type": kind, "channel": channel, "product_ids": products}
    await self._websocket.send(json.dumps(request).encode())

  async def next(self, channel):
    with trio.fail_after(60):
      while True:
        while self._waiting:
          message = json.loads(self._waiting.pop(0))
          self.numbers += [message["sequence_num"]] if "sequence_num" in message else []
          if message.get("channel", message.get("type")) == channel:
            return message
        self._waiting += await self._websocket.receive()


@asynccontextmanager
async def connected(url):
  async with open_websocket(url.replace("http", "ws") + "/") as websocket:
    yield Client(websocket)


async def get(url, path):
  async with httpx.AsyncClient() as client:
    return await client.get(f"{url}/api/v3/brokerage/{path}")


async def test_every_message_has_the_connections_next_number():
  async with serving(speed=20) as url, connected(url) as client, connected(url) as other:
    await other.send("subscribe", "market_trades", "BTC-USD", "ETH-USD")
    await client.send("subscribe", "heartbeats")
    await client.send("subscribe", "level2", "BTC-USD")
    await client.send("subscribe", "market_trades", "BTC-USD")
    await client.send("subscribe", "ticker", "BTC-USD")
    for reader in (client, other):
      for _ in range(5):
        await reader.next("market_trades")
      assert reader.numbers == list(range(len(reader.numbers)))
    beat = await client.next("heartbeats")
    assert beat["events"][0]["heartbeat_counter"] > 0


async def test_subscriptions_are_repeated_and_snapshots_come_first():
  async with serving(speed=20) as url, connected(url) as client:
    await client.send("subscribe", "level2", "BTC-USD")
    said = await client.next("subscriptions")
    assert said["events"] == [{"subscriptions": {"level2": ["BTC-USD"]}}]
    first, second = await client.next("l2_data"), await client.next("l2_data")
    assert [m["events"][0]["type"] for m in (first, second)] == ["snapshot", "update"]
    await client.send("unsubscribe", "level2", "BTC-USD")
    assert (await client.next("subscriptions"))["events"] == [{"subscriptions": {}}]


async def test_candles_of_five_minutes_grow():
  async with serving(speed=20) as url, connected(url) as client:
    await client.send("subscribe", "candles", "BTC-USD")
    (first,), (second,) = [(await client.next("candles"))["events"][0]["candles"] for _ in range(2)]
    assert int(first["start"]) % 300 == 0
    assert first["product_id"] == "BTC-USD"
    grown = second["start"] != first["start"] or float(second["volume"]) > float(first["volume"])
    assert grown, (first, second)
    assert float(second["low"]) <= float(second["close"]) <= float(second["high"])


async def test_a_product_that_is_another_one_gives_that_ones_messages():
  async with serving(speed=20) as url, connected(url) as client:
    await client.send("subscribe", "market_trades", "BTC-USDC")
    [event] = (await client.next("market_trades"))["events"]
    assert event["type"] == "snapshot"
    [event] = (await client.next("market_trades"))["events"]
    assert {row["product_id"] for row in event["trades"]} == {"BTC-USD"}
    listed = (await get(url, "market/products")).json()["products"]
    assert {p["product_id"]: p["alias"] for p in listed}["BTC-USDC"] == "BTC-USD"


@pytest.mark.parametrize("products", [["NOPE-USD"], []])
async def test_errors(products):
  async with serving() as url, connected(url) as client:
    await client.send("subscribe", "level2", *products)
    assert (await client.next("error"))["message"]


async def test_limits_are_counted_by_address():
  async with serving() as url, connected(url) as client:
    for _ in range(9):
      await client.send("subscribe", "heartbeats")
    assert (await client.next("error"))["message"] == "rate limit exceeded"
    answers = [await get(url, "time") for _ in range(11)]
    assert {answer.status_code for answer in answers} <= {200, 429}
    async with httpx.AsyncClient() as http:
      stats = (await http.get(f"{url}/_sim/stats")).json()
    assert stats["violations"]["messages a second"] == 1


async def test_its_markets_can_be_halted():
  async with serving(faults=["break:1m"]) as url:
    products = (await get(url, "market/products")).json()["products"]
  assert {product["status"] for product in products} == {"offline"}


FRAME = (
  '{"channel":"market_trades","client_id":"","timestamp":"2026-04-07T14:30:02.789012Z",'
  '"sequence_num":77,"events":[{"type":"update","trades":[{"trade_id":"1","product_id":"ABC-USD",'
  '"price":"1","size":"2","side":"BUY","time":"2026-04-07T14:30:02.789012Z"}]}]}'
)


async def test_a_recording_has_the_numbers_of_who_reads_it(tmp_path):
  path = tmp_path / "frames"
  path.write_text(f"1775572202.5: {FRAME}\n1775572202.6: {FRAME}\n")
  async with serving(capture=[str(path)], settle=0.1) as url, connected(url) as client:
    [listed] = (await get(url, "market/products?product_type=SPOT")).json()["products"]
    assert listed["product_id"] == "ABC-USD"
    await client.send("subscribe", "market_trades", "ABC-USD")
    for number in (1, 2):
      message = await client.next("market_trades")
      assert message == json.loads(FRAME) | {"sequence_num": number}
