"""What a venue's messages cost: the same ones through the native feed, through ccxt.pro's handler
and through cryptofeed's, without a socket.

The messages are those of the simulated venues: trades, and except for Binance books as well. A
microsecond a message is a tenth of a percent of a core at 1,000 messages a second. cryptofeed is
measured with this Python where it is installed, and with each of the interpreters in
BOND_CRYPTOFEED (separated as paths are), since its versions exclude each other.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MESSAGES = 20_000
SIMULATOR = ("-m", "bond_core", "sim")
READ = 32
"""Messages that one read of a busy socket brings."""
ROUNDS = 3

SUBSCRIBE = {
  "binance": ("/spot/stream?streams=btcusdt@trade", None),
  "okx": (
    "/ws/v5/public",
    {
      "op": "subscribe",
      "args": [{"channel": name, "instId": "BTC-USDT"} for name in ("trades", "books")],
    },
  ),
  "bybit": (
    "/v5/public/spot",
    {"op": "subscribe", "args": ["publicTrade.BTCUSDT", "orderbook.50.BTCUSDT"]},
  ),
  "coinbase": (
    "/",
    [
      {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": kind}
      for kind in ("market_trades", "level2")
    ],
  ),
  "hyperliquid": (
    "/ws",
    [
      {"method": "subscribe", "subscription": {"type": kind, "coin": "BTC"}}
      for kind in ("trades", "l2Book")
    ],
  ),
}
SYMBOLS = {"coinbase": "BTC/USD", "hyperliquid": "BTC/USDC:USDC"}
"""Where it is not BTC/USDT."""


def record(venue: str, endpoint: str) -> list[str]:
  """Messages of a simulated venue, with data, as they came."""
  from websockets.sync.client import connect

  path, subscribe = SUBSCRIBE[venue]
  frames: list[str] = []
  url = "ws" + endpoint.removeprefix("http") + path
  with connect(url, max_size=None, ping_interval=None) as socket:
    for request in subscribe if isinstance(subscribe, list) else [subscribe]:
      if request is not None:
        socket.send(json.dumps(request))
    while len(frames) < MESSAGES:
      frame = socket.recv(timeout=60)
      assert isinstance(frame, str)
      if ('"data"' in frame or '"events"' in frame) and '"subscription' not in frame:
        frames.append(frame)
  return frames


def native(venue: str, frames: list[str], endpoint: str) -> dict[str, object]:
  """Through Bond's feed, up to its events."""
  from bond_core import Registry
  from bond_core._feeds.contract import Moment

  registry = Registry()
  subscriptions, feed = [], None
  for channel in ("trades",) if venue == "binance" else ("trades", "orderbook"):
    spec = registry.source(f"{venue}.{channel}")
    symbol = SYMBOLS.get(venue, "BTC/USDT")
    config = spec.config(symbols=[symbol], **({"deltas": True} if channel != "trades" else {}))
    assert spec.feed is not None
    assert spec.connection is not None
    assert spec.subscriptions is not None
    feed = feed or spec.feed(spec.connection(config))
    subscriptions += spec.subscriptions(config)
  assert feed is not None
  if venue == "bybit":
    # The feed takes the deeper book; it is the same message under another name.
    frames = [frame.replace("orderbook.50.", "orderbook.200.") for frame in frames]
  feed.on_open(1, subscriptions, overlap=False, now=Moment(0, 0))
  payloads = [frame.encode() for frame in frames]
  events = 0
  began = time.process_time()
  for at in range(0, len(payloads), READ):
    events += len(feed.on_frames(1, payloads[at : at + READ], Moment(1_700_000_000_000, 1)))
  return {"us": (time.process_time() - began) / len(frames) * 1e6, "events": events}


def ccxt_pro(venue: str, frames: list[str], endpoint: str) -> dict[str, object]:
  """Through ccxt.pro's handler, with the parsing of JSON that its client does."""
  import asyncio

  import ccxt
  import ccxt.pro
  from bond_ccxt.addresses import point_at

  async def main() -> dict[str, object]:
    exchange = getattr(ccxt.pro, venue)({"timeout": 60_000, "options": {"tradesLimit": 1_000_000}})
    point_at(exchange, endpoint)
    await exchange.load_markets()
    client = exchange.client(f"wss://venue{SUBSCRIBE[venue][0]}")
    events = 0

    def resolve(result: object, message_hash: str) -> object:
      nonlocal events
      events += 1
      return result

    client.resolve = resolve
    began = time.process_time()
    for frame in frames:
      exchange.handle_message(client, json.loads(frame))
    us = (time.process_time() - began) / len(frames) * 1e6
    await exchange.close()
    return {"us": us, "events": events, "version": ccxt.__version__}

  return asyncio.run(main())


CONTENDERS = {"bond": native, "ccxt.pro": ccxt_pro}


def run() -> dict[str, object]:
  """Microseconds a message of each venue; the value is Bond's greatest. Each in a process of its
  own, Bond the best of three."""
  detail: dict[str, dict[str, Any]] = {}
  for venue in SUBSCRIBE:
    with (
      tempfile.NamedTemporaryFile("w", suffix=".frames") as file,
      subprocess.Popen(
        [
          sys.executable,
          *SIMULATOR,
          venue,
          "--port",
          "0",
          "--json",
          "--until-eof",
          "--speed",
          "100",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
      ) as sim,
    ):
      assert sim.stdin is not None
      assert sim.stdout is not None
      endpoint = json.loads(sim.stdout.readline())["endpoint"]
      file.write("\n".join(record(venue, endpoint)))
      file.flush()
      detail[venue] = _row(venue, file.name, endpoint)
      sim.stdin.close()
  return {
    "value": max(row["bond"] for row in detail.values()),
    "unit": "us/message",
    "goal": None,
    "peers": detail,
    "messages": MESSAGES,
  }


def _row(venue: str, file: str, endpoint: str) -> dict[str, Any]:
  here = [sys.executable, "-m", "tests.benchmarks.venue_frames"]
  row: dict[str, Any] = {}
  runs = [_figure([*here, "bond", venue, file, endpoint]) for _ in range(ROUNDS)]
  row["bond"] = min(runs, key=lambda one: one["us"])["us"]
  if importlib.util.find_spec("ccxt"):
    found = _figure([*here, "ccxt.pro", venue, file, endpoint])
    row[f"ccxt.pro {found['version']}"] = found["us"]
  pythons = [python for python in os.environ.get("BOND_CRYPTOFEED", "").split(os.pathsep) if python]
  if importlib.util.find_spec("cryptofeed"):
    pythons.insert(0, sys.executable)
  script = str(Path(__file__).with_name("cryptofeed_frames.py"))
  for python in pythons:
    found = _figure([python, script, venue, file])
    row[f"cryptofeed {found['version']}"] = found["us"]
  return row


def _figure(command: list[str]) -> dict[str, Any]:
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
  found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
  if found["events"] < MESSAGES * 0.9:
    raise RuntimeError(f"{command[1:]} made {found['events']} events of {MESSAGES} messages")
  found["us"] = round(found["us"], 2)
  return found


if __name__ == "__main__":
  name, venue, path, endpoint = sys.argv[1:]
  print(json.dumps(CONTENDERS[name](venue, Path(path).read_text().splitlines(), endpoint)))
