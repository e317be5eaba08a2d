"""The log on disk: what keeping an event costs and takes, how fast it comes back, and what trio
feels of it.

The events are a generated market with the digits of a real one: trades and quotes of four markets
and books of which a few levels changed. Storing is measured without trio, with as many events to a
record as 20 ms of a calm, a lively and a busy market have; then trio sleeps for a millisecond again
and again while nothing is kept, while 20,000 events a second are, and while a reader also goes
through all that is kept.
"""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trio
from bond_filelog.config import FileLog
from bond_filelog.engine import open_file_log
from bond_filelog.store import Store

from bond_core._events import Batch, OrderBook, Ticker, Trade
from bond_core._logs.engine import Record

EVENTS = 60_000
CALM, LIVELY, BUSY = 3, 24, 400
PER_SECOND = 20_000
SECONDS = 3.0
# What a broker's client that is behind asks for.
READ_EVENTS = 1024
DAY_MS = 86_400_000


def market(count: int) -> Batch:
  """Events of four markets whose prices wander."""
  pick = random.Random(1)
  prices = {"BTC/USDT": 61_731.74, "ETH/USDT": 2_651.18, "SOL/USDT": 151.33, "XRP/USDT": 0.5812}
  events: Batch = []
  for number in range(count):
    symbol = pick.choice(list(prices))
    price = prices[symbol] = round(prices[symbol] * (1 + pick.gauss(0, 1e-5)), 4)
    now = 1_800_000_000_000 + number // 20
    common: dict[str, Any] = {
      "exchange": pick.choice(["binance", "okx"]),
      "symbol": symbol,
      "market_type": "spot",
      "ts_event": now,
      "ts_exchange": now - pick.randrange(5, 30),
      "ts_internal": 13_431_662_134_362 + number * 50_000 + pick.randrange(50_000),
      "seq_internal": number,
    }
    sizes = [round(pick.expovariate(2), 5) for _ in range(8)]
    kind = pick.random()
    if kind < 0.6:
      common |= {"bid": price, "bid_size": sizes[0], "ask": price + 0.01, "ask_size": sizes[1]}
      events.append(Ticker(**common, sequence=number))
    elif kind < 0.9:
      side = pick.choice(["buy", "sell"])
      trade = {
        "price": price,
        "size": sizes[0],
        "side": side,
        "trade_id": str(3_735_000_000 + number),
      }
      events.append(Trade(**common, **trade, maker=side == "sell", sequence=3_735_000_000 + number))
    else:
      levels = [(round(price * (1 - step / 9_000), 4), size) for step, size in enumerate(sizes)]
      book: dict[str, Any] = {"bids": levels[:4], "asks": levels[4:], "update_type": "delta"}
      events.append(OrderBook(**common, **book, sequence=number, prev_sequence=number - 1))
  return events


def run() -> dict[str, object]:
  """Microseconds of processor time an event at 400 to a record; the rest is detail."""
  events = market(EVENTS)
  with tempfile.TemporaryDirectory() as folder:
    root = Path(folder)
    kept = {count: _stored(root / str(count), events, count) for count in (CALM, LIVELY, BUSY)}
    back = _read_back(root / str(BUSY))
    opened = _after_kill(root / "killed")
    felt = trio.run(_felt, root / "felt", events)
  return {
    "value": kept[BUSY]["us an event"],
    "unit": "us/event",
    "goal": None,
    "events to a record": kept,
    "reading": back,
    "opening after kill -9": opened,
    "trio's wake-ups, late by ms": felt,
  }


def _records(events: Batch, count: int) -> list[Record]:
  return [
    Record(start + 1, 1_000 + start, events[start : start + count])
    for start in range(0, len(events), count)
  ]


def _store(folder: Path, *, power: bool = False) -> Store:
  folder.mkdir()
  return Store(folder, keep_ms=DAY_MS, size=1 << 30, power=power)


def _stored(folder: Path, events: Batch, count: int) -> dict[str, float]:
  store = _store(folder)
  records = _records(events, count)
  started = time.process_time()
  for record in records:
    store.append([record])
  spent = time.process_time() - started
  power = _store(folder.with_name(f"{folder.name}-power"), power=True)
  waits = []
  for record in records[:100]:
    began = time.perf_counter()
    power.append([record])
    waits.append(time.perf_counter() - began)
  return {
    "us an event": round(spent / len(events) * 1e6, 2),
    "us a record": round(spent / len(records) * 1e6),
    "bytes an event": round(store.stored / len(events), 1),
    "ms a record, power": round(statistics.median(waits) * 1e3, 2),
  }


def _read_back(folder: Path) -> dict[str, float]:
  store = Store(folder, keep_ms=DAY_MS, size=1 << 30)
  pick = random.Random(2)
  reads, finds = [], []
  for _ in range(30):
    first = pick.randrange(1, store.head - 5_000)
    began = time.perf_counter()
    store.read(first, 5_000)
    reads.append(time.perf_counter() - began)
    began = time.perf_counter()
    store.find(1_000 + first)
    finds.append(time.perf_counter() - began)
  return {
    "ms for 5,000 events": round(statistics.median(reads) * 1e3, 1),
    "ms to find a time": round(statistics.median(finds) * 1e3, 2),
  }


def _after_kill(folder: Path) -> dict[str, float]:
  """A log whose last segment is as large as it gets, of the smallest records there are."""
  subprocess.run([sys.executable, "-m", __name__, str(folder)], check=False)
  size = sum(path.stat().st_size for path in folder.iterdir())
  began = time.perf_counter()
  store = Store(folder, keep_ms=DAY_MS, size=1 << 30)
  return {
    "s": round(time.perf_counter() - began, 2),
    "MB": round(size / 1e6, 1),
    "events": store.head,
  }


def _fill_and_die(folder: Path) -> None:
  store = _store(folder)
  events = market(6_000)
  first = 1
  while store.stored < 15_900_000:
    records = [
      Record(first + at, 1_000 + first + at, events[at : at + 2]) for at in range(0, 6_000, 2)
    ]
    store.append(records)
    first += 6_000
  os.kill(os.getpid(), signal.SIGKILL)


async def _felt(folder: Path, events: Batch) -> dict[str, dict[str, float]]:
  felt = {}
  async with open_file_log(FileLog(path=str(folder)), "market") as log:
    felt["nothing kept"] = await _late()
    async with trio.open_nursery() as nursery:
      nursery.start_soon(_keep, log, events)
      felt["20,000 a second kept"] = await _late()
      nursery.start_soon(_go_through, log)
      felt["and all of it read"] = await _late()
      nursery.cancel_scope.cancel()
  return felt


async def _keep(log: Any, events: Batch) -> None:
  first, at, due = 1, 0, trio.current_time()
  while True:
    # What the keeper gathers in 20 ms.
    await log.write([Record(first, 1_000, events[at : at + PER_SECOND // 50])])
    first += PER_SECOND // 50
    at = (at + PER_SECOND // 50) % (len(events) - PER_SECOND // 50)
    due += 0.02
    await trio.sleep_until(due)


async def _go_through(log: Any) -> None:
  while True:
    first = 1
    while records := await log.read(first, READ_EVENTS):
      first = records[-1].last + 1


async def _late() -> dict[str, float]:
  late = []
  until = trio.current_time() + SECONDS
  while trio.current_time() < until:
    due = trio.current_time() + 0.001
    await trio.sleep_until(due)
    late.append((trio.current_time() - due) * 1e3)
  late.sort()
  return {
    "p50": round(late[len(late) // 2], 2),
    "p99": round(late[len(late) * 99 // 100], 2),
    "max": round(late[-1], 1),
  }


if __name__ == "__main__":
  _fill_and_die(Path(sys.argv[1]))
