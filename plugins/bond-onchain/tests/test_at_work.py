"""The source against the simulated node, over real gRPC."""

import bond_onchain.transport
import pytest
import trio
from bond_geyser.base58 import encode
from bond_onchain.session import SolanaSession

from bond_core._spec.values import Secret

CANARY = "canary-7f3a91-token"


def signatures(blocks, *, vote=False, failed=False):
  return [
    (block["slot"], made["signature"])
    for block in blocks
    for made in block["transactions"]
    if (vote or not made["vote"]) and (failed or not made["failed"])
  ]


def seen(events):
  return [(event.meta["slot"], event.meta["signature"]) for event in events]


def slots(ctx):
  return [event.meta["slot"] for event in ctx.of("block")]


async def whole(sim, ctx):
  """The blocks of the log that the source has seen from the first to the last, whole."""
  found = slots(ctx)
  return await sim.log(found[1], found[-1])


def between(events, blocks):
  first, last = blocks[0]["slot"], blocks[-1]["slot"]
  return [event for event in events if first <= event.meta["slot"] <= last]


async def test_every_transaction_block_and_transfer_comes_once_and_in_order(sim, source):
  node = await sim(forks=0.3)
  ctx = await source(node, event_types=["tx", "transfer", "block"])
  await ctx.until(lambda c: len(c.of("block")) > 12)
  await ctx.end()
  blocks = await whole(node, ctx)
  assert seen(between(ctx.of("tx"), blocks)) == signatures(blocks)
  assert slots(ctx)[1:] == [block["slot"] for block in blocks]
  expected = [
    (m["mint"] or None, str(m["amount"]), m["sender"], m["receiver"], t["created_ms"])
    for b in blocks
    for t in b["transactions"]
    for m in t["moved"]
  ]
  found = [
    (e.meta["mint"], e.meta["amount"], e.meta["from"], e.meta["to"], e.ts_exchange)
    for e in between(ctx.of("transfer"), blocks)
  ]
  assert found == expected
  assert {event.symbol for event in ctx.of("transfer")} <= {"SOL", "USDC", "USDT", "BONK"}
  fees = {t["signature"]: t["fee"] for b in blocks for t in b["transactions"]}
  assert all(
    event.meta["fee"] == fees[event.meta["signature"]] == round(event.value * 10**9)
    for event in between(ctx.of("tx"), blocks)
  )
  assert not ctx.gaps
  assert not (await node.stats())["violations"]


async def test_votes_and_failed_ones_come_where_they_are_wanted(sim, source):
  node = await sim()
  ctx = await source(node, event_types=["tx", "block"], votes=True, failed=True)
  await ctx.until(lambda c: len(c.of("block")) > 12)
  await ctx.end()
  blocks = await whole(node, ctx)
  assert seen(between(ctx.of("tx"), blocks)) == signatures(blocks, vote=True, failed=True)
  assert {event.meta["vote"] for event in ctx.of("tx")} == {True, False}
  assert {event.meta["failed"] for event in ctx.of("tx")} == {True, False}


@pytest.mark.parametrize("complete", [False, True])
async def test_transfers_of_a_token_that_name_it_or_all_of_them(sim, source, complete, caplog):
  node = await sim(speed=2)
  ctx = await source(node, symbols=["USDC"], event_types=["transfer", "block"], complete=complete)
  await ctx.until(lambda c: len(c.of("block")) > 10)
  await ctx.end()
  blocks = await whole(node, ctx)
  moved = [
    (t["signature"], m["named"])
    for b in blocks
    for t in b["transactions"]
    for m in t["moved"]
    if m["mint"].startswith("EPjFWdd5")
  ]
  assert {named for _, named in moved} == {True, False}
  expected = [signature for signature, named in moved if complete or named]
  found = between(ctx.of("transfer"), blocks)
  assert [event.meta["signature"] for event in found] == expected
  assert {event.symbol for event in found} == {"USDC"}
  assert ("complete: true" in caplog.text) is not complete


async def test_small_transfers_are_left_out_and_accounts_narrow_them(sim, source):
  node = await sim(speed=2, forks=0)
  blocks = []
  while not blocks:
    await trio.sleep(0.05)
    blocks = await node.log()
  wallet = next(m["sender"] for t in blocks[0]["transactions"] for m in t["moved"])
  large = await source(node, symbols=["SOL"], min_amount=10, event_types=["transfer", "block"])
  ours = await source(node, accounts=[wallet], event_types=["transfer", "account", "block"])
  sent = await source(node, accounts=[wallet], direction="out", event_types=["transfer"])
  await sent.until(lambda c: c.of("transfer"))
  assert all(wallet in (e.meta["from"], *e.meta.get("senders", ())) for e in sent.of("transfer"))
  await ours.until(lambda c: len(c.of("block")) > 20 and c.of("account") and c.of("transfer"))
  await large.until(lambda c: c.of("transfer"))
  assert all(e.value >= 10 and e.meta["mint"] is None for e in large.of("transfer"))
  assert all(wallet in (e.meta["from"], e.meta["to"]) for e in ours.of("transfer"))
  assert {e.meta["account"] for e in ours.of("account")} == {wallet}
  blocks = await whole(node, ours)
  expected = [
    t["signature"]
    for b in blocks
    for t in b["transactions"]
    for m in t["moved"]
    if wallet in (m["sender"], m["receiver"])
  ]
  assert [e.meta["signature"] for e in between(ours.of("transfer"), blocks)] == expected


@pytest.mark.parametrize("kind", ["drop", "lagged"])
async def test_after_a_cut_nothing_is_lost_or_doubled(sim, source, kind):
  node = await sim()
  ctx = await source(node, event_types=["tx", "block"])
  for round_ in range(3):
    await ctx.until(lambda c, least=8 * (round_ + 1): len(c.of("block")) > least)
    await node.fault(kind)
  await ctx.until(lambda c: len(c.of("block")) > 40)
  await ctx.end()
  blocks = await whole(node, ctx)
  assert seen(between(ctx.of("tx"), blocks)) == signatures(blocks)
  assert slots(ctx)[1:] == [block["slot"] for block in blocks]
  assert not ctx.gaps
  asked = [request["from_slot"] for request in (await node.stats())["requests"]]
  assert asked[0] is None
  assert len(asked) >= 2
  assert None not in asked[1:]


@pytest.mark.parametrize("refusal", ["denied", "unknown"])
async def test_a_refusal_that_a_proxy_may_have_made_is_waited_out(sim, source, refusal):
  node = await sim()
  ctx = await source(node, event_types=["block"])
  await ctx.until(lambda c: len(c.of("block")) > 5)
  await node.fault(f"{refusal}:0.3")
  await node.fault("drop")
  at = len(ctx.of("block"))
  await ctx.until(lambda c: len(c.of("block")) > at + 100)
  await ctx.end()
  slots = [event.meta["slot"] for event in ctx.of("block")]
  assert len(slots) == len(set(slots))


@pytest.mark.parametrize("refusal", ["no-replay", "late-replay", "wrong-replay", "catching-up"])
async def test_a_refused_replay_is_tried_twice_then_the_slots_between_are_a_gap(
  sim, source, refusal
):
  node = await sim()
  ctx = await source(node, event_types=["tx", "block"])
  await ctx.until(lambda c: len(c.of("block")) > 5)
  await node.fault(f"{refusal}:60")
  await node.fault("drop")
  await ctx.until(lambda c: c.gaps)
  gap = ctx.gaps[0]
  at = len(ctx.events)
  await ctx.until(lambda c: len(c.events) > at + 100)
  await ctx.end()
  asked = [request["from_slot"] for request in (await node.stats())["requests"]]
  assert [slot is None for slot in asked] == [True, False, False, True]
  (gap,) = ctx.gaps
  assert (gap.exchange, gap.channel, gap.reason) == ("solana", "chain", "upstream")
  assert gap.ts_from <= gap.ts_to
  found = slots(ctx)
  covered = range(gap.venue_from, gap.venue_to + 1)
  blocks = await whole(node, ctx)
  missed = set(signatures(blocks)) - set(seen(ctx.of("tx")))
  assert {slot for slot, _ in missed} <= set(covered)
  assert len(set(seen(ctx.of("tx")))) == len(ctx.of("tx"))
  assert found == sorted(set(found))


async def test_after_a_longer_outage_the_stream_goes_on_with_the_oldest_that_the_node_has(
  sim, source, monkeypatch
):
  # In slots of 20 ms; the waits are of up to 0.2 s.
  monkeypatch.setattr("bond_onchain.session.REPLAY_MARGIN", 15)
  node = await sim()
  ctx = await source(node, event_types=["tx", "block"])
  await ctx.until(lambda c: len(c.of("block")) > 5)
  # Twice as long as a hundred slots need: a busy node is slow with them.
  await node.fault("refuse:4")
  await node.fault("drop")
  await ctx.until(lambda c: c.gaps)
  at = len(ctx.of("block"))
  await ctx.until(lambda c: len(c.of("block")) > at + 30)
  await ctx.end()
  (gap,) = ctx.gaps
  blocks = await whole(node, ctx)
  missed = {slot for slot, _ in set(signatures(blocks)) - set(seen(ctx.of("tx")))}
  assert missed
  assert missed <= set(range(gap.venue_from, gap.venue_to + 1))
  # The hundred slots that were stored came, but for those that were forgotten meanwhile.
  assert gap.venue_to - max(missed) <= 2
  asked = [request["from_slot"] for request in (await node.stats())["requests"]]
  # On a busy machine the second answer may come too late for its slot, and then nothing is asked.
  assert [slot is None for slot in asked] in ([True, False, False], [True, False, False, True])
  assert asked[2] > asked[1]


async def test_blocks_that_do_not_come_are_a_gap_and_those_that_come_twice_count_once(sim, source):
  node = await sim(forks=0)
  ctx = await source(node, event_types=["tx", "block"])
  await ctx.until(lambda c: len(c.of("block")) > 3)
  await node.fault("gap:2")
  await ctx.until(lambda c: c.gaps)
  await node.fault("duplicate:3")
  at = len(ctx.of("block"))
  await ctx.until(lambda c: len(c.of("block")) > at + 8)
  await ctx.end()
  withheld = (await node.stats())["withheld"]
  assert [(gap.venue_from, gap.venue_to) for gap in ctx.gaps] == [(withheld[0], withheld[1])]
  assert len(set(seen(ctx.of("tx")))) == len(ctx.of("tx"))
  assert slots(ctx) == sorted(set(slots(ctx)))


async def test_what_is_processed_and_undone_is_taken_back(sim, source):
  node = await sim(forks=0.5)
  ctx = await source(node, event_types=["tx"], commitment="processed")
  statuses = lambda c: [e.meta["status"] for e in c.of("block")]  # noqa: E731
  await ctx.until(lambda c: {"dead", "abandoned"} <= set(statuses(c)))
  await ctx.end()
  fates = {block["slot"]: block["fate"] for block in await node.blocks()}
  undone = {e.meta["slot"]: e.meta["status"] for e in ctx.of("block")}
  assert undone == {slot: fates[slot] for slot in undone}
  said = {e.meta["slot"] for e in ctx.of("tx")}
  settled = max(slot for slot, status in undone.items() if status == "abandoned")
  expected = {s for s, fate in fates.items() if fate == "abandoned" and s in said and s <= settled}
  assert {slot for slot, status in undone.items() if status == "abandoned"} == expected
  assert not ctx.gaps


async def test_half_open_and_silent_nodes_are_left_after_a_while(sim, source, monkeypatch):
  monkeypatch.setattr(SolanaSession, "silence", 0.5)
  monkeypatch.setattr(SolanaSession, "tick", 0.1)
  node = await sim()
  ctx = await source(node, event_types=["tx", "block"])
  await ctx.until(lambda c: len(c.of("block")) > 5)
  await node.fault("half-open")
  await trio.sleep(0.6)
  at = len(ctx.of("block"))
  await ctx.until(lambda c: len(c.of("block")) > at + 5)
  await node.fault("silence:30")
  await trio.sleep(0.6)
  at = len(ctx.of("block"))
  await ctx.until(lambda c: len(c.of("block")) > at + 5)
  await ctx.end()
  blocks = await whole(node, ctx)
  # What a silent node did not say is found again by its replay.
  assert seen(between(ctx.of("tx"), blocks)) == signatures(blocks)
  assert not ctx.gaps
  assert (await node.stats())["streams"] >= 3


async def test_a_half_open_connection_is_seen_by_http2_before_anything_else(
  sim, source, monkeypatch
):
  options = dict(bond_onchain.transport._OPTIONS) | {"grpc.http2.ping_timeout_ms": 300}
  monkeypatch.setattr("bond_onchain.transport._OPTIONS", list(options.items()))
  # Slots so long that the node still has all of them, however busy the machine.
  node = await sim(slot_ms=200)
  ctx = await source(node, event_types=["tx", "block"])
  await ctx.until(lambda c: len(c.of("block")) > 5)
  await node.fault("half-open")
  await trio.sleep(0.2)
  at = len(ctx.of("block"))
  # HTTP/2 looks every 15 s. A busy machine may answer a ping too late once more: that is no fault.
  await ctx.until(lambda c: len(c.of("block")) > at + 5, 40)
  assert not ctx.gaps
  assert (await node.stats())["streams"] >= 2


async def test_pings_are_answered(sim, source, monkeypatch):
  monkeypatch.setattr("bond_sim.geyser.serving.PING_EVERY", 0.5)
  node = await sim()
  ctx = await source(node)
  await ctx.until(lambda c: c.events)
  await trio.sleep(3)
  stats = await node.stats()
  assert (stats["streams"], stats["violations"]) == (1, {})


async def test_a_token_opens_the_node_and_is_nowhere_to_be_read(sim, source, monkeypatch, caplog):
  node = await sim(token=CANARY)
  monkeypatch.setenv("NODE_KEY", CANARY)
  ctx = await source(node, token=Secret("NODE_KEY"))
  await ctx.until(lambda c: c.events)
  await ctx.end()
  monkeypatch.setenv("NODE_KEY", "wrong-canary")
  refused = await source(node, token=Secret("NODE_KEY"), event_types=["block"])
  await refused.until(lambda c: c.reader.source.notices())
  ((_, state, reason),) = refused.reader.source.notices()
  assert state == "unavailable"
  assert "UNAUTHENTICATED" in reason
  assert "look at the x-token" in reason
  assert "canary" not in reason + caplog.text + repr(ctx.events)


async def test_filters_that_a_node_refuses_end_the_source_with_its_words(sim, source, monkeypatch):
  monkeypatch.setattr("bond_onchain.requests.INCLUDED", 11)
  node = await sim()
  wallets = [encode(bytes([n]) * 32) for n in range(1, 12)]
  ctx = await source(node, accounts=wallets)
  await ctx.until(lambda c: c.failure)
  assert "Max amount of account_include is 10" in ctx.failure


async def test_many_accounts_are_several_filters(sim, source):
  node = await sim()
  blocks = []
  while not blocks:
    await trio.sleep(0.05)
    blocks = await node.log()
  wallets = {m[side] for t in blocks[0]["transactions"] for m in t["moved"] for side in SIDES}
  ctx = await source(node, accounts=sorted(wallets), event_types=["tx", "block"])
  assert len(wallets) > 10
  await ctx.until(lambda c: len(c.of("block")) > 10 and c.of("tx"))
  assert len(set(seen(ctx.of("tx")))) == len(ctx.of("tx"))
  assert not (await node.stats())["violations"]


SIDES = ("sender", "receiver")


async def test_without_a_node_and_without_a_simulator_both_remedies_are_named(source):
  ctx = await source(None, simulator="nowhere")
  await ctx.until(lambda c: c.failure, 30)
  assert "bond sim nowhere" in ctx.failure
  assert "GRPC_ENDPOINT" in ctx.failure
