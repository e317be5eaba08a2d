"""Keeps events until it is killed, and tells which it may tell as kept.

A line `FOLDER MODE SEED` on the standard input starts one life: a process of its own that opens the
log in the folder, goes on behind it, prints `kept N` for each number up to which the log has
acknowledged everything, and never ends. It prints `pid N` at first; the mother prints `dead` when
it was killed.
"""

import os
import random
import sys

import trio
from bond_filelog.config import FileLog
from bond_filelog.engine import open_file_log
from kept_events import record

from bond_core import Size
from bond_core._logs.durable import continued


def say(text):
  os.write(1, f"{text}\n".encode())


async def live(folder, mode, seed):
  chance = random.Random(seed)
  config = FileLog(path=folder, mode=mode, size=Size(1024 * 1024))
  async with open_file_log(config, "market") as log:
    now = max(1_000, log.last_ts_ms)
    first = continued(log, now) + 1
    say(f"first {first}")
    while True:
      records = []
      now += 1
      for _ in range(chance.randrange(1, 4)):
        count = chance.choice([1, 2, 20, 300])
        records.append(record(first, count, now, 200))
        first += count
      await log.write(records)
      say(f"kept {first - 1}")


def main():
  for line in sys.stdin:
    folder, mode, seed = line.split()
    pid = os.fork()
    if pid == 0:
      say(f"pid {os.getpid()}")
      trio.run(live, folder, mode, int(seed))
    os.waitpid(pid, 0)
    say("dead")


if __name__ == "__main__":
  main()
