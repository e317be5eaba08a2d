import gc
import time
import weakref

import pytest
import trio
import trio.testing

from bond_core import Custom, Gap, Trade
from bond_core._clock import DataClock
from bond_core._logs.memory import DROPPED_AT_ONCE, EVENT_BYTES, MemoryLog, next_tagged, weigh


def trades(*ids):
  return [Trade(exchange="v", symbol="BTC/USDT", price=1.0, size=1.0, trade_id=str(i)) for i in ids]


def ids(batch):
  return [event.trade_id for event in batch]


def test_what_a_message_holds_is_weighed_wherever_it_is():
  held = [{} for _ in range(100_000)]
  data = {"m": [*range(50_000), {"deep": [[held]]}]}
  # An empty dict has 64 bytes, its place in the list 8.
  assert weigh([Custom(exchange="v", symbol="", event_type="t", data=data)]) > 72 * len(held)


async def test_a_cursor_sees_what_comes_after_it_was_made_in_order():
  log = MemoryLog("market", stamps=True)
  log.append(trades(0))
  cursor = log.cursor()
  assert log.append(trades(1, 2)) == 2
  log.append(trades(3))
  batch = await cursor.next()
  assert ids(batch) == ["1", "2", "3"]
  assert [event.seq_internal for event in batch] == [2, 3, 4]
  assert (log.head, log.oldest, cursor.lag) == (4, 1, 0)


async def test_a_cursor_starts_at_a_sequence_number_or_a_time():
  clock = DataClock(1000)
  log = MemoryLog("market", clock=clock)
  log.append(trades(1, 2))
  clock.advance(2000)
  log.append(trades(3, 4))
  assert ids(await log.cursor(start=2).next()) == ["2", "3", "4"]
  assert ids(await log.cursor(start=log.find(1500)).next()) == ["3", "4"]
  assert ids(log.read(2, 2)) == ["2", "3"]
  assert log.find(5000) == 5


async def test_a_cursor_follows_the_writers_it_names_and_ends_with_them():
  log = MemoryLog("market")
  cursor = log.cursor(sources=frozenset({"a"}))
  log.append(trades(1), "a")
  log.append(trades(2), "b")
  log.append(trades(3), "a")
  assert ids(await cursor.next()) == ["1", "3"]
  log.end("a")
  with pytest.raises(trio.EndOfChannel):
    await cursor.next()


async def test_a_waiting_cursor_wakes_for_its_writers_only(autojump_clock):
  log = MemoryLog("market")
  cursor = log.cursor(sources=frozenset({"a"}))
  async with trio.open_nursery() as nursery:
    got = []
    nursery.start_soon(lambda: _collect(cursor, got))
    await trio.testing.wait_all_tasks_blocked()
    log.append(trades(1), "b")
    await trio.testing.wait_all_tasks_blocked()
    assert got == []
    log.append(trades(2), "a")
    await trio.testing.wait_all_tasks_blocked()
    assert got == ["2"]


async def _collect(cursor, got):
  got += ids(await cursor.next())


async def test_what_the_ring_lost_is_declared_with_its_exact_range():
  log = MemoryLog("market", max_bytes=10 * EVENT_BYTES)
  cursor = log.cursor()
  for i in range(1, 31):
    log.append(trades(i))
  batch = await cursor.next()
  gap, rest = batch[0], batch[1:]
  assert isinstance(gap, Gap)
  assert (gap.reason, gap.from_seq, gap.to_seq, gap.missed) == ("slow", 1, 20, 20)
  assert ids(rest) == [str(i) for i in range(21, 31)]
  assert cursor.lost == 20


async def test_numbers_that_no_event_has_are_no_loss_in_a_sparse_log():
  log = MemoryLog("market", stamps=True, sparse=True)
  cursor = log.cursor()
  for number in (1, 3, 9):
    log.append(trades(number), first=number)
  assert ids(await cursor.next()) == ["1", "3", "9"]
  assert (cursor.lost, cursor.lag, ids(log.read(2, 9))) == (0, 0, ["3", "9"])


async def test_old_segments_go_by_time_but_the_newest_stays():
  clock = DataClock(0)
  log = MemoryLog("market", seconds=1, clock=clock)
  log.append(trades(1))
  clock.advance(5000)
  log.append(trades(2))
  assert log.oldest == 2


async def test_a_paced_writer_waits_for_the_slowest_reader(autojump_clock):
  log = MemoryLog("recording", max_bytes=10 * EVENT_BYTES, paced=True)
  slow, fast = log.cursor(), log.cursor()
  written = []

  async def write():
    for i in range(1, 101):
      log.append(trades(i))
      written.append(i)
      await log.room()
    log.close()

  async def read(cursor, pause, got):
    try:
      while True:
        got += ids(await cursor.next(limit=1))
        await trio.sleep(pause)
    except trio.EndOfChannel:
      return

  got_slow, got_fast = [], []
  async with trio.open_nursery() as nursery:
    nursery.start_soon(write)
    nursery.start_soon(read, slow, 1.0, got_slow)
    nursery.start_soon(read, fast, 0.0, got_fast)
    await trio.sleep(3.5)
    assert len(written) <= len(got_slow) + 7
    assert log.bytes_held <= 11 * EVENT_BYTES
  assert got_slow == got_fast == [str(i) for i in range(1, 101)]


async def test_a_reader_that_hangs_stops_being_waited_for(autojump_clock):
  log = MemoryLog("recording", max_bytes=10 * EVENT_BYTES, paced=True, patience=5.0)
  hung, other = log.cursor(), log.cursor()
  got = []

  async def write():
    for i in range(1, 51):
      log.append(trades(i))
      await log.room()
    log.close()

  async with trio.open_nursery() as nursery:
    nursery.start_soon(write)
    try:
      while True:
        got += ids(await other.next())
    except trio.EndOfChannel:
      pass
  assert got == [str(i) for i in range(1, 51)]
  gap = (await hung.next())[0]
  assert isinstance(gap, Gap)
  assert gap.missed == hung.lost > 0


async def test_a_quiet_writer_in_a_busy_log_is_no_loss(autojump_clock):
  clock = DataClock(1000)
  log = MemoryLog("market", seconds=60, clock=clock)
  quiet = [log.cursor(sources=frozenset({name})) for name in "ab"]
  got = []

  async def read():
    while True:
      got.extend(await next_tagged(quiet))

  async with trio.open_nursery() as nursery:
    nursery.start_soon(read)
    await trio.testing.wait_all_tasks_blocked()
    for number in range(1, 200):
      log.append(trades(number), "busy")
      clock.advance(clock.now_ms() + 1000)
    assert log.oldest > 100
    log.append(trades(200), "a")
    log.append(trades(201), "busy")
    log.append(trades(202), "b")
    await trio.testing.wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()
  assert [(source, ids(batch)) for source, batch in got] == [("a", ["200"]), ("b", ["202"])]


def test_nothing_is_kept_of_a_writer_that_has_ended():
  class Writer:
    pass

  log = MemoryLog("market", max_bytes=1000)
  seen = []
  for _ in range(3):
    writer = Writer()
    seen.append(weakref.ref(writer))
    cursor = log.cursor(sources=frozenset({writer}))
    log.append(trades(1), writer)
    log.end(writer)
    cursor.close()
  log.append(trades(*range(10)))
  del writer, cursor
  gc.collect()
  assert [reference() for reference in seen] == [None] * 3


def test_the_end_of_a_long_log_is_read_as_fast_as_that_of_a_short_one():
  def read_the_end(batches):
    log = MemoryLog("market", seconds=1e6, max_bytes=10**9)
    for number in range(batches):
      log.append(trades(number))
    began = time.process_time()
    for _ in range(300):
      assert log.records(log.head, 10)[0].first == log.head
      assert len(log.read(log.head - 1, 10)) == 2
    return time.process_time() - began

  read_the_end(10)
  # Through all batches it would be a thousand times as long.
  assert read_the_end(20_000) < 20 * read_the_end(10) + 0.01


def test_what_is_dropped_from_a_log_is_let_go_of_at_once_and_its_places_soon():
  log = MemoryLog("market", max_bytes=10 * EVENT_BYTES)
  for number in range(5_000):
    log.append(trades(number))
  assert log.oldest == 4_991
  assert ids(log.read(1, 100)) == [str(n) for n in range(4_990, 5_000)]
  assert len(log._segments) <= 2 * DROPPED_AT_ONCE
  assert sum(len(segment.events) for segment in log._segments) == 10
