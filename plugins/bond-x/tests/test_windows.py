"""Posts and windows together, over real sockets."""

from collections import Counter
from functools import partial

import httpx
import msgspec
import trio
from bond_sim.x.config import XConfig, serve_x

from bond_core import Registry, load_spec, run


async def test_tweets_of_windows_are_those_that_the_simulator_wrote(nursery, tmp_path):
  url = await nursery.start(serve_x, XConfig(port=0, speed=12, seed=3))
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    f"sources:\n  posts: {{use: x.posts, with: {{symbols: [BTC], endpoint: '{url}'}}}}\n"
    "transforms:\n  w: {use: core.window, from: posts, with: {every: 500ms, lateness: 300ms}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [w], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  with trio.fail_after(60):
    await run(spec, duration=5)
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    written = (await client.get("/_sim/log")).json()
    stats = (await client.get("/_sim/stats")).json()
  about = [
    post["created_ms"] // 500
    for post in written
    if ("BTC" in post["text"] or "bitcoin" in post["text"]) and not post["text"].startswith("RT @")
  ]
  expected = Counter(about)
  rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
  counts = [
    (read_time(row["window_start"]) // 500, row["tweets"]) for row in rows if "tweets" in row
  ]
  # The first and last were cut by the beginning and the end.
  whole = counts[1:-1]
  assert len(whole) >= 3
  assert whole == [(start, expected[start]) for start, _ in whole]
  assert sum(tweets for _, tweets in whole) > 10
  assert not stats["violations"]


def read_time(text):
  from datetime import datetime

  return round(datetime.fromisoformat(text).timestamp() * 1000)


async def test_mock_mode_simulates_by_itself_without_the_token_and_says_so(
  nursery, tmp_path, monkeypatch
):
  monkeypatch.setenv("X_BEARER", "canary-7f3a91-token")
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    "sources:\n  posts: {use: x.posts, with: {symbols: [BTC], mode: mock}}\n"
    "transforms:\n  w: {use: core.window, from: posts, with: {every: 500ms}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [w], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  stop, found = trio.Event(), []
  nursery.start_soon(partial(run, spec, stop=stop))
  with trio.fail_after(60):
    while not found:
      await trio.sleep(0.1)
      *lines, _ = path.read_bytes().split(b"\n") if path.exists() else [b""]
      found = [row for row in map(msgspec.json.decode, lines) if row.get("tweets")]
  stop.set()
  assert all(row["raw_data"]["simulated"] == ["x"] for row in found)


async def test_a_simulator_that_does_not_start_ends_the_source_with_a_sentence(monkeypatch):
  monkeypatch.setattr("sys.executable", "false")
  spec = load_spec(
    "sources:\n  posts: {use: x.posts, with: {symbols: [BTC], mode: mock}}\n", registry=Registry()
  )
  with trio.fail_after(60):
    result = await run(spec, duration=20)
  (reason,) = result.failures
  assert "the simulator of x did not start; try `bond sim x` to see why" in reason
