"""The share of a core that a venue's trades take at 1,000 a second: natively, through ccxt.pro
as it is, and through the source ccxt.trades.

Unlike in S1 each trade comes when it is due, so every read of a socket brings few: what a way costs
in an ordinary hour. Each runs in a process of its own, with all its threads counted.
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

RATE = 1000
WARM_UP = 2 * RATE
EVENTS = 6 * RATE
ENDPOINT = "http://127.0.0.1:{port}"


class Meter:
  """Processor time between the first event after the warm-up and the last that counts."""

  def __init__(self) -> None:
    self.count = 0
    self.started: tuple[int, float] | None = None

  def add(self, events: int) -> float | None:
    """Counts events; the seconds of processor time of one at the end."""
    self.count += events
    now = time.process_time()
    if self.started is None:
      if self.count >= WARM_UP:
        self.started = self.count, now
      return None
    first, begun = self.started
    return (now - begun) / (self.count - first) if self.count - first >= EVENTS else None


def through_a_source(use: str, settings: dict[str, object]) -> float:
  """A source in a running hub, as `bond run` has it, and a reader of the log."""
  import trio

  from bond_core import Registry
  from bond_core._clock import SystemClock
  from bond_core._events import Trade
  from bond_core._logs.memory import MemoryLog
  from bond_core._sources.manager import open_sources
  from bond_core._spec.structure import structure

  async def main() -> float:
    spec = Registry().source(use)
    config, faults = structure(settings, spec.config)
    if problems := [fault.message for fault in faults]:
      raise RuntimeError(problems[0])
    clock, meter = SystemClock(), Meter()
    log = MemoryLog("market", clock=clock, stamps=True, max_bytes=16 << 20)
    last = 0
    async with open_sources(log, clock) as hub:
      tap = hub.open(use, spec, config)
      cursor = log.cursor()
      while tap.failure is None:
        batch = [event for event in await cursor.next() if type(event) is Trade]
        numbers = [int(event.trade_id or 0) for event in batch]
        if last and numbers and numbers[0] != last + 1:
          raise RuntimeError(f"trade {numbers[0]} follows {last}")
        last = numbers[-1] if numbers else last
        found = meter.add(len(batch))
        if found is not None:
          return found
      raise RuntimeError(tap.failure)

  return trio.run(main)


def native(port: int) -> float:
  """The source binance.trades."""
  settings = {"symbols": ["BTC/USDT"], "endpoint": ENDPOINT.format(port=port)}
  return through_a_source("binance.trades", settings)


def ccxt_source(port: int) -> float:
  """The source ccxt.trades."""
  settings = {"symbols": ["BTC/USDT"], "endpoint": ENDPOINT.format(port=port)}
  return through_a_source("ccxt.trades", {"exchange": "binance", **settings})


def ccxt_pro(port: int) -> float:
  """ccxt.pro alone on asyncio: its trades are taken and nothing is done with them."""
  import asyncio

  import ccxt.pro
  from bond_ccxt.addresses import point_at

  async def main() -> float:
    exchange = ccxt.pro.binance({"options": {"tradesLimit": 10_000}})
    point_at(exchange, ENDPOINT.format(port=port))
    meter = Meter()
    try:
      while True:
        found = meter.add(len(await exchange.watch_trades("BTC/USDT")))
        if found is not None:
          return found
    finally:
      # The venue goes on sending and reads no close frame.
      with suppress(TimeoutError):
        await asyncio.wait_for(exchange.close(), 1)

  return asyncio.run(main())


CONTENDERS: dict[str, Callable[[int], float]] = {
  "binance.trades": native,
  "ccxt.pro": ccxt_pro,
  "ccxt.trades": ccxt_source,
}


def run() -> dict[str, object]:
  """Percent of a core; the value is the native source's."""
  venue = subprocess.Popen(
    [sys.executable, "-m", "tests.benchmarks.paced_venue", str(RATE)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert venue.stdin is not None
  assert venue.stdout is not None
  port = int(venue.stdout.readline())
  try:
    found = {
      name: _measured(name, port)
      if name == "binance.trades" or importlib.util.find_spec("ccxt")
      else "not installed"
      for name in CONTENDERS
    }
  finally:
    venue.stdin.close()
    venue.kill()
    venue.wait()
  return {
    "value": found.pop("binance.trades"),
    "unit": f"% of a core at {RATE:,} events/s",
    "goal": None,
    "peers": found,
  }


def _measured(name: str, port: int) -> float:
  done = subprocess.run(
    [sys.executable, "-m", "tests.benchmarks.s1_paced", name, str(port)],
    capture_output=True,
    text=True,
    timeout=60,
    check=False,
  )
  if done.returncode:
    raise RuntimeError(f"{name} failed:\n{done.stderr}")
  return round(float(done.stdout.splitlines()[-1]) * RATE * 100, 1)


if __name__ == "__main__":
  print(json.dumps(CONTENDERS[sys.argv[1]](int(sys.argv[2]))))
