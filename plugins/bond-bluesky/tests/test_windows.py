"""Posts in running specs, over real sockets."""

from collections import Counter
from datetime import datetime

import httpx
import msgspec
import trio
from bond_sim.bluesky.config import BlueskyConfig, serve_bluesky

from bond_core import Registry, load_spec, run


async def test_tweets_of_windows_are_those_that_the_simulator_wrote_also_over_a_cut(
  nursery, tmp_path
):
  config = BlueskyConfig(port=0, speed=3, seed=3, faults=["drop@1.5s", "duplicate:5@1s"])
  url = await nursery.start(serve_bluesky, config)
  path = tmp_path / "out.jsonl"
  spec = load_spec(
    f"sources:\n  posts: {{use: bluesky.posts, with: {{symbols: [BTC], endpoint: '{url}'}}}}\n"
    "transforms:\n  w: {use: core.window, from: posts, with: {every: 500ms, lateness: 1200ms}}\n"
    f"sinks:\n  out: {{use: core.jsonl, from: [w], with: {{path: '{path}'}}}}\n",
    registry=Registry(),
  )
  with trio.fail_after(60):
    await run(spec, duration=4)
  async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
    written = (await client.get("/_sim/log")).json()
    stats = (await client.get("/_sim/stats")).json()
  about = [post["time_us"] // 500_000 for post in written if is_about_btc(post["text"])]
  expected = Counter(about)
  rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
  counts = [(half_second(row["window_start"]), row["tweets"]) for row in rows if "tweets" in row]
  # The first was cut by the beginning.
  whole = counts[1:]
  assert len(whole) >= 3
  assert whole == [(start, expected[start]) for start, _ in whole]
  assert sum(tweets for _, tweets in whole) > 10
  assert len(stats["connected"]) == 2
  assert not stats["violations"]


async def test_posts_of_authors_come_under_the_handles_that_the_spec_gives(nursery, tmp_path):
  url = await nursery.start(serve_bluesky, BlueskyConfig(port=0, speed=3, seed=3))
  path = tmp_path / "out.jsonl"

  def posts_of(author):
    settings = f"authors: {author}, endpoint: '{url}'"
    return load_spec(
      f"sources:\n  posts: {{use: bluesky.posts, with: {{{settings}}}}}\n"
      f"sinks:\n  out: {{use: core.jsonl, from: [posts], with: {{path: '{path}'}}}}\n",
      registry=Registry(),
    )

  with trio.fail_after(60):
    result = await run(posts_of("['@Bo.example.com', nobody.example.com]"), duration=2)
    refused = await run(posts_of("[nobody.example.com]"), duration=20)
  (said,) = result.failures
  assert "Bluesky has no handle nobody.example.com" in said
  rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
  assert {row["user"] for row in rows} == {"bo.example.com"}
  (reason,) = refused.failures
  assert "Bluesky has no handle nobody.example.com" in reason


def is_about_btc(text):
  return any(word in text for word in ("$BTC", "#bitcoin", "Bitcoin"))


def half_second(text):
  return round(datetime.fromisoformat(text).timestamp() * 2)
