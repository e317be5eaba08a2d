"""The simulated Geyser, through a gRPC client that is not bond-onchain's."""

import queue
from contextlib import asynccontextmanager

import grpc
import httpx
import pytest
import trio
from bond_bridge.bridge import iterate_in_thread
from bond_geyser import geyser_pb2 as pb
from bond_geyser.base58 import encode
from bond_sim.geyser.config import GeyserConfig, serve_geyser
from bond_sim.geyser.faults import GEYSER_FAULTS, parse_fault
from bond_sim.geyser.filters import GeyserFilters
from bond_sim.geyser.ledger import ABANDONED, DEAD, MINTS, TOKEN_PROGRAM, WHOLE, SolanaLedger
from bond_sim.geyser.updates import TransactionUpdate, contents

USDC = next(iter(MINTS))


class Stream:
  def __init__(self, receive, requests, end):
    self._receive, self._requests, self._end = receive, requests, end

  def request(self, request):
    self._requests.put(request)

  async def until(self, enough):
    found = []
    with trio.fail_after(60):
      while not enough(found):
        found += await self._receive()
    return found

  async def end(self):
    with trio.fail_after(10), pytest.raises(grpc.RpcError) as caught:
      while True:
        await self._receive()
    return caught.value.code().name, caught.value.details()


@asynccontextmanager
async def subscribed(url, request, token=""):
  requests = queue.SimpleQueue()
  # A connection of its own: gRPC shares them among the channels of a process.
  options = [("grpc.use_local_subchannel_pool", 1)]
  with grpc.insecure_channel(url.removeprefix("http://"), options) as channel:
    subscribe = channel.stream_stream(
      "/geyser.Geyser/Subscribe",
      request_serializer=pb.SubscribeRequest.SerializeToString,
      response_deserializer=pb.SubscribeUpdate.FromString,
    )
    call = subscribe(iter(requests.get, None), metadata=(("x-token", token),))
    requests.put(request)

    def stop():
      requests.put(None)
      call.cancel()

    async with iterate_in_thread(lambda: call, stop=stop) as receive:
      yield Stream(receive, requests, None)


def subscription(**kinds):
  request = pb.SubscribeRequest(commitment=kinds.pop("commitment", pb.PROCESSED))
  for kind, names in kinds.items():
    for name, settings in names.items():
      made = getattr(request, kind)[name]
      made.SetInParent()
      for key, value in settings.items():
        if isinstance(value, list):
          getattr(made, key).extend(value)
        else:
          setattr(made, key, value)
  return request


@pytest.fixture
async def node(nursery):
  async def begin(**settings):
    config = GeyserConfig(**{"port": 0, "slot_ms": 40, "speed": 0.5, **settings})
    return await nursery.start(serve_geyser, config)

  return begin


async def log_of(url):
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    return (await client.get("/_sim/log")).json(), (await client.get("/_sim/stats")).json()


def test_equal_seeds_make_equal_chains_and_forks_repeat_their_transactions():
  chains = []
  for _ in range(2):
    ledger = SolanaLedger(seed=7, transactions=5, forks=0.5)
    chains.append([ledger.next(n * 400, n * 400 + 400) for n in range(60)])
  made = [block for block in chains[0] if block is not None]
  twin = [block for block in chains[1] if block is not None]
  assert [b.hash for b in made] == [b.hash for b in twin]
  assert [t.signature for b in made for t in b.transactions] == [
    t.signature for b in twin for t in b.transactions
  ]
  assert {block.fate for block in made} == {WHOLE, DEAD, ABANDONED}
  assert None in chains[0]
  for block, after in zip(made, made[1:], strict=False):
    if block.fate != WHOLE:
      assert {t.signature for t in block.transactions} <= {t.signature for t in after.transactions}
      assert after.parent == block.parent


def test_lamports_are_only_lost_to_fees_and_tokens_never():
  ledger = SolanaLedger(seed=3, transactions=300, forks=0)
  block = ledger.next(0, 400) or ledger.next(400, 800)
  assert sum(t.vote for t in block.transactions) == 6
  for transaction in block.transactions:
    accounts = transaction.accounts
    assert sum(a.before - a.after for a in accounts) == transaction.fee
    before = sum(max(a.tokens_before, 0) for a in accounts if a.mint)
    assert before == sum(max(a.tokens_after, 0) for a in accounts if a.mint)


def test_filters_let_through_what_they_say():
  ledger = SolanaLedger(seed=3, transactions=200, forks=0)
  block = ledger.next(0, 400) or ledger.next(400, 800)
  updates = [u for u in contents(block) if isinstance(u, TransactionUpdate)]

  def found(**settings):
    filters = GeyserFilters(subscription(transactions={"f": settings}))
    return [u.transaction for u in updates if filters.encoded(u, updates)]

  everything = [u.transaction for u in updates]
  assert found() == everything
  assert found(vote=True) == [t for t in everything if t.vote]
  assert found(vote=False, failed=False) == [t for t in everything if not (t.vote or t.failed)]
  named = [t for t in everything if any(m.mint == USDC and m.named for m in t.transfers)]
  assert found(account_include=[USDC]) == named
  assert 0 < len(named) < len([t for t in everything if any(m.mint == USDC for m in t.transfers)])
  payer = encode(everything[-1].accounts[0].key)
  with_payer = [t for t in everything if payer in {encode(a.key) for a in t.accounts}]
  assert found(account_required=[payer]) == with_payer
  assert found(account_exclude=[payer]) == [t for t in everything if t not in with_payer]
  assert found(signature=encode(everything[5].signature)) == [everything[5]]


async def test_what_a_stream_carries_is_what_the_log_says(node):
  url = await node(forks=0.2)
  request = subscription(
    commitment=pb.CONFIRMED,
    transactions={"all": {}, "votes": {"vote": True}},
    blocks_meta={"meta": {}},
    accounts={"wallets": {}},
    blocks={"whole": {}},
  )
  async with subscribed(url, request) as stream:
    found = await stream.until(lambda f: sum(u.HasField("block_meta") for u in f) >= 8)
  log, stats = await log_of(url)
  whole = {block["slot"]: block for block in log if block["fate"] == "whole"}
  metas = [u.block_meta for u in found if u.HasField("block_meta")]
  for meta, after in zip(metas, metas[1:], strict=False):
    assert after.parent_slot == meta.slot
  for meta in metas:
    assert meta.executed_transaction_count == len(whole[meta.slot]["transactions"])
    got = [u for u in found if u.transaction.slot == meta.slot and u.HasField("transaction")]
    shown = whole[meta.slot]["transactions"]
    assert [encode(u.transaction.transaction.signature) for u in got] == [
      t["signature"] for t in shown
    ]
    assert [u.created_at.ToMilliseconds() for u in got] == [t["created_ms"] for t in shown]
    assert [sorted(u.filters) for u in got] == [
      ["all", "votes"] if t["vote"] else ["all"] for t in shown
    ]
  blocks = {u.block.slot: u.block for u in found if u.HasField("block")}
  for meta in metas:
    assert len(blocks[meta.slot].transactions) == meta.executed_transaction_count
  assert any(u.HasField("account") for u in found)
  assert not stats["violations"]


async def test_processed_streams_see_dead_slots_and_confirmed_ones_do_not(node):
  url = await node(forks=0.6)
  request = subscription(transactions={"t": {}}, slots={"s": {"interslot_updates": True}})
  async with subscribed(url, request) as stream:
    found = await stream.until(lambda f: any(u.slot.status == pb.SLOT_DEAD for u in f))
  dead = next(u.slot for u in found if u.slot.status == pb.SLOT_DEAD)
  assert dead.dead_error
  assert any(u.transaction.slot == dead.slot for u in found)
  assert {u.slot.status for u in found if u.HasField("slot")} >= {0, 3, 4, 5, 6}


async def test_a_replay_goes_on_without_a_seam_and_its_refusals_are_the_real_ones(node):
  url = await node()
  request = subscription(commitment=pb.CONFIRMED, blocks_meta={"m": {}})
  async with subscribed(url, request) as stream:
    first = (await stream.until(len))[0].block_meta.slot
  await trio.sleep(0.5)
  request.from_slot = first
  async with subscribed(url, request) as stream:
    found = await stream.until(lambda f: len(f) > 20)
  metas = [u.block_meta for u in found]
  assert metas[0].slot == first
  assert all(b.parent_slot == a.slot for a, b in zip(metas, metas[1:], strict=False))
  request.from_slot = 5
  async with subscribed(url, request) as stream:
    code, details = await stream.end()
  assert code == "OUT_OF_RANGE"
  assert details.startswith("broadcast from 5 is not available, last available: 4000000")
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    for kind, code, details in (
      ("no-replay", "INTERNAL", "from_slot is not supported"),
      ("wrong-replay", "INVALID_ARGUMENT", "failed to get replay position for slot 5"),
      ("catching-up", "INTERNAL", "failed to get replay response"),
    ):
      await client.post("/_sim/faults", json={"fault": f"{kind}:1"})
      async with subscribed(url, request) as stream:
        assert await stream.end() == (code, details)
      await trio.sleep(1)


async def test_tokens_and_forbidden_filters_are_refused(node):
  url = await node(token="canary-token")
  async with subscribed(url, subscription(blocks_meta={"m": {}}), "wrong") as stream:
    assert (await stream.end())[0] == "UNAUTHENTICATED"
  many = [encode(bytes([n]) * 32) for n in range(1, 12)]
  for accounts in (many, [TOKEN_PROGRAM], ["no-key"]):
    request = subscription(transactions={"t": {"account_include": accounts}})
    async with subscribed(url, request, "canary-token") as stream:
      assert (await stream.end())[0] == "INVALID_ARGUMENT"
  _, stats = await log_of(url)
  assert stats["violations"] == {"filters": 3}


async def test_a_new_request_replaces_the_filters_and_a_ping_is_answered(node):
  url = await node()
  async with subscribed(url, subscription(blocks_meta={"one": {}})) as stream:
    await stream.until(len)
    stream.request(pb.SubscribeRequest(ping=pb.SubscribeRequestPing(id=7)))
    found = await stream.until(lambda f: any(u.HasField("pong") for u in f))
    assert [u.pong.id for u in found if u.HasField("pong")] == [7]
    stream.request(subscription(blocks_meta={"two": {}}))
    await stream.until(lambda f: any(list(u.filters) == ["two"] for u in f))
    found = await stream.until(lambda f: len(f) > 2)
    assert {tuple(u.filters) for u in found} == {("two",)}


@pytest.mark.parametrize(
  ("kind", "code"), [("drop", "UNAVAILABLE"), ("lagged", "INTERNAL"), ("refuse:2", None)]
)
async def test_faults_end_streams(node, kind, code):
  url = await node()
  async with subscribed(url, subscription(blocks_meta={"m": {}})) as stream:
    await stream.until(len)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
      assert (await client.post("/_sim/faults", json={"fault": kind})).status_code == 201
    if code is not None:
      assert (await stream.end())[0] == code
  if code is None:
    async with subscribed(url, subscription(blocks_meta={"m": {}})) as stream:
      assert (await stream.end())[0] == "UNAVAILABLE"


async def test_withheld_and_doubled_blocks(node):
  url = await node(forks=0)
  request = subscription(commitment=pb.CONFIRMED, blocks_meta={"m": {}})
  async with subscribed(url, request) as stream:
    await stream.until(len)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
      await client.post("/_sim/faults", json={"fault": "gap:2"})
      await stream.until(lambda f: len(f) > 4)
      await client.post("/_sim/faults", json={"fault": "duplicate:2"})
      found = await stream.until(lambda f: len({u.block_meta.slot for u in f}) < len(f))
  _, stats = await log_of(url)
  assert len(stats["withheld"]) == 2
  assert found


async def test_half_open_connections_carry_nothing_and_new_ones_do(node):
  url = await node()
  async with subscribed(url, subscription(blocks_meta={"m": {}})) as stream:
    await stream.until(len)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
      await client.post("/_sim/faults", json={"fault": "half-open"})
    with trio.move_on_after(0.5):
      await stream.until(lambda f: len(f) > 20)
    with trio.move_on_after(0.4) as quiet:
      await stream._receive()
    assert quiet.cancelled_caught
  async with subscribed(url, subscription(blocks_meta={"m": {}})) as stream:
    await stream.until(len)


def test_faults_are_read_as_they_are_written():
  assert {parse_fault(kind).kind for kind in GEYSER_FAULTS.kinds} == set(GEYSER_FAULTS.kinds)
  fault = parse_fault("late-replay:2.5s@3s")
  assert (fault.kind, fault.amount, fault.after_seconds) == ("late-replay", 2.5, 3.0)
  for written in ("", "drop:3", "nothing", "gap:x", "drop@soon"):
    with pytest.raises(ValueError, match="is not a fault of Geyser"):
      parse_fault(written)
