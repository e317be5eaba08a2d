"""What each stage of S1 costs, on the same trades, in batches of one 64 KiB read."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from bond_binance import feed_of
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from bond_core._events import encode
from bond_core._feeds.contract import Moment
from bond_core._logs.memory import MemoryLog
from bond_core._ws.frames import FrameReader, text_frame
from tests.benchmarks.blast import TEMPLATE, frame

BATCH = 380
BATCHES = 300


def run() -> dict[str, object]:
  """Nanoseconds an event, the best of three, stage by stage."""
  best = _best()
  return {
    "value": round(sum(best.values())),
    "unit": "ns/event",
    "goal": None,
    "peers": {},
    "detail": {name: round(ns) for name, ns in best.items()},
  }


def _best() -> dict[str, float]:
  runs = [_once() for _ in range(3)]
  return {name: min(run[name] for run in runs) for name in runs[0]}


def _once() -> dict[str, float]:
  protocol = ClientProtocol(parse_uri("ws://venue/"))
  protocol.state = State.OPEN
  reader = FrameReader(protocol, 1 << 20)
  feed = feed_of("trades", ["BTC/USDT"])
  log = MemoryLog("market", stamps=True, max_bytes=8 << 20)
  reads = [
    b"".join(frame(TEMPLATE % (4_000_000_000 + n * BATCH + i)) for i in range(BATCH))
    for n in range(BATCHES)
  ]
  spent = dict.fromkeys(("split", "decode and normalise", "sequence", "encode", "frame"), 0.0)

  def timed(name: str, function: Callable[[Any], Any], value: Any) -> Any:
    started = time.perf_counter()
    result = function(value)
    spent[name] += time.perf_counter() - started
    return result

  for read in reads:
    frames = timed("split", reader.feed, read)
    events = timed(
      "decode and normalise", lambda f: feed.on_frames(1, f, Moment(1_700_000_000_000, 1)), frames
    )
    timed("sequence", log.append, events)
    encoded = timed("encode", lambda batch: [encode(e) for e in batch], events)
    timed("frame", lambda batch: [text_frame(e) for e in batch], encoded)
  # Nothing was skipped on the way: the last event decodes to the last trade that was sent.
  last = msgspec.json.decode(encoded[-1])
  if last["trade_id"] != str(4_000_000_000 + BATCH * BATCHES - 1):
    raise RuntimeError(f"the last trade is {last['trade_id']}")
  return {name: seconds / (BATCH * BATCHES) * 1e9 for name, seconds in spent.items()}
