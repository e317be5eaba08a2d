"""A process that writes a log until it is killed: `python writer.py URL NAME RATE`."""

import sys

import trio
from bond_redis import bond_register_logs
from bond_redis.config import Streams

from bond_core import Custom
from bond_core._logs.durable import open_log


async def main(url, name, rate):
  (spec,) = bond_register_logs()
  async with open_log(spec, Streams(url=url, timeout=1.0), name, stamps=True) as log:
    print(log.epoch, log.head, flush=True)
    while True:
      first = log.head + 1
      log.ring.append(
        [
          Custom(exchange="x", symbol="", event_type="n", data={"n": n})
          for n in range(first, first + rate // 100)
        ]
      )
      await trio.sleep(0.01)
      print(log.kept, flush=True)


if __name__ == "__main__":
  trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
