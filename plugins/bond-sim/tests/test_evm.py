"""The simulated EVM node, over its sockets."""

import json
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from bond_sim.evm.chain import KNOWN, ODD, TRANSFER
from bond_sim.evm.config import EvmConfig, serve_evm
from bond_sim.evm.faults import EVM_FAULTS, parse_fault
from bond_simkit import SimulatorError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.trio.client import connect

USDT = KNOWN[0].address


class Client:
  """A client that stores what is announced while it waits for a response."""

  def __init__(self, ws):
    self.ws = ws
    self.announcements = []
    self.number = 0

  async def request(self, method, *params):
    self.number += 1
    message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
    await self.ws.send(json.dumps(message))
    while True:
      message = await self.next()
      if message.get("id") == self.number:
        return message.get("error", message.get("result"))
      self.announcements.append(message)

  async def next(self):
    with trio.fail_after(60):
      return json.loads(await self.ws.recv())

  async def announced(self, count, *, keep=lambda result: True):
    found = []
    while len(found) < count:
      message = self.announcements.pop(0) if self.announcements else await self.next()
      result = message["params"]["result"]
      if keep(result):
        found.append(result)
    return found


@pytest.fixture
def start(nursery):
  async def begin(**options):
    options = {"port": 0, "speed": 1000, "forks": 0, **options}
    return await nursery.start(serve_evm, EvmConfig(**options))

  yield begin
  nursery.cancel_scope.cancel()


@asynccontextmanager
async def connected(url, path=""):
  async with connect(
    url.replace("http", "ws") + path, ping_interval=None, close_timeout=1, max_queue=None
  ) as ws:
    yield Client(ws)


async def fault(url, written):
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    return await client.post("/_sim/faults", json={"fault": written})


async def get(url, path):
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    return (await client.get(path)).json()


def is_head(result):
  return "parentHash" in result


async def test_heads_follow_each_other_and_logs_are_those_of_their_blocks(start):
  url = await start()
  async with connected(url) as client:
    heads = await client.request("eth_subscribe", "newHeads")
    logs = await client.request("eth_subscribe", "logs", {"address": USDT, "topics": [TRANSFER]})
    assert heads != logs
    found = await client.announced(6, keep=is_head)
    for before, after in zip(found, found[1:], strict=False):
      assert after["parentHash"] == before["hash"]
      assert int(after["number"], 16) == int(before["number"], 16) + 1
    [log] = await client.announced(1, keep=lambda result: not is_head(result))
    assert (log["address"], log["topics"][0], log["removed"]) == (USDT, TRANSFER, False)
    found = await client.request("eth_getLogs", {"blockHash": log["blockHash"], "address": [USDT]})
    assert log in found
    block = await client.request("eth_getBlockByHash", log["blockHash"], False)
    assert log["transactionHash"] in block["transactions"]
    assert await client.request("eth_unsubscribe", heads) is True
    assert await client.request("eth_unsubscribe", heads) is False
    assert await client.request("eth_chainId") == "0x1"
  async with connected(url, "/base") as client:
    assert int(await client.request("eth_chainId"), 16) == 8453
  with pytest.raises(InvalidStatus):
    async with connected(url, "/mars"):
      pytest.fail("there is no such chain")


async def test_a_fork_takes_logs_back_and_announces_the_whole_new_branch(start):
  url = await start(speed=1)
  async with connected(url) as client:
    await client.request("eth_subscribe", "newHeads")
    await client.request("eth_subscribe", "logs", {})
    before = await client.request("eth_getBlockByNumber", "latest", False)
    await fault(url, "fork:2")
    heads = await client.announced(3, keep=is_head)
    tip = int(before["number"], 16)
    assert [int(head["number"], 16) for head in heads] == [tip - 1, tip, tip + 1]
    log = await get(url, "/_sim/log")
    assert [block["number"] for block in log["orphans"]] == [tip, tip - 1]
    assert log["blocks"][-1]["hash"] == heads[-1]["hash"]
    again = await client.request("eth_getBlockByHash", before["hash"], False)
    assert again == before, "a node still knows what it replaced"
  async with connected(url) as client:
    await client.request("eth_subscribe", "logs", {})
    await fault(url, "fork:1")
    removed = await client.announced(3, keep=lambda result: result["removed"])
    assert {entry["blockHash"] for entry in removed} == {heads[-1]["hash"]}
    indices = [int(entry["logIndex"], 16) for entry in removed]
    assert indices == sorted(indices, reverse=True)


async def test_requests_that_cannot_be_are_errors_of_json_rpc(start):
  url = await start(speed=1)
  async with connected(url) as client:
    await client.ws.send("{")
    assert (await client.next())["error"]["code"] == -32700
    await client.ws.send("[]")
    assert (await client.next())["error"]["code"] == -32600
    assert (await client.request("eth_mine"))["code"] == -32601
    assert (await client.request("eth_subscribe", "rain"))["code"] == -32602
    assert (await client.request("eth_getLogs", {"address": "0x12"}))["code"] == -32602
    assert (await client.request("eth_getLogs"))["code"] == -32602
    assert await client.request("eth_getBlockByNumber", "0x7fffffff", False) is None
    await client.ws.send('[{"id": 1, "method": "eth_chainId"}, {"id": 2, "method": "eth_chainId"}]')
    assert [answer["result"] for answer in await client.next()] == ["0x1", "0x1"]


async def test_contracts_answer_as_contracts_do(start):
  url = await start(speed=1)
  async with connected(url) as client:
    for token in (*KNOWN, *ODD):
      call = {"to": token.address, "data": "0x313ce567"}
      assert await client.request("eth_call", call, "latest") == token.decimals
      call = {"to": token.address, "data": "0x95d89b41"}
      assert await client.request("eth_call", call, "latest") == token.symbol
    call = {"to": "0x" + "00" * 20, "data": "0x313ce567"}
    assert (await client.request("eth_call", call, "latest"))["message"] == "execution reverted"


async def test_transactions_and_receipts_say_what_moves_of_ether(start):
  url = await start(transfers=40, block_time=1000.0, speed=1)
  async with connected(url) as client:
    named = await client.request("eth_getBlockByNumber", "latest", False)
    block = await client.request("eth_getBlockByHash", named["hash"], True)
    receipts = await client.request("eth_getBlockReceipts", named["hash"])
    hashes = [body["hash"] for body in block["transactions"]]
    assert hashes == named["transactions"] == [each["transactionHash"] for each in receipts]
    for number, (body, receipt) in enumerate(zip(block["transactions"], receipts, strict=True)):
      for each in (body, receipt):
        assert (each["blockHash"], each["transactionIndex"]) == (named["hash"], hex(number))
      assert (body["to"] is None) == (receipt["contractAddress"] is not None)
    assert await client.request("eth_getTransactionReceipt", hashes[-1]) == receipts[-1]
    assert await client.request("eth_getTransactionReceipt", named["hash"]) is None
    (logged,) = [b for b in (await get(url, "/_sim/log"))["blocks"] if b["hash"] == named["hash"]]
    moved = {
      body["hash"]: str(int(body["value"], 16))
      for body, receipt in zip(block["transactions"], receipts, strict=True)
      if receipt["status"] == "0x1" and body["value"] != "0x0"
    }
    assert {native["txid"]: native["amount"] for native in logged["natives"]} == moved
    assert len(moved) > 3
    assert {receipt["status"] for receipt in receipts} == {"0x0", "0x1"}
    await fault(url, "no-receipts")
    assert (await client.request("eth_getBlockReceipts", named["hash"]))["code"] == -32601


async def test_wide_requests_are_refused_in_three_ways(start):
  url = await start(speed=1, faults=["narrow:3", "few:5"])
  async with connected(url) as client:
    tip = int(await client.request("eth_blockNumber"), 16)
    wide = {"fromBlock": hex(tip - 3), "toBlock": hex(tip)}
    assert await client.request("eth_getLogs", wide) == {
      "code": -32602,
      "message": "range 3 exceeds limit of 3",
    }
    assert (await client.request("eth_getLogs", {"fromBlock": hex(tip)}))["code"] == -32005
    await fault(url, "busy:100ms")
    assert "rate limit" in (await client.request("eth_blockNumber"))["message"]
    await fault(url, "forget")
    assert (await client.request("eth_getLogs", {"fromBlock": hex(tip)}))["code"] in (4444, -32005)
    await trio.sleep(0.1)
    assert await client.request("eth_getBlockByNumber", hex(tip), False) is None
    assert (await client.request("eth_getLogs", {"fromBlock": hex(tip)}))["code"] == 4444


async def test_faults_of_announcements_and_connections(start):
  url = await start()
  async with connected(url) as client:
    await client.request("eth_subscribe", "newHeads")
    found = await client.announced(1, keep=is_head)
    await fault(url, "missing:2")
    found += await client.announced(39, keep=is_head)
    numbers = [int(head["number"], 16) for head in found]
    assert numbers[-1] - numbers[0] == 41
    await fault(url, "garbage:1")
    with pytest.raises(ValueError, match=r"\w"):
      await client.announced(50)
    await fault(url, "close")
    with trio.fail_after(5), pytest.raises(ConnectionClosed):
      while True:
        await client.ws.recv()
  await fault(url, "refuse:1s")
  with pytest.raises(InvalidStatus):
    async with connected(url):
      pytest.fail("it is refused")
  assert (await fault(url, "rain")).status_code == 400


@pytest.mark.parametrize("written", ["rain", "drop:3", "fork:4", "fork:0", "fork:1s", "few:1.5"])
def test_what_is_not_a_fault_is_refused_in_a_sentence(written):
  with pytest.raises(SimulatorError, match="is not a fault of an EVM node"):
    parse_fault(written)


def test_every_kind_can_be_written_and_settings_are_checked():
  for kind in EVM_FAULTS.kinds:
    assert parse_fault(f"{kind}@2s").after_seconds == 2
  for wrong in ({"speed": 0}, {"block_time": 0}, {"transfers": 0}, {"forks": -1}):
    with pytest.raises(SimulatorError, match=r"\w"):
      EvmConfig(**wrong)
