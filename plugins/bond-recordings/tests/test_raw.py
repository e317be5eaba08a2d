"""bond record --raw: a recording becomes a simulated venue, from which the same events come."""

import json
from collections import defaultdict
from functools import partial

import pytest
import trio
from bond_recordings.recorder import Target, recorded
from bond_recordkit.format import Header
from bond_recordkit.kept import MOST_HELD, KeptFrames, bare_url, frames_at, kept_frames
from bond_recordkit.lookup import why_recorded
from bond_recordkit.reader import event_lines
from bond_recordkit.verify import verify
from bond_recordkit.writer import RecordingWriter
from bond_sim.binance.config import BinanceConfig, serve_binance
from bond_sim.bybit.config import BybitConfig, serve_bybit
from bond_sim.coinbase.config import CoinbaseConfig, serve_coinbase
from bond_sim.hyperliquid.config import HyperliquidConfig, serve_hyperliquid
from bond_sim.hyperliquid.playback import history_apart
from bond_sim.market.capture_files import capture_lines
from bond_sim.okx.config import OkxConfig, serve_okx
from bond_simkit import SimulatorError

from bond_core import Registry, load_spec, run

PERP = "BTC/USDT:USDT"
VENUES = {
  "binance": (BinanceConfig, serve_binance, ["BTC/USDT", PERP], 398),
  "bybit": (BybitConfig, serve_bybit, ["BTC/USDT", PERP], 300),
  "okx": (OkxConfig, serve_okx, ["BTC/USDT", PERP], 150),
  "coinbase": (CoinbaseConfig, serve_coinbase, ["BTC/USD"], 100),
  "hyperliquid": (HyperliquidConfig, serve_hyperliquid, ["BTC/USDC:USDC", "ETH/USDC:USDC"], 100),
}
OWN = ("ts_event", "ts_internal", "seq_internal")
"""What is of the run and not of the venue; numbers of Coinbase's are the connection's."""


def spec_of(venue, endpoint, symbols):
  given = {"symbols": symbols, "endpoint": endpoint}
  nodes = {"t": {"use": f"{venue}.trades", "with": given}}
  if venue != "hyperliquid":
    # Its books are views, whose times are of the run.
    nodes["b"] = {"use": f"{venue}.orderbook", "with": {**given, "deltas": True}}
  if venue not in ("coinbase", "hyperliquid"):
    nodes["q"] = {"use": f"{venue}.ticker", "with": given}
  return load_spec(json.dumps({"name": "raw", "sources": nodes}), registry=Registry())


async def record(venue, path, *, raw, enough, **settings):
  """Records from a simulator until there is enough, or nothing more comes."""
  config, serve, symbols, _ = VENUES[venue]
  target = Target(path=path, raw=raw)
  stop = trio.Event()

  async def watch():
    seen, since = 0, trio.current_time()
    while target.progress.events < enough and trio.current_time() - since < 8:
      await trio.sleep(0.05)
      if target.progress.events != seen:
        seen, since = target.progress.events, trio.current_time()
    stop.set()

  async with trio.open_nursery() as nursery:
    url = await nursery.start(partial(serve, config(port=0, **settings)))
    nursery.start_soon(watch)
    await run(recorded(spec_of(venue, url, symbols), target), stop=stop)
    nursery.cancel_scope.cancel()


def events_in(path, venue):
  found = defaultdict(list)
  for part in event_lines([path]):
    for line in part.lines:
      event = json.loads(line)
      for name in (*OWN, "sequence", "prev_sequence") if venue == "coinbase" else OWN:
        event.pop(name, None)
      found[event["type"], event["symbol"], event["market_type"]].append(event)
  return found


@pytest.mark.parametrize(
  "venue",
  [pytest.param(venue, marks=() if venue == "bybit" else pytest.mark.slow) for venue in VENUES],
)
async def test_the_same_events_come_of_a_recording_that_is_played_as_the_venue(venue, tmp_path):
  first, again = tmp_path / "first.jsonl.zst", tmp_path / "again.jsonl.zst"
  await record(venue, first, raw=True, enough=VENUES[venue][3], speed=4)
  assert not verify([first]).faults
  wanted = events_in(first, venue)
  count = sum(map(len, wanted.values()))
  await record(venue, again, raw=False, enough=count, capture=[str(first)], settle=1.5)
  assert len(wanted) >= 2
  assert events_in(again, venue) == wanted
  assert not list(kept_frames([again]))


def test_what_was_before_a_connection_is_told_apart_from_what_came_since():
  def frame(*times):
    rows = [{"coin": "BTC", "time": time, "tid": time} for time in times]
    return json.dumps({"channel": "trades", "data": rows}).encode()

  def times(parts):
    return [[row["time"] for row in json.loads(part)["data"]] for part in parts]

  assert times(history_apart(frame(3, 12, 7, 10), 10)) == [[3, 7], [12, 10]]
  assert history_apart(frame(3, 7), 10) == [frame(3, 7)]
  assert times(history_apart(frame(12), 10)) == [[9], [12]]
  assert history_apart(b'{"channel":"bbo","data":{}}', 10) == [b'{"channel":"bbo","data":{}}']


def test_when_a_socket_was_opened_is_kept_and_is_no_message(tmp_path):
  kept = KeptFrames()
  kept.keep_opening("x", 5, "wss://x/ws")
  kept.keep("x", 9, "wss://x/ws", [b'{"a":1}'])
  path = tmp_path / "raw.jsonl.zst"
  writer = RecordingWriter(path, lambda: Header(recording="", raw=True))
  writer.write(kept.taken())
  writer.close()
  opening, message = kept_frames([path])
  assert (opening.opened, opening.ts_event, opening.url) == (True, 5, "wss://x/ws")
  assert frames_at([path], [("x", 5), ("x", 9)]) == ([message], 0)
  lines = [line for _, line in capture_lines(path, "x")]
  assert lines == [b"wss://x/ws <-> 0.005", b'0.009: {"a":1}']


async def test_why_shows_the_messages_that_an_event_was_made_of(tmp_path):
  path = tmp_path / "first.jsonl.zst"
  await record("bybit", path, raw=True, enough=100, speed=4)
  trades = [
    event
    for part in event_lines([path])
    for line in part.lines
    if (event := json.loads(line))["type"] == "trade"
  ]
  for trade in trades[:20]:
    found = why_recorded(path, str(trade["seq_internal"])).as_data()
    assert [frame["seqs"] for frame in found["frames"]] == [[trade["seq_internal"]]]
    assert trade["trade_id"] in found["frames"][0]["data"]
    assert found["frames"][0]["ts_event"] == trade["ts_event"]
  moments = [("bybit", trade["ts_event"]) for trade in trades]
  frames, left_out = frames_at([path], moments)
  assert len(frames) > 1
  assert left_out == 0
  assert frames_at([path], moments, len(frames[0].data)) == (frames[:1], len(frames) - 1)


async def test_a_venue_that_was_not_recorded_cannot_be_played(tmp_path):
  path = tmp_path / "first.jsonl.zst"
  await record("bybit", path, raw=True, enough=20, speed=4)
  with pytest.raises(SimulatorError, match="holds no messages of okx; `bond record --raw`"):
    await serve_okx(OkxConfig(port=0, capture=[str(path)]))


def test_no_credential_of_a_url_is_kept():
  assert bare_url("wss://me:word@host.com:9443/stream?token=x") == "wss://host.com:9443/stream"
  assert bare_url("https://host.com/depth?symbol=A&limit=5") == (
    "https://host.com/depth?symbol=A&limit=5"
  )


def test_messages_that_the_disk_is_too_slow_for_are_counted_in_the_recording():
  kept = KeptFrames()
  large = b"x" * (MOST_HELD // 4)
  for _ in range(7):
    kept.keep("x", 1, "wss://x", [large, b"\xff"])
  lines = [json.loads(line) for line in kept.taken()]
  assert lines[1]["binary"] == "/w=="
  assert len(lines) - 1 + lines[-1]["missed"] == 14
  assert kept.taken() == []
  assert frames_at([], []) == ([], 0)
