"""Events whose content follows from their number, so that a reader of one knows whether it is
right."""

import random
from functools import lru_cache

from bond_filelog.store import Store

from bond_core import Custom
from bond_core.logs import Record

HOUR_MS = 3_600_000


@lru_cache(100_000)
def event(number, weight=8):
  """`weight` bytes that hardly deflate."""
  data = {"n": number, "noise": random.Random(number).randbytes(weight // 2).hex()}
  return Custom(exchange="x", symbol="BTC/USDT", event_type="n", data=data, seq_internal=number)


def record(first, count=1, ts_ms=1_000, weight=8):
  return Record(first, ts_ms, [event(n, weight) for n in range(first, first + count)])


def store_in(folder, *, keep_ms=HOUR_MS, size=1 << 30, segment_size=512, **options):
  folder.mkdir(exist_ok=True)
  return Store(folder, keep_ms=keep_ms, size=size, segment_size=segment_size, **options)


def all_of(store, first=1, limit=50):
  """Every record that is kept, read piece by piece."""
  found = []
  while records := store.read(first, limit):
    assert records[0].first >= first
    found += records
    first = records[-1].last + 1
  return found


def numbers(records, weight=8):
  """The numbers of all events; fails where one is not what was given, or out of order."""
  seen = []
  for found in records:
    for number, kept in enumerate(found.events, found.first):
      assert kept == event(number, weight), number
      assert not seen or number > seen[-1]
      seen.append(number)
  return seen
