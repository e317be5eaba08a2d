"""Prints how many events a second go to a server and come back: `python throughput.py`.

Trades of 460 bytes in records of 500, over loopback, one write at a time; the best of five runs,
since whatever else the machine does only makes a run slower.
"""

import tempfile
import time
from pathlib import Path

import trio
from bond_redis.config import Streams
from bond_redis.engine import open_engine
from bond_server.following import follow_log
from redis_server import Server

from bond_core import Trade, encode
from bond_core.logs import Record

EVENTS, BATCH, RUNS = 50_000, 500, 5


def trade(number):
  return Trade(
    exchange="binance",
    symbol="BTC/USDT",
    ts_event=1_763_000_000_000 + number,
    ts_exchange=1_763_000_000_000,
    market_type="spot",
    price=68123.5,
    size=0.123,
    side="buy",
    trade_id=str(number),
    seq_internal=number,
    ts_internal=123456789,
  )


async def written(config, name, records):
  async with open_engine(config, name) as engine:
    begins = time.perf_counter()
    for record in records:
      await engine.write([record])
    return EVENTS / (time.perf_counter() - begins)


async def read(config, name):
  async with open_engine(config, name) as engine:
    first, count, begins = 1, 0, time.perf_counter()
    while records := await engine.read(first, 8192):
      first, count = records[-1].last + 1, count + sum(len(r.events) for r in records)
    return count / (time.perf_counter() - begins)


async def followed(config, records):
  from bond_redis import bond_register_logs

  (spec,) = bond_register_logs()
  async with open_engine(config, "market") as engine, follow_log(spec, config, "market") as log:
    begins = time.perf_counter()
    for record in records:
      await engine.write([record])
    await log.ring.reached(EVENTS)
    return EVENTS / (time.perf_counter() - begins)


async def main(server):
  records = [
    Record(first, 5, [trade(n) for n in range(first, first + BATCH)])
    for first in range(1, EVENTS, BATCH)
  ]
  print(f"{len(encode(records[0].events[0]))} bytes an event, records of {BATCH}")
  best = {}
  for _ in range(RUNS):
    config = Streams(url=server.url)
    for name in ("market", "stream:0123456789abcdef"):
      server.says(b"FLUSHALL")
      rates = {"write": await written(config, name, records), "read": await read(config, name)}
      for what, rate in rates.items():
        best[name, what] = max(best.get((name, what), 0), rate)
    server.says(b"FLUSHALL")
    rate = await followed(config, records)
    best["market", "write and follow"] = max(best.get(("market", "write and follow"), 0), rate)
  for (name, what), rate in best.items():
    print(f"{name:24} {what:17} {rate:9,.0f} events/s")


if __name__ == "__main__":
  with tempfile.TemporaryDirectory() as folder:
    for options in (
      [],
      ["--appendonly", "yes"],
      ["--appendonly", "yes", "--appendfsync", "always"],
    ):
      here = Path(folder) / "-".join(["data", *options])
      here.mkdir()
      started = Server(here, *options)
      started.start()
      try:
        print(" ".join(options) or "no persistence")
        trio.run(main, started)
      finally:
        started.leave()
