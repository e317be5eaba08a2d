"""Sentences against simulators, as a user runs them: windows have what the chain's log has."""

import os
import re
import sys
from collections import Counter
from datetime import datetime
from functools import partial
from subprocess import PIPE

import httpx
import msgspec
import pytest
import trio

from bond_core import Registry, load_spec, run


def epoch_ms(text):
  return round(datetime.fromisoformat(text).timestamp() * 1000)


def counts_of(log, span):
  """Transactions that stand, no votes and no failed ones, by window."""
  return Counter(
    made["created_ms"] // span
    for block in log
    if block["fate"] == "whole"
    for made in block["transactions"]
    if not (made["vote"] or made["failed"])
  )


async def test_the_headline_sentence_counts_what_the_simulated_chain_wrote():
  pytest.importorskip("bond_english")
  pytest.importorskip("bond_binance")
  pytest.importorskip("bond_x")
  text = "SOL price + on-chain activity + tweets every 1s"
  command = [sys.executable, "-m", "bond_core", "run", text, "--sim"]
  process = await trio.lowlevel.open_process(command, stdout=PIPE, stderr=PIPE, env=os.environ)
  told, rows = b"", b""
  log = []

  async def read_told():
    nonlocal told
    async for data in process.stderr:
      told += data

  try:
    with trio.fail_after(60):
      async with trio.open_nursery() as nursery:
        nursery.start_soon(read_told)
        async for data in process.stdout:
          rows += data
          if rows.count(b'"type":"window"') > 6:
            break
        sites = dict(re.findall(r"is bond sim (\w+) at (http://\S+)", told.decode()))
        async with httpx.AsyncClient(trust_env=False) as client:
          log += (await client.get(f"{sites['geyser']}/_sim/log")).json()
        nursery.cancel_scope.cancel()
  finally:
    process.terminate()
    with trio.CancelScope(shield=True), trio.move_on_after(10):
      await process.wait()
    for pipe in (process.stdout, process.stderr):
      await pipe.aclose()
  events = [msgspec.json.decode(line) for line in rows.splitlines(keepends=True)[:-1]]
  windows = [event for event in events if event["type"] == "window"][:5]
  assert {window["symbol"] for window in windows} == {"SOL/USDT"}
  expected = counts_of(log, 1000)
  # The first two began before everything was connected.
  whole = windows[2:]
  counts = [w["onchain_count"] for w in whole]
  wanted = [expected[epoch_ms(w["window_start"]) // 1000] for w in whole]
  # On a machine that is held up some come after their window, which is told.
  late = sum(e["missed"] for e in events if e["type"] == "gap" and e["reason"] == "late")
  missing = [want - count for want, count in zip(wanted, counts, strict=True)]
  assert min(missing) >= 0
  assert sum(missing) <= late
  assert all(w["price_avg"] and w["onchain_count"] for w in whole)
  assert sum(w["tweets"] for w in whole) > 0
  simulated = {name for w in whole for name in w["raw_data"]["simulated"]}
  assert simulated == {"binance", "solana", "x"}


async def test_mock_mode_simulates_by_itself_and_says_so(tmp_path, monkeypatch):
  monkeypatch.delenv("GRPC_ENDPOINT", raising=False)
  monkeypatch.setenv("ONCHAIN_MODE", "mock")
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    "sources:\n  chain: {use: onchain.solana, with: {symbols: [USDC]}}\n"
    "transforms:\n  w: {use: core.window, from: chain, with: {every: 500ms}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [w], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  stop, found = trio.Event(), []
  with trio.fail_after(60):
    async with trio.open_nursery() as nursery:
      nursery.start_soon(partial(run, spec, stop=stop))
      while not found:
        await trio.sleep(0.1)
        *lines, _ = path.read_bytes().split(b"\n") if path.exists() else [b""]
        rows = map(msgspec.json.decode, lines)
        found = [row for row in rows if row["type"] == "window" and row["onchain_count"]]
      stop.set()
  assert {row["symbol"] for row in found} == {"USDC"}
  assert all(row["raw_data"]["simulated"] == ["solana"] for row in found)
  assert all(row["onchain_value_sum"] > 0 for row in found)
