"""Against the simulated node, over real sockets, with its faults."""

from functools import partial

import httpx
import msgspec
import pytest
import trio
from bond_sim.evm.config import EvmConfig, serve_evm

from bond_core import Registry, load_spec, run
from bond_core.supervise import Backoff


async def run_against(nursery, tmp_path, *, faults=(), duration=1.2, settings="", seed=1, **more):
  """The rows that were written, the simulator's log and stats, and the run's result."""
  options = {"port": 0, "speed": 240, "seed": seed, "forks": 0, "transfers": 8, **more}
  url = await nursery.start(serve_evm, EvmConfig(faults=list(faults), **options))
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    "sources:\n"
    f"  c: {{use: onchain.evm, with: {{endpoint: '{url}'{settings}}}}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [c], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  with trio.fail_after(30):
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
      result = await run(spec, duration=duration)
      log = (await client.get("/_sim/log")).json()
      stats = (await client.get("/_sim/stats")).json()
  nursery.cancel_scope.cancel()
  assert result.failures == ()
  rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
  return rows, log, stats


@pytest.fixture(autouse=True)
def quick(monkeypatch):
  monkeypatch.setattr("bond_evm.calls.WAITS", (0.05, 0.1, 0.2))
  monkeypatch.setattr("bond_evm.backfill.WAITS", (0.05, 0.1, 0.2))
  monkeypatch.setattr("bond_evm.running.Backoff", partial(Backoff, 0.05, 0.2))


def gaps(rows):
  """What was declared, but for what the end of reading cut short."""
  return [row for row in rows if row["type"] == "gap" and "reading ended" not in row["cause"]]


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


def assert_equals_the_chain(rows, log, *, behind=30, least=30):
  """What stands is what the chain holds, but for declared gaps; the last blocks may not have been
  read whole, and have been replaced since."""
  found = standing(rows)
  declared = [(gap["venue_from"], gap["venue_to"]) for gap in gaps(rows)]
  heights = [told[3] for told in found]
  ends = [row["venue_from"] for row in rows if row["type"] == "gap" and row not in gaps(rows)]
  last = min([max(heights) - 4, *(end - 1 for end in ends)])
  assert last > log["blocks"][-1]["number"] - behind
  written = {key(t): t for block in log["blocks"] for t in block["transfers"]}
  # The first block may have been announced before the subscription.
  wanted = {told for told in written if min(heights) < told[3] <= last}
  had = {told for told in found if min(heights) < told[3] <= last}
  assert had <= wanted, "nothing stands that is not part of the chain"
  missing = wanted - had
  for told in missing:
    assert any(first <= told[3] <= end for first, end in declared), told
  assert len(had) > least
  return {told[3] for told in missing}


TRANSFERS = ", event_types: [transfer]"


async def test_transfers_are_those_of_the_chain(nursery, tmp_path):
  rows, log, stats = await run_against(
    nursery, tmp_path, settings=TRANSFERS, forks=5, speed=480, duration=0.9
  )
  assert stats["forked"] >= 2
  assert assert_equals_the_chain(rows, log) == set()
  assert gaps(rows) == []
  assert any(row["meta"]["status"] == "removed" for row in rows)
  assert stats["asked"]["eth_call"] == 2 * len(
    {r["symbol"] for r in rows if "says" in r.get("meta", {})}
  )


FAULTS = (
  "drop@300ms",
  "close@300ms",
  "fork:3@300ms",
  "missing:3@300ms",
  "duplicate:9@300ms",
  "garbage:3@300ms",
  "narrow:2",
  "few:30",
  "busy:300ms@300ms",
  "refuse:200ms@300ms",
)


async def test_faults_lose_nothing_that_the_protocol_lets_one_recover(tmp_path):
  """All at once, each against a node of its own."""

  async def check(number, fault):
    faults = [fault]
    if fault.startswith(("narrow", "few", "refuse", "busy")):
      faults += ["drop@350ms"]
    path = tmp_path / str(number)
    path.mkdir()
    async with trio.open_nursery() as own:
      rows, log, stats = await run_against(
        own, path, settings=TRANSFERS, faults=faults, forks=6, duration=1.6
      )
    assert assert_equals_the_chain(rows, log) == set(), fault
    assert gaps(rows) == [], fault
    if "drop" in faults[-1] or fault.startswith("close"):
      assert len(stats["opened"]) >= 2, fault
      assert stats["asked"]["eth_getLogs"] >= 1, fault

  async with trio.open_nursery() as nursery:
    for number, fault in enumerate(FAULTS):
      nursery.start_soon(check, number, fault)


async def test_what_a_node_has_forgotten_is_a_gap_with_its_blocks(nursery, tmp_path):
  faults = ["drop@300ms", "refuse:300ms@290ms", "forget@550ms"]
  rows, log, _ = await run_against(
    nursery, tmp_path, settings=TRANSFERS, faults=faults, duration=1.3
  )
  missing = assert_equals_the_chain(rows, log)
  assert missing
  [gap] = gaps(rows)
  assert "pruned" in gap["cause"]
  assert (gap["exchange"], gap["channel"], gap["symbol"]) == ("ethereum", "chain", "*")
  assert missing <= set(range(gap["venue_from"], gap["venue_to"] + 1))
  assert gap["venue_to"] - gap["venue_from"] <= max(missing) - min(missing) + 1, "and no more"


async def test_no_more_blocks_than_wanted_are_read_again(nursery, tmp_path):
  faults = ["drop@300ms", "refuse:400ms@290ms"]
  settings = TRANSFERS + ", backfill: 4"
  rows, log, _ = await run_against(
    nursery, tmp_path, settings=settings, faults=faults, duration=1.3
  )
  assert assert_equals_the_chain(rows, log)
  [gap] = gaps(rows)
  assert "more than 4 blocks were missed" in gap["cause"]


async def test_a_node_that_says_nothing_is_given_up(tmp_path):
  async def check(fault, behind):
    path = tmp_path / fault[:4]
    path.mkdir()
    settings = TRANSFERS + ", silence: 1s"
    async with trio.open_nursery() as own:
      rows, log, stats = await run_against(own, path, settings=settings, faults=[fault], duration=2)
    assert len(stats["opened"]) >= 2
    assert_equals_the_chain(rows, log, behind=behind, least=3)

  async with trio.open_nursery() as nursery:
    nursery.start_soon(check, "half-open@300ms", 30)
    nursery.start_soon(check, "silence:30s@300ms", 60)


async def test_blocks_come_in_order_and_those_replaced_are_taken_back(nursery, tmp_path):
  faults = ["drop@200ms", "missing:2@500ms"]
  rows, log, _ = await run_against(
    nursery,
    tmp_path,
    settings=", event_types: [block, metric]",
    faults=faults,
    forks=5,
    speed=480,
    duration=0.9,
  )
  chain, removed, metrics = [], 0, 0
  for row in rows:
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
  written = {block["hash"]: block["transactions"] for block in log["blocks"]}
  assert all(written[own] == count for _, own, count in chain[:-4])
  assert removed >= 1
  assert metrics == len(chain) + removed
  assert gaps(rows) == []


async def test_filters_are_the_nodes_and_amounts_are_whole_tokens(nursery, tmp_path):
  from bond_sim.evm.chain import KNOWN, Chain

  wallet = Chain(1, 8).wallets[3]
  rows, log, _ = await run_against(
    nursery,
    tmp_path,
    settings=f", symbols: [USDT, WBTC], accounts: ['{wallet.upper().replace('X', 'x')}']",
    transfers=60,
    speed=480,
    duration=0.6,
  )
  addresses = {token.address for token in KNOWN if token.scale in (6, 8)} - {KNOWN[1].address}
  found = standing(rows)
  assert len(found) > 10
  for told, row in found.items():
    assert told[4] in addresses
    assert wallet in told[5:7]
    digits = {"USDT": 6, "WBTC": 8}[row["symbol"]]
    assert row["value"] == int(told[7]) / 10**digits
  first, last = min(t[3] for t in found), log["blocks"][-1]["number"] - 3
  written = {
    key(t)
    for block in log["blocks"]
    for t in block["transfers"]
    if t["token"] in addresses and wallet in (t["from"], t["to"]) and first < t["height"] <= last
  }
  assert {told for told in found if first < told[3] <= last} == written


async def test_what_unlisted_tokens_say_of_themselves_is_not_taken_for_theirs(nursery, tmp_path):
  odd = ["0x" + "0" * 38 + f"a{n}" for n in (1, 2, 3, 4, 5)]
  rows, _, _ = await run_against(
    nursery, tmp_path, settings=f", addresses: {odd[:3]}", transfers=100, duration=0.4
  )
  assert {row["symbol"] for row in rows} == {"ODD", "MKR", odd[2]}
  says = {row["meta"]["says"] for row in rows if row["symbol"] == odd[2]}
  assert says == {"USDT"}
  assert {row["meta"]["decimals"] for row in rows} == {9, 18, 2}
