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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import trio
from bond_sim.market import order_flow, pool, products
from trio.testing import MockClock

from bond_core import Registry
from bond_core.feeds import Feed, Moment, Subscription
from bond_core.websockets import open_websocket
from tests.chaos.network import MemoryNetwork
from tests.chaos.world import deterministic

MESSAGES = 20_000
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
CRYPTOFEED = ("binance", "okx", "bybit")
"""Venues whose messages cryptofeed is given."""
SYMBOLS = {"coinbase": "BTC/USD", "hyperliquid": "BTC/USDC:USDC"}
"""Where it is not BTC/USDT."""


@contextmanager
def simulated(venue: str) -> Iterator[str]:
  """The address of a simulated venue, which ends with the block."""
  command = [sys.executable, "-m", "bond_core", "sim", venue]
  options = ["--port", "0", "--json", "--until-eof"]
  with subprocess.Popen(
    [*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  ) as sim:
    assert sim.stdin is not None
    assert sim.stdout is not None
    try:
      yield json.loads(sim.stdout.readline())["endpoint"]
    finally:
      sim.stdin.close()


def record(venue: str) -> list[str]:
  """Messages of a simulated venue, with data, as they came: the same ones in every run. Time passes
  as fast as the market is computed, so that a busy machine hears as much of it."""
  with (
    deterministic(venue),
    patch.object(pool, "PULSE_SECONDS", pool.PULSE_SECONDS),
    patch.object(products, "LEVELS", order_flow.LEVELS),
  ):
    return trio.run(_recorded, venue, clock=MockClock(autojump_threshold=0.0))


def is_data(frame: str) -> bool:
  """Whether a message is no answer to a request, nor the list of trades before the first one."""
  there = '"data"' in frame or '"events"' in frame
  return there and '"subscription' not in frame and '"trades":[]' not in frame


async def _recorded(venue: str) -> list[str]:
  trio.socket.set_custom_socket_factory(MemoryNetwork())
  simulator = Registry().simulator(venue)
  path, subscribe = SUBSCRIBE[venue]
  frames: list[str] = []
  async with trio.open_nursery() as nursery:
    endpoint = await nursery.start(simulator.serve, simulator.config(port=0, speed=100.0))
    async with open_websocket("ws" + endpoint.removeprefix("http") + path) as socket:
      for request in subscribe if isinstance(subscribe, list) else [subscribe]:
        if request is not None:
          await socket.send(json.dumps(request).encode())
      while len(frames) < MESSAGES:
        for message in await socket.receive():
          frame = message.decode()
          if is_data(frame):
            frames.append(frame)
    nursery.cancel_scope.cancel()
  return frames[:MESSAGES]


def native(venue: str, frames: list[str]) -> dict[str, object]:
  """Through Bond's feed, up to its events."""
  registry = Registry()
  subscriptions: list[Subscription] = []
  feed: Feed | None = None
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


def run() -> dict[str, object]:
  """Microseconds a message of each venue; the value is Bond's greatest. Each in a process of its
  own, Bond the best of three."""
  detail = {venue: _row(venue, record(venue)) for venue in SUBSCRIBE}
  return {
    "value": max(row["bond"] for row in detail.values()),
    "unit": "us/message",
    "goal": None,
    "peers": detail,
    "messages": MESSAGES,
  }


def _row(venue: str, frames: list[str]) -> dict[str, Any]:
  here = [sys.executable, "-m", "tests.benchmarks.venue_frames"]
  row: dict[str, Any] = {}
  with tempfile.NamedTemporaryFile("w", suffix=".frames") as file:
    file.write("\n".join(frames))
    file.flush()
    runs = [_figure([*here, "bond", venue, file.name]) for _ in range(ROUNDS)]
    row["bond"] = min(runs, key=lambda one: one["us"])["us"]
    if importlib.util.find_spec("ccxt"):
      with simulated(venue) as endpoint:
        found = _figure([*here, "ccxt.pro", venue, file.name, endpoint])
      row[f"ccxt.pro {found['version']}"] = found["us"]
    named = os.environ.get("BOND_CRYPTOFEED", "").split(os.pathsep)
    pythons = [python for python in named if python]
    if importlib.util.find_spec("cryptofeed"):
      pythons.insert(0, sys.executable)
    script = str(Path(__file__).with_name("cryptofeed_frames.py"))
    for python in pythons if venue in CRYPTOFEED else ():
      found = _figure([python, script, venue, file.name])
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
  name, venue, path, *endpoint = sys.argv[1:]
  frames = Path(path).read_text().splitlines()
  print(json.dumps(ccxt_pro(venue, frames, *endpoint) if endpoint else native(venue, frames)))
