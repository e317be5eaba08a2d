"""A log that another process writes, read here under the same numbers."""

from contextlib import asynccontextmanager

import pytest
import trio
from bond_builtin.memory import TYPE as MEMORY
from bond_server.following import follow_log

from bond_core import BondError, Custom, LogType
from bond_core._clock import SystemClock
from bond_core._logs.ring import RingSize
from bond_core.logs import EngineError, Record


def events(first, count=1):
  return [
    Custom(exchange="x", symbol="", event_type="n", data={"n": n}, seq_internal=n)
    for n in range(first, first + count)
  ]


def numbers(records):
  return [
    (number, event.data["n"])
    for record in records
    for number, event in enumerate(record.events, record.first)
  ]


class Board:
  """An engine that others write: what is put here is what a follower reads."""

  epoch, finished = "e1", False

  def __init__(self):
    self.records, self.lost, self.news = [], False, trio.Event()

  head = property(lambda self: self.records[-1].last if self.records else 0)
  oldest = property(lambda self: self.records[0].first if self.records else 1)
  last_ts_ms = property(lambda self: self.records[-1].ts_ms if self.records else 0)

  def put(self, record):
    self.records.append(record)
    self.notify()

  def lose(self):
    self.lost = True
    self.notify()

  def notify(self):
    self.news.set()
    self.news = trio.Event()

  async def write(self, records):
    raise EngineError("a follower writes nothing")

  async def finish(self):
    raise EngineError("a follower ends nothing")

  async def claim(self):
    raise EngineError("a follower takes nothing over")

  def begin_epoch(self):
    raise AssertionError("a follower has no epoch of its own")

  async def read(self, first, limit):
    await trio.lowlevel.checkpoint()
    return [record.since(first) for record in self.records if record.last >= first][:2]

  async def find(self, time_ms):
    await trio.lowlevel.checkpoint()
    return next((r.first for r in self.records if r.ts_ms >= time_ms), self.head + 1)

  async def follow(self, after):
    while True:
      news = self.news
      if self.lost:
        raise EngineError("began again")
      found = await self.read(after + 1, 100)
      if found:
        after = found[-1].last
        yield found
      else:
        await news.wait()


def spec_of(engine, **ring):
  @asynccontextmanager
  async def open_it(config, name):
    yield engine

  return LogType(name="t.board", summary="", open=open_it, ring=lambda config: RingSize(**ring))


async def test_the_ring_holds_the_recent_past_at_once_and_the_engine_what_is_older():
  board, now = Board(), SystemClock().now_ms()
  board.records = [
    Record(1, now - 3_600_000, events(1, 50)),
    Record(51, now - 10_000, events(51, 50)),
    Record(101, now - 5_000, events(101, 50)),
  ]
  async with follow_log(spec_of(board), None, "market") as log:
    assert (log.epoch, log.head, log.ring.oldest, log.oldest) == ("e1", 150, 51, 1)
    assert numbers(await log.records(20, 1000)) == [(n, n) for n in range(20, 101)]
    assert numbers(await log.records(101, 1000)) == [(n, n) for n in range(101, 151)]
    assert await log.continues("e1", 60)
    # Older ones are there too, but whether all of them are is not known.
    assert not await log.continues("e1", 10)


async def test_news_arrive_under_the_numbers_they_have_and_keep_their_stamps(autojump_clock):
  board = Board()
  async with follow_log(spec_of(board), None, "market") as log:
    cursor = log.ring.cursor()
    board.put(Record(1, 0, events(1, 3)))
    await log.ring.reached(3)
    board.put(Record(4, 0, events(4, 2)))
    await log.ring.reached(5)
    assert [event.seq_internal for event in await cursor.next()] == [1, 2, 3, 4, 5]
    assert log.kept == 5
    await log.acknowledged(5)


async def test_a_jump_of_the_numbers_is_a_hole_that_readers_learn_of(autojump_clock):
  board = Board()
  async with follow_log(spec_of(board), None, "market") as log:
    cursor = log.ring.cursor()
    board.put(Record(1, 0, events(1, 3)))
    board.put(Record(10, 0, events(10, 2)))
    await log.ring.reached(11)
    assert [getattr(event, "missed", None) for event in await cursor.next()] == [
      *[None] * 3,
      6,
      *[None] * 2,
    ]
    assert log.broken_at == 10
    assert not await log.continues("e1", 2)
    assert await log.continues("e1", 9)


async def test_the_block_ends_when_the_log_begins_again(autojump_clock):
  board = Board()
  with pytest.raises(ExceptionGroup) as raised:
    async with follow_log(spec_of(board), None, "market"):
      board.lose()
      await trio.sleep_forever()
  assert raised.group_contains(EngineError, match="began again")


async def test_a_head_that_cannot_be_read_does_not_hold_the_block_back(autojump_clock):
  class Damaged(Board):
    head = 9

  board = Damaged()
  board.records = [Record(1, SystemClock().now_ms(), events(1, 5))]
  async with follow_log(spec_of(board), None, "market") as log:
    assert log.head == 5


async def test_only_what_others_can_read_is_followed():
  with pytest.raises(BondError, match=r"core\.memory stays in one process"):
    async with follow_log(MEMORY, RingSize(), "market"):
      raise AssertionError("it began")

  class Alone:
    pass

  with pytest.raises(ExceptionGroup) as raised:
    async with follow_log(spec_of(Alone()), None, "market"):
      raise AssertionError("it began")
  assert raised.group_contains(BondError, match="is written and read by one process")
