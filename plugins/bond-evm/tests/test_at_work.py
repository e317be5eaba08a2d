"""Against the simulated node, over real sockets, with its faults."""

import msgspec
import pytest
import trio
from bond_evm import session
from bond_sim.evm.chain import KNOWN, EvmChain as Chain
from bond_sim.evm.faults import parse_fault
from bond_sim.evm.node import EvmNode, logged
from bond_simkit import VenueClock, serve_site as serve

from bond_core import Registry, load_spec, run
from bond_core._supervise import Backoff

EVERY = 0.025
"""Seconds between blocks."""


@pytest.fixture(autouse=True)
def sessions(monkeypatch):
  """Sessions by the endpoint that they read."""
  found = {}

  class Seen(session.EvmSession):
    def __init__(self, config, node):
      super().__init__(config, node)
      found[config.endpoint] = self

  monkeypatch.setattr("bond_evm.calls.WAITS", (0.05, 0.1, 0.2))
  monkeypatch.setattr("bond_evm.backfill.WAITS", (0.05, 0.1, 0.2, 0.4, 0.8))
  monkeypatch.setattr("bond_core._sessions.driver.Backoff", lambda rng: Backoff(0.05, 0.2))
  monkeypatch.setattr(session, "EvmSession", Seen)
  return found


class Played:
  """What came of a run: the rows that were written, the chain, and what the node was asked."""

  def __init__(self, node, path):
    self.rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    self.blocks = [logged(block) for _, block in sorted(node.chain.blocks.items())]
    self.node = node

  @property
  def gaps(self):
    return [row for row in self.rows if row["type"] == "gap"]


async def play(
  sessions, path, *, plan=(), settings=", event_types: [transfer]", blocks=30, forks=0, transfers=8
):
  """Reads so many blocks, with faults when so many have been made since the reader was there, and
  stops when the reader has told all up to some block after that."""
  chain = Chain(1, transfers)
  node = EvmNode(VenueClock(), chain, every=EVERY, forks=forks)
  plan = sorted(plan)
  stop = trio.Event()
  with trio.fail_after(60):
    async with trio.open_nursery() as own:
      url = await own.start(serve, node, "127.0.0.1", 0)
      spec = load_spec(
        f"sources:\n  c: {{use: onchain.evm, with: {{endpoint: '{url}'{settings}}}}}\n"
        f"sinks:\n  out: {{use: core.jsonl, from: [c], with: {{path: '{path}'}}}}\n",
        registry=Registry(),
      )

      async def reading():
        result = await run(spec, stop=stop)
        assert result.failures == ()
        own.cancel_scope.cancel()

      own.start_soon(reading)
      while url not in sessions or not sessions[url].live:
        await trio.sleep(0.005)
      first = chain.tip.number
      making = trio.CancelScope()

      async def make():
        with making:
          await node.run()

      own.start_soon(make)
      while plan or chain.tip.number < first + blocks:
        while plan and chain.tip.number >= first + plan[0][0]:
          node.fault(parse_fault(plan.pop(0)[1]))
        await trio.sleep(0.005)
      # The chain stands still, so that nothing is open at the end.
      making.cancel()
      reader, last = sessions[url], chain.tip.number
      while not reader.whole or reader.height < last:
        await trio.sleep(0.005)
      stop.set()
  return Played(node, path)


def key(meta):
  names = ("block", "txid", "log_index", "height", "token", "from", "to", "amount")
  return tuple(meta[name] for name in names)


def standing(rows):
  """The transfers that were told and not taken back. Each is told once, and taken back only while
  it stands."""
  found = {}
  for row in rows:
    if row["type"] == "chain" and row["kind"] == "transfer":
      told = key(row["meta"])
      if row["meta"]["status"] == "removed":
        first = found.pop(told)
        assert (first["value"], first["symbol"]) == (row["value"], row["symbol"])
      else:
        assert told not in found
        found[told] = row
  return found


def assert_equals_the_chain(played, *, least=100):
  """What stands is what the chain holds, but for declared gaps. The heights that are missing."""
  found = standing(played.rows)
  declared = [(gap["venue_from"], gap["venue_to"]) for gap in played.gaps]
  heights = [told[3] for told in found]
  written = {key(t): t for block in played.blocks for t in block["transfers"]}
  # The first block may have been announced before the subscription.
  wanted = {told for told in written if min(heights) < told[3]}
  had = {told for told in found if min(heights) < told[3]}
  assert had <= wanted, "nothing stands that is not part of the chain"
  missing = wanted - had
  for told in missing:
    assert any(first <= told[3] <= end for first, end in declared), told
  assert len(had) > least
  return {told[3] for told in missing}


async def test_transfers_are_those_of_the_chain(sessions, tmp_path):
  played = await play(sessions, tmp_path / "out", forks=5)
  assert played.node.forked >= 2
  assert assert_equals_the_chain(played) == set()
  assert played.gaps == []
  assert any(row["meta"]["status"] == "removed" for row in played.rows)
  unlisted = {row["symbol"] for row in played.rows if "says" in row["meta"]}
  # A collectible of before the rules shows by its decimals that it is no token.
  collectibles = played.node.asked["eth_call"] // 2 - len(unlisted)
  assert collectibles in (0, 1)


FAULTS = (
  [(6, "drop")],
  [(6, "close")],
  [(6, "drop"), (6, "refuse:60s"), (14, "refuse:0s")],
  [(6, "drop"), (6, "403:60s"), (14, "403:0s")],
  [(6, "drop"), (6, "html:60s"), (14, "html:0s")],
  [(8, "fork:3")],
  [(8, "missing:3")],
  [(8, "duplicate:9")],
  [(8, "garbage:3")],
  [(0, "narrow:2"), (6, "drop"), (6, "refuse:60s"), (16, "refuse:0s")],
  [(0, "few:30"), (6, "drop"), (6, "refuse:60s"), (16, "refuse:0s")],
  [(6, "drop"), (6, "busy:60s"), (10, "busy:0s")],
  [(6, "drop"), (6, "refuse:60s"), (8, "behind:60s"), (16, "refuse:0s"), (24, "behind:0s")],
)


async def test_faults_lose_nothing_that_the_protocol_lets_one_recover(sessions, tmp_path):
  """All at once, each against a node of its own."""

  async def check(number, plan):
    played = await play(sessions, tmp_path / str(number), plan=plan, forks=7)
    assert assert_equals_the_chain(played) == set(), plan
    assert played.gaps == [], plan
    cut = any(fault in ("drop", "close") for _, fault in plan)
    assert len(played.node.opened_at) >= 1 + cut, plan
    assert played.node.asked["eth_getLogs"] >= 1, plan

  async with trio.open_nursery() as nursery:
    for number, plan in enumerate(FAULTS):
      nursery.start_soon(check, number, plan)


async def test_what_a_node_has_forgotten_is_a_gap_with_its_blocks(sessions, tmp_path):
  plan = [(6, "drop"), (6, "refuse:60s"), (14, "forget"), (18, "refuse:0s")]
  played = await play(sessions, tmp_path / "out", plan=plan)
  missing = assert_equals_the_chain(played)
  [gap] = played.gaps
  assert "pruned" in gap["cause"]
  assert (gap["exchange"], gap["channel"], gap["symbol"]) == ("ethereum", "chain", "*")
  assert missing == set(range(min(missing), max(missing) + 1))
  # The last block before the cut is asked for, too, and may have been read whole.
  assert min(missing) - gap["venue_from"] in (0, 1)
  assert gap["venue_to"] == max(missing)


async def test_no_more_blocks_than_wanted_are_read_again(sessions, tmp_path):
  plan = [(6, "drop"), (6, "refuse:60s"), (16, "refuse:0s")]
  settings = ", event_types: [transfer], backfill: 4"
  played = await play(sessions, tmp_path / "out", plan=plan, settings=settings)
  missing = assert_equals_the_chain(played)
  [gap] = played.gaps
  assert "more than 4 blocks were missed" in gap["cause"]
  assert max(missing) == gap["venue_to"]


async def test_a_node_that_says_nothing_is_given_up(sessions, tmp_path):
  async def check(fault):
    settings = ", event_types: [transfer], silence: 1s"
    played = await play(sessions, tmp_path / fault[:4], plan=[(4, fault)], settings=settings)
    assert len(played.node.opened_at) >= 2
    assert assert_equals_the_chain(played) == set()
    assert played.gaps == []

  async with trio.open_nursery() as nursery:
    nursery.start_soon(check, "half-open")
    nursery.start_soon(check, "silence:60s")


async def test_blocks_come_in_order_and_those_replaced_are_taken_back(sessions, tmp_path):
  played = await play(
    sessions,
    tmp_path / "out",
    plan=[(6, "drop"), (16, "missing:2")],
    settings=", event_types: [block, metric]",
    forks=5,
  )
  chain, removed, metrics = [], 0, 0
  for row in played.rows:
    assert row["symbol"] == "ETH"
    meta = row["meta"]
    if row["kind"] == "metric":
      metrics += 1
      assert row["value"] == pytest.approx(meta["base_fee"] / 1e9)
    elif meta["status"] == "removed":
      removed += 1
      assert chain.pop()[1] == meta["hash"]
    else:
      chain.append((meta["height"], meta["hash"], row["value"]))
  heights = [height for height, _, _ in chain]
  assert heights == list(range(heights[0], heights[0] + len(heights)))
  assert len(heights) >= 30
  written = {block["hash"]: block["transactions"] for block in played.blocks}
  assert all(written[own] == count for _, own, count in chain)
  assert removed >= 1
  assert metrics == len(chain) + removed
  assert played.gaps == []


async def test_filters_are_the_nodes_and_amounts_are_whole_tokens(sessions, tmp_path):
  wallet = Chain(1, 8).wallets[3]
  played = await play(
    sessions,
    tmp_path / "out",
    settings=f", symbols: [USDT, WBTC], accounts: ['{wallet.upper().replace('X', 'x')}']",
    transfers=60,
    blocks=20,
  )
  addresses = {token.address for token in KNOWN if token.scale in (6, 8)} - {KNOWN[1].address}
  found = standing(played.rows)
  assert len(found) > 10
  for told, row in found.items():
    assert told[4] in addresses
    assert wallet in told[5:7]
    digits = {"USDT": 6, "WBTC": 8}[row["symbol"]]
    assert row["value"] == int(told[7]) / 10**digits
  first = min(t[3] for t in found)
  written = {
    key(t)
    for block in played.blocks
    for t in block["transfers"]
    if t["token"] in addresses and wallet in (t["from"], t["to"]) and first < t["height"]
  }
  assert {told for told in found if first < told[3]} == written


NATIVE_FAULTS = (
  [],
  [(6, "drop"), (6, "refuse:60s"), (14, "refuse:0s")],
  [(4, "no-receipts"), (8, "fork:3"), (12, "missing:3")],
  [(6, "behind:60s"), (12, "behind:0s"), (14, "garbage:3"), (18, "close")],
  [(6, "busy:60s"), (10, "busy:0s")],
)


async def test_what_transactions_move_of_ether_is_that_of_the_chain_with_faults_too(
  sessions, tmp_path
):
  """All at once, each against a node of its own."""

  async def check(number, plan):
    played = await play(
      sessions, tmp_path / str(number), plan=plan, settings=", symbols: [ETH]", forks=7, blocks=25
    )
    found = {}
    for row in played.rows:
      meta = row["meta"]
      told = tuple(meta[name] for name in ("block", "height", "txid", "from", "to", "amount"))
      assert (row["kind"], row["symbol"]) == ("transfer", "ETH")
      if meta["status"] == "removed":
        del found[told]
      else:
        assert told not in found
        found[told] = row["value"]
    heights = [told[1] for told in found]
    assert heights == sorted(heights), plan
    written = {
      (t["block"], t["height"], t["txid"], t["from"], t["to"], t["amount"]): int(t["amount"]) / 1e18
      for block in played.blocks
      for t in block["natives"]
      if min(heights) < t["height"]
    }
    assert {told: v for told, v in found.items() if min(heights) < told[1]} == written, plan
    assert len(found) > 50
    assert played.node.asked["eth_getLogs"] == 0

  async with trio.open_nursery() as nursery:
    for number, plan in enumerate(NATIVE_FAULTS):
      nursery.start_soon(check, number, plan)


async def test_what_unlisted_tokens_say_of_themselves_is_not_taken_for_theirs(sessions, tmp_path):
  odd = ["0x" + "0" * 38 + f"a{n}" for n in (1, 2, 3, 4, 5)]
  played = await play(
    sessions, tmp_path / "out", settings=f", addresses: {odd[:3]}", transfers=60, blocks=10
  )
  assert {row["symbol"] for row in played.rows} == {"ODD", "MKR", odd[2]}
  says = {row["meta"]["says"] for row in played.rows if row["symbol"] == odd[2]}
  assert says == {"USDT"}
  assert {row["meta"]["decimals"] for row in played.rows} == {9, 18, 2}
