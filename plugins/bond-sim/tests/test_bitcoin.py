"""The simulated mempool server, over its sockets."""

import json

import httpx
import pytest
import trio
from bond_sim.bitcoin.config import BitcoinConfig, serve_bitcoin
from bond_simkit import SimulatorError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.trio.client import connect

ADDRESS = "bc1qeldw4mqns26wew8swgpkt3fs364w3ehs046w2f"


@pytest.fixture
async def url(nursery):
  url = await nursery.start(serve_bitcoin, BitcoinConfig(port=0, speed=50))
  yield url
  nursery.cancel_scope.cancel()


def connected(url, path="/api/v1/ws"):
  return connect(url.replace("http", "ws") + path, ping_interval=None, close_timeout=1)


async def request(ws, message):
  await ws.send(json.dumps(message))
  with trio.fail_after(60):
    return json.loads(await ws.recv())


async def test_a_reader_gets_the_present_and_then_each_change(url):
  async with connected(url) as ws:
    first = await request(ws, {"action": "want", "data": ["blocks", "stats", "live-2h-chart"]})
    assert set(first) == {"blocks", "mempoolInfo", "vBytesPerSecond", "fees"}
    heights = [block["height"] for block in first["blocks"]]
    assert heights == list(range(heights[0], heights[0] + 8))
    await ws.send(json.dumps({"track-mempool-txids": True}))
    numbers, mined, added, block = [], [], set(), None
    with trio.fail_after(60):
      while block is None:
        message = json.loads(await ws.recv())
        change = message.get("mempool-txids", {"added": [], "mined": []})
        numbers += [change["sequence"]] if "sequence" in change else []
        added |= {*change["added"]}
        mined += change["mined"]
        block = message.get("block")
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert block["height"] == heights[-1] + 1
    assert block["previousblockhash"] == first["blocks"][-1]["id"]
    assert block["tx_count"] == len(mined) + 1 > 1
    assert len({*mined} - added) <= 13, "but for the change before track-mempool-txids"


async def test_pings_unread_messages_and_limits_are_answered_as_on_the_server(url):
  async with connected(url) as ws:
    assert await request(ws, {"action": "ping"}) == {"pong": True}
    many = [ADDRESS[:-1] + character for character in "qpzry9x8gf2"]
    answer = await request(ws, {"track-addresses": many})
    assert "a maximum of 10 addresses" in answer["track-addresses-error"]
    await ws.send("{")
    with trio.fail_after(5), pytest.raises(ConnectionClosed):
      await ws.recv()
  with pytest.raises(InvalidStatus):
    async with connected(url, "/ws"):
      pytest.fail("the WebSocket is at /api/v1/ws only")


async def test_rest_tells_the_same_chain(url):
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    height = (await client.get("/api/blocks/tip/height")).json()
    blocks = (await client.get("/api/v1/blocks")).json()
    fees = (await client.get("/api/v1/fees/recommended")).json()
    assert (await client.get("/api/nothing")).status_code == 404
  assert blocks[0]["height"] == height
  assert fees["fastestFee"] >= fees["hourFee"] >= fees["minimumFee"] == 1


def test_a_pace_that_cannot_be_is_refused():
  with pytest.raises(SimulatorError, match="at most 100"):
    BitcoinConfig(speed=1000)
