"""Against the simulated mempool server, over real sockets, with its faults."""

from collections import Counter
from datetime import datetime

import httpx
import msgspec
import pytest
import trio
from bond_commandkit import text_to_spec
from bond_sim.bitcoin.config import BitcoinConfig, serve_bitcoin

from bond_core import Registry, load_spec, run


async def run_against(nursery, tmp_path, *, faults=(), duration=1.0, settings="", seed=1):
  """The rows that were written, the simulator's stats and faults, and the run's result."""
  config = BitcoinConfig(port=0, speed=100, seed=seed, faults=list(faults))
  url = await nursery.start(serve_bitcoin, config)
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    f"sources:\n  c: {{use: onchain.bitcoin, with: {{endpoint: '{url}'{settings}}}}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [c], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  with trio.fail_after(60):
    result = await run(spec, duration=duration)
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    stats = (await client.get("/_sim/stats")).json()
    struck = (await client.get("/_sim/faults")).json()
  nursery.cancel_scope.cancel()
  assert result.failures == ()
  return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()], stats, struck


def transactions(rows):
  """The transactions that entered the mempool; some left it again."""
  found = [row["meta"] for row in rows if row["type"] == "chain" and row["kind"] == "tx"]
  assert all(meta["status"] == "mempool" or meta["replaced_by"] for meta in found)
  return [meta["txid"] for meta in found if meta["status"] == "mempool"]


def gaps(rows):
  return [row for row in rows if row["type"] == "gap"]


async def test_every_transaction_that_the_simulator_wrote_is_told_once(nursery, tmp_path):
  rows, stats, _ = await run_against(nursery, tmp_path)
  told = transactions(rows)
  written = [txid for _, _, ids in stats["changes"] for txid in ids]
  # What was written while reading ended may not have been read; how much depends on the machine.
  assert len(told) > 20
  assert told == written[: len(told)]
  assert gaps(rows) == []


@pytest.mark.parametrize(
  "fault",
  [
    "drop@400ms",
    "rst@400ms",
    "gap:3@20f",
    "corrupt:3@20f",
    "duplicate:5@20f",
    pytest.param("5xx:3s@300ms", marks=pytest.mark.slow),
  ],
)
async def test_nothing_is_doubled_and_what_is_lost_is_declared(nursery, tmp_path, fault):
  also = ["drop@350ms"] if fault.startswith("5xx") else []
  duration = {"duplicate": 1.0, "5xx": 12.0}.get(fault.partition(":")[0], 2.0)
  rows, stats, struck = await run_against(
    nursery, tmp_path, faults=[fault, *also], duration=duration
  )
  assert all(f["frames"] or f["connections"] or f["requests"] for f in struck)
  told = transactions(rows)
  assert len(told) == len(set(told)) > 100
  sequences = {txid: number for number, _, ids in stats["changes"] for txid in ids}
  read = {sequences[txid] for txid in told}
  lost = {n for n in sequences.values() if min(read) < n < max(read)} - read
  declared = gaps(rows)
  times = {number: ms for number, ms, _ in stats["changes"]}
  for number in lost:
    assert any(covers(gap, number, times[number]) for gap in declared)
  if fault.startswith("duplicate"):
    assert not lost
    assert not declared
  elif fault.startswith(("gap", "corrupt")):
    assert lost
  else:
    assert [gap["reason"] for gap in declared] == ["upstream"]


def covers(gap, number, ms):
  """Whether a gap declares a change, by its number or by when it was."""
  if gap["venue_from"] is not None:
    return gap["venue_from"] <= number <= gap["venue_to"]
  return gap["ts_from"] - 100 <= ms <= gap["ts_to"] + 100


async def test_blocks_come_through_a_cut_and_a_reorganisation(nursery, tmp_path):
  rows, stats, _ = await run_against(
    nursery, tmp_path, faults=["drop@700ms"], duration=2.5, settings=", event_types: [block]"
  )
  chain, removed = [], 0
  for row in rows:
    if row["type"] == "chain":
      meta = row["meta"]
      if meta["status"] == "removed":
        assert chain.pop() == (meta["height"], meta["hash"])
        removed += 1
      else:
        chain.append((meta["height"], meta["hash"]))
  heights = [height for height, _ in chain]
  assert heights == list(range(heights[0], heights[0] + len(heights)))
  assert removed >= 1
  assert stats["height"] - heights[-1] <= 1
  assert [gap["cause"] for gap in gaps(rows) if "did not come" in gap["cause"]] == []


async def test_transfers_of_watched_addresses_are_those_of_the_mempool(nursery, tmp_path):
  from bond_sim.bitcoin.chain import BitcoinChain as Chain

  watched = Chain(5).addresses[:2]
  rows, _, _ = await run_against(
    nursery, tmp_path, duration=1.5, seed=5, settings=f", accounts: [{', '.join(watched)}]"
  )
  moved = [row for row in rows if row["type"] == "chain"]
  assert len(moved) > 5
  assert {row["kind"] for row in moved} == {"transfer"}
  assert {row["meta"]["account"] for row in moved} == set(watched)
  assert {row["meta"]["direction"] for row in moved} == {"in", "out"}
  keys = [(row["meta"]["txid"], row["meta"]["account"]) for row in moved]
  assert len(keys) == len(set(keys))


async def test_windows_count_what_the_simulator_wrote(nursery, tmp_path):
  url = await nursery.start(serve_bitcoin, BitcoinConfig(port=0, speed=100))
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    f"sources:\n  c: {{use: onchain.bitcoin, with: {{values: true, endpoint: '{url}'}}}}\n"
    "transforms:\n  w: {use: core.window, from: c, with: {every: 200ms, lateness: 100ms}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [c, w], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  with trio.fail_after(60):
    await run(spec, duration=1.5)
  nursery.cancel_scope.cancel()
  rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
  windows = [row for row in rows if "onchain_count" in row]
  chain = [row for row in rows if row.get("type") == "chain"]
  events = [row for row in chain if row["meta"]["status"] != "removed"]
  counts, sums = Counter(), Counter()
  for event in events:
    counts[event["ts_event"] // 200] += 1
    sums[event["ts_event"] // 200] += event["value"]
  assert sum(window["onchain_count"] > 0 for window in windows) >= 4
  # The first and the last were cut by the beginning and the end.
  for window in windows[1:-1]:
    start = round(datetime.fromisoformat(window["window_start"]).timestamp() * 5)
    assert window["onchain_count"] == counts[start]
    assert window["onchain_value_sum"] == pytest.approx(sums[start])


@pytest.mark.parametrize(
  ("text", "event_types"),
  [
    ("BTC price + on-chain activity every 5s", []),
    ("bitcoin blocks", ["block"]),
    ("bitcoin mempool", ["mempool"]),
    ("bitcoin transfers over 100 BTC", ["transfer"]),
  ],
)
def test_plain_english_about_bitcoins_chain_is_this_source(text, event_types):
  pytest.importorskip("bond_english")
  pytest.importorskip("bond_binance")
  answer = text_to_spec(text, Registry())
  node = answer.spec.sources["onchain-bitcoin"]
  assert node.use == "onchain.bitcoin"
  assert node.config.event_types == event_types
