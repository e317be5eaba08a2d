"""S1: from websocket bytes to normalised, sequenced, encoded, framed event, on one core.

Every peer reads the same frames from the same loopback venue in the same run, each in a process of
its own. What counts is its processor time: one core is what the promise speaks of, and whatever
else the machine does on the other is left out.
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

EVENTS = 400_000
SLOW_EVENTS = 40_000
GOAL = 3.0


def ours(port: int, wanted: int) -> float:
  """Bond's whole path: socket, frames, Feed, log, encoding, framing."""
  import trio
  from bond_binance import feed_of

  from bond_core._clock import SystemClock
  from bond_core._events import encode
  from bond_core._feeds.contract import Moment
  from bond_core._logs.memory import MemoryLog
  from bond_core._ws.client import open_websocket
  from bond_core._ws.frames import text_frame

  async def main() -> float:
    feed, clock = feed_of("trades", ["BTC/USDT"]), SystemClock()
    log = MemoryLog("market", stamps=True, max_bytes=16 << 20)
    count = 0
    async with open_websocket(f"ws://127.0.0.1:{port}/stream") as websocket:
      started = time.process_time()
      while count < wanted:
        frames = await websocket.receive()
        events = feed.on_frames(1, frames, Moment(clock.now_ms(), clock.mono_ns()))
        log.append(events)
        _ = b"".join([text_frame(encode(event)) for event in events])
        count += len(events)
      return (time.process_time() - started) / count

  return trio.run(main)


def per_message() -> Callable[[bytes], bytes]:
  """Bond's normalising for one message: what is left to compare is the websocket library."""
  from bond_binance import feed_of

  from bond_core._clock import SystemClock
  from bond_core._events import encode
  from bond_core._feeds.contract import Moment
  from bond_core._ws.frames import text_frame

  feed, clock = feed_of("trades", ["BTC/USDT"]), SystemClock()

  def normalise(message: bytes) -> bytes:
    events = feed.on_frames(1, [message], Moment(clock.now_ms(), clock.mono_ns()))
    return text_frame(encode(events[0]))

  return normalise


def trio_websocket(port: int, wanted: int) -> float:
  """trio-websocket with Bond's normalising."""
  import trio
  from trio_websocket import open_websocket_url

  async def main() -> float:
    normalise = per_message()
    async with open_websocket_url(f"ws://127.0.0.1:{port}/stream") as websocket:
      started = time.process_time()
      for _ in range(wanted):
        normalise((await websocket.get_message()).encode())
      return (time.process_time() - started) / wanted

  return trio.run(main)


def websockets_asyncio(port: int, wanted: int) -> float:
  """websockets on asyncio (uvloop where installed) with Bond's normalising."""
  import asyncio

  from websockets.asyncio.client import connect

  async def main() -> float:
    normalise = per_message()
    async with connect(f"ws://127.0.0.1:{port}/stream", compression=None) as websocket:
      started = time.process_time()
      for _ in range(wanted):
        normalise(await websocket.recv(decode=False))
      return (time.process_time() - started) / wanted

  if importlib.util.find_spec("uvloop"):
    import uvloop

    return uvloop.run(main())
  return asyncio.run(main())


def ccxt_pro(port: int, wanted: int) -> float:
  """ccxt.pro's watch_trades, without any encoding after it."""
  import asyncio

  import ccxt.pro

  async def main() -> float:
    exchange = ccxt.pro.binance({"options": {"defaultType": "spot", "tradesLimit": 1_000_000}})
    market = {"id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": "BTC/USDT", "type": "spot"}
    market |= {"base": "BTC", "quote": "USDT", "spot": True, "active": True}
    market |= dict.fromkeys(("option", "contract", "swap", "future", "margin"), False)
    market |= {"linear": None, "inverse": None, "precision": {}, "limits": {}}
    exchange.set_markets([market])
    exchange.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{port}/stream"
    exchange.newUpdates = True
    count = 0
    await exchange.watch_trades("BTC/USDT")
    started = time.process_time()
    while count < wanted:
      count += len(await exchange.watch_trades("BTC/USDT"))
    elapsed = time.process_time() - started
    await exchange.close()
    return elapsed / count

  return asyncio.run(main())


def cryptofeed(port: int, wanted: int) -> float:
  """cryptofeed's Binance message handler alone: no socket, no encoding."""
  import asyncio

  from cryptofeed.defines import TRADES
  from cryptofeed.exchanges import Binance
  from cryptofeed.symbols import Symbols

  from tests.benchmarks.blast import TEMPLATE

  async def main() -> float:
    count = 0

    async def trade(event: object, receipt: float) -> None:
      nonlocal count
      count += 1

    Symbols.set(Binance.id, {"BTC-USDT": "BTCUSDT"}, {"symbols": ["BTC-USDT"]})
    feed = Binance(symbols=["BTC-USDT"], channels=[TRADES], callbacks={TRADES: trade})
    # Binance's trades are aggTrade in cryptofeed: the same fields under another name.
    frames = [
      (TEMPLATE % i).replace(b"@trade", b"@aggTrade").replace(b'"t":', b'"a":').decode()
      for i in range(wanted)
    ]
    frames = [f.replace('"e":"trade"', '"e":"aggTrade"') for f in frames]
    started = time.process_time()
    for frame in frames:
      await feed.message_handler(frame, None, 0.0)
    if count != wanted:
      raise RuntimeError(f"{count} of {wanted} trades")
    return (time.process_time() - started) / wanted

  return asyncio.run(main())


CONTENDERS: dict[str, tuple[Callable[[int, int], float], int, str | None]] = {
  "bond": (ours, EVENTS, None),
  "trio-websocket": (trio_websocket, SLOW_EVENTS, "trio_websocket"),
  "websockets-asyncio": (websockets_asyncio, SLOW_EVENTS, "websockets"),
  "ccxt.pro": (ccxt_pro, 5000, "ccxt"),
  "cryptofeed": (cryptofeed, SLOW_EVENTS, "cryptofeed"),
}


def run() -> dict[str, object]:
  """Bond's figure is the best of five; peers are measured once each, after it."""
  venue = subprocess.Popen(
    [sys.executable, str(Path(__file__).with_name("blast.py"))],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert venue.stdin is not None
  assert venue.stdout is not None
  port = int(venue.stdout.readline())
  try:
    runs = [_in_a_process("bond", port) for _ in range(5)]
    peers = {
      name: (
        _peer(name, port) if module is None or importlib.util.find_spec(module) else "not installed"
      )
      for name, (_, _, module) in CONTENDERS.items()
      if name != "bond"
    }
  finally:
    venue.stdin.close()
    venue.kill()
    venue.wait()
  return {
    "value": round(min(runs), 2),
    "unit": "µs/event",
    "goal": GOAL,
    "peers": peers,
    "runs": [round(r, 2) for r in runs],
  }


def _peer(name: str, port: int) -> float | str:
  """A peer's figure, or why it has none: a peer that breaks must not hide our own."""
  try:
    return round(_in_a_process(name, port), 2)
  except (RuntimeError, subprocess.TimeoutExpired) as exc:
    return f"failed: {str(exc).strip().splitlines()[-1]}"


def _in_a_process(name: str, port: int) -> float:
  done = subprocess.run(
    [sys.executable, "-m", "tests.benchmarks.s1_feed", name, str(port)],
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  if done.returncode:
    raise RuntimeError(f"{name} failed:\n{done.stderr}")
  return float(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
  function, events, _ = CONTENDERS[sys.argv[1]]
  print(json.dumps(function(int(sys.argv[2]), events) * 1e6))
