"""A log with an engine behind it."""

from contextlib import asynccontextmanager

import pytest
import trio

from bond_core import Custom, LogType, Size
from bond_core._logs.durable import DurableLog, continued, gathered, open_log
from bond_core._logs.memory import EVENT_BYTES, MemoryLog
from bond_core._logs.ring import RingSize
from bond_core.logs import Engine, EngineError, Record


def events(first, count=1):
  return [
    Custom(exchange="x", symbol="", event_type="n", data={"n": n})
    for n in range(first, first + count)
  ]


def numbers(records):
  return [
    (number, event.data["n"])
    for record in records
    for number, event in enumerate(record.events, record.first)
  ]


class Shelf:
  """An engine whose records outlive the log, and that can be out of order."""

  def __init__(self, epoch="e1"):
    self.epoch, self.finished, self.records, self.broken = epoch, False, [], None
    self.writes = 0

  head = property(lambda self: self.records[-1].last if self.records else 0)
  oldest = property(lambda self: self.records[0].first if self.records else 1)
  last_ts_ms = property(lambda self: self.records[-1].ts_ms if self.records else 0)

  async def write(self, records):
    await trio.lowlevel.checkpoint()
    self.writes += 1
    if self.broken:
      raise EngineError(self.broken)
    self.records += [record for record in records if record.first > self.head]

  async def read(self, first, limit):
    await trio.lowlevel.checkpoint()
    return [record.since(first) for record in self.records if record.last >= first][:2]

  async def find(self, time_ms):
    await trio.lowlevel.checkpoint()
    return next((r.first for r in self.records if r.ts_ms >= time_ms), self.head + 1)

  async def finish(self):
    self.finished = True


class SharedShelf(Shelf):
  """One that others may take over."""

  async def claim(self):
    await trio.lowlevel.checkpoint()

  def begin_epoch(self):
    self.epoch, self.records = f"e{int(self.epoch[1:]) + 1}", []

  async def follow(self, after):
    raise AssertionError("nobody follows it")
    yield []


def spec_of(shelf, **ring):
  @asynccontextmanager
  async def open_shelf(config, name):
    yield shelf

  return LogType(name="t.shelf", summary="", open=open_shelf, ring=lambda config: RingSize(**ring))


async def all_of(log, first):
  found = []
  while records := await log.records(first):
    found += records
    first = records[-1].last + 1
  return found


def test_the_shelf_is_an_engine():
  engine: Engine = Shelf()
  assert engine.head == 0


async def test_what_is_appended_is_kept_and_read_back_from_both(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf, size=Size(50 * EVENT_BYTES)), None, "market") as log:
    for n in range(1, 201):
      log.ring.append(events(n))
      await trio.sleep(0.01)
    assert log.oldest == 1
    assert log.ring.oldest > 140
    assert numbers(await all_of(log, 1)) == [(n, n) for n in range(1, 201)]
    assert numbers(await all_of(log, 97)) == [(n, n) for n in range(97, 201)]
    log.ring.append(events(201))
    await log.acknowledged(201)
    assert shelf.head == 201
  assert shelf.finished


async def test_single_events_are_gathered_into_few_records(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf), None, "market") as log:
    for n in range(1, 1001):
      log.ring.append(events(n))
    await log.acknowledged(1000)
  assert len(shelf.records) <= 2


def test_neighbours_are_joined_and_others_are_not():
  records = [Record(1, 5, events(1, 2)), Record(3, 6, events(3)), Record(7, 9, events(7))]
  joined = gathered(records)
  assert [(r.first, r.ts_ms, len(r.events)) for r in joined] == [(1, 5, 3), (7, 9, 1)]


async def test_an_engine_that_is_down_delays_no_reader_and_receives_the_rest_when_it_is_back(
  autojump_clock, caplog
):
  shelf = Shelf()
  async with open_log(spec_of(shelf), None, "market") as log:
    log.ring.append(events(1))
    await log.acknowledged(1)
    shelf.broken = "no space left"
    log.ring.append(events(2, 10))
    with pytest.raises(EngineError, match="no space left"):
      await log.acknowledged(11)
    await trio.sleep(60)
    assert numbers(await all_of(log, 1)) == [(n, n) for n in range(1, 12)]
    shelf.broken = None
    await trio.sleep(6)
    await log.acknowledged(11)
    assert log.lost == 0
  assert numbers(shelf.records) == [(n, n) for n in range(1, 12)]
  assert "market cannot be kept: no space left; live events go on" in caplog.text
  assert "market is kept again" in caplog.text


async def test_what_the_ring_gave_up_meanwhile_is_a_hole(autojump_clock, caplog):
  shelf = Shelf()
  async with open_log(spec_of(shelf, size=Size(20 * EVENT_BYTES)), None, "market") as log:
    log.ring.append(events(1))
    await log.acknowledged(1)
    shelf.broken = "gone"
    for n in range(2, 102):
      log.ring.append(events(n))
    await trio.sleep(10)
    shelf.broken = None
    await log.acknowledged(log.head - 1) if log.failure is None else await trio.sleep(10)
    await log.acknowledged(101)
    found = await all_of(log, 1)
  kept = [number for number, _ in numbers(found)]
  assert kept[0] == 1
  assert kept[1:] == list(range(kept[1], 102))
  assert log.lost == kept[1] - 2 > 50
  assert numbers(shelf.records) == [(n, n) for n in kept]


async def test_after_an_orderly_end_numbers_go_on_and_the_pause_is_declared(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf), None, "market") as log:
    log.ring.append(events(1, 3))
  async with open_log(spec_of(shelf), None, "market") as log:
    assert log.epoch == "e1"
    ((number, gap),) = [(r.first, e) for r in log.ring.records(4, 9) for e in r.events]
    assert number == 4
    assert (gap.reason, gap.cause) == (
      "upstream",
      "nothing was received while bond was not running",
    )


async def test_after_a_kill_no_number_is_given_twice(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf), None, "market") as log:
    log.ring.append(events(1, 3))
    await log.acknowledged(3)
    log.ring.append(events(4, 1000))  # never kept, but readers may have seen them
    shelf_as_killed = Shelf()
    shelf_as_killed.records = list(shelf.records)
  async with open_log(spec_of(shelf_as_killed), None, "market") as log:
    first = log.ring.oldest
    assert first > 1003
    records = await all_of(log, 3)
    assert [record.first for record in records] == [3, first]


@pytest.mark.parametrize("away_ms", [0, 1, 3_600_000])
def test_a_log_goes_on_beyond_everything_it_can_have_given(away_ms):
  shelf = Shelf()
  shelf.records = [Record(1, 1_000, events(1, 10))]
  assert continued(shelf, 1_000 + away_ms) >= 10 + 1_000_000 + away_ms * 1000
  # A clock that was set back makes no difference.
  assert continued(shelf, 0) >= 10 + 1_000_000
  shelf.finished = True
  assert continued(shelf, 10**12) == 10


async def test_a_ring_alone_keeps_nothing_and_acknowledges_at_once():
  log = DurableLog(MemoryLog("market"), None)
  log.ring.append(events(1, 3))
  await log.acknowledged(3)
  assert numbers(await log.records(2)) == [(2, 2), (3, 3)]
  assert await log.records(4) == []


async def test_finding_a_time_reaches_back_to_the_engine(autojump_clock):
  shelf = Shelf()
  shelf.records = [Record(1, 1_000, events(1, 5)), Record(6, 2_000, events(6, 5))]
  shelf.finished = True
  async with open_log(spec_of(shelf), None, "market") as log:
    assert await log.find(0) == 1
    assert await log.find(1_500) == 6
    assert await log.find(10**15) == 12


async def test_an_engine_that_lost_everything_begins_a_new_epoch_with_what_the_ring_holds(
  autojump_clock, caplog
):
  shelf = Shelf()
  async with open_log(spec_of(shelf, size=Size(50 * EVENT_BYTES)), None, "market") as log:
    for n in range(1, 101):
      log.ring.append(events(n))
      await trio.sleep(0.01)
    await log.acknowledged(100)
    assert (log.epoch, log.oldest) == ("e1", 1)
    oldest = log.ring.oldest

    shelf.epoch, shelf.records = "e2", []
    assert log.epoch == "e2"
    log.ring.append(events(101))
    await trio.sleep(1)
    await log.acknowledged(101)
    assert oldest <= log.oldest < 60
    assert numbers(shelf.records) == [(n, n) for n in range(log.oldest, 102)]
    assert log.lost == 0
  assert f"market begins a new epoch with number {shelf.oldest}" in caplog.text


async def test_a_log_that_is_cut_off_begins_one_epoch_for_each_half_of_the_margin(
  autojump_clock, monkeypatch
):
  monkeypatch.setattr("bond_core._logs.durable.SHARED_MARGIN", 100)
  shelf = SharedShelf()
  async with open_log(spec_of(shelf, size=Size(20 * EVENT_BYTES)), None, "market") as log:
    shelf.broken = "away"
    for epoch in ("e1", "e2", "e3"):
      assert log.epoch == epoch
      for _ in range(51):
        log.ring.append(events(log.head + 1))
      # Tried again and again meanwhile.
      await trio.sleep(60)
    shelf.broken = None
    await trio.sleep(60)
    await log.acknowledged(log.head)
    assert log.epoch == "e4"
    assert numbers(shelf.records)[-1] == (153, 153)


async def test_an_engine_that_went_back_receives_again_what_it_had_acknowledged(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf), None, "market") as log:
    for n in range(1, 101):
      log.ring.append(events(n))
      await trio.sleep(0.05)
    await log.acknowledged(100)
    shelf.records = shelf.records[:40]
    assert shelf.head < 60
    log.ring.append(events(101))
    await trio.sleep(1)
    await log.acknowledged(101)
    assert numbers(shelf.records) == [(n, n) for n in range(1, 102)]
    assert (log.lost, log.broken_at, log.epoch) == (0, 1, "e1")


async def test_what_the_ring_does_not_hold_of_a_step_back_is_a_hole(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf, size=Size(20 * EVENT_BYTES)), None, "market") as log:
    for n in range(1, 101):
      log.ring.append(events(n))
      await trio.sleep(0.05)
    await log.acknowledged(100)
    shelf.records = [Record(1, 0, events(1, 10))]
    log.ring.append(events(101))
    await trio.sleep(1)
    first = log.broken_at
    assert 75 < first < 90
    assert log.lost == first - 11
    with pytest.raises(EngineError, match="are lost"):
      await log.acknowledged(first - 1)
    await log.acknowledged(first)
    assert numbers(shelf.records) == [(n, n) for n in (*range(1, 11), *range(first, 102))]


async def test_a_step_back_below_where_this_log_began_is_no_hole_of_its_own(autojump_clock):
  shelf = Shelf()
  shelf.records = [Record(1, 1_000, events(1, 10))]
  async with open_log(spec_of(shelf), None, "market") as log:
    shelf.records = [Record(1, 1_000, events(1, 5))]
    await log.acknowledged(log.head)
    assert log.lost == 0
    assert log.broken_at == log.head


async def test_a_reader_goes_on_only_where_nothing_is_missing(autojump_clock):
  shelf = Shelf()
  async with open_log(spec_of(shelf, size=Size(50 * EVENT_BYTES)), None, "market") as log:
    for n in range(1, 201):
      log.ring.append(events(n))
      await trio.sleep(0.01)
    await log.acknowledged(200)
    for number in (0, 1, 99, 150, 199, 200):
      assert await log.continues("e1", number), number
    assert not await log.continues("e1", 201)
    assert not await log.continues("other", 150)
    # What the engine lost without being noticed is found out by asking it.
    shelf.records = [record for record in shelf.records if record.first > 50]
    assert not await log.continues("e1", 10)
    assert await log.continues("e1", 100)

    async def began_again(first, limit):
      shelf.epoch = "e2"
      raise EngineError("began again")

    shelf.read = began_again
    assert not await log.continues("e1", 100)
    assert not await log.continues("e1", 199)


async def test_nothing_continues_across_what_the_ring_gave_up_while_the_engine_was_away(
  autojump_clock, caplog
):
  shelf = Shelf()
  async with open_log(spec_of(shelf, size=Size(20 * EVENT_BYTES)), None, "market") as log:
    log.ring.append(events(1, 5))
    await log.acknowledged(5)
    shelf.broken = "gone"
    for n in range(6, 106):
      log.ring.append(events(n))
    await trio.sleep(1)
    # Not yet written, and already known to be missing.
    assert not await log.continues("e1", 3)
    assert log.broken_at == log.ring.oldest > 80
    broken_at = log.broken_at
    shelf.broken = None
    await trio.sleep(10)
    assert log.broken_at == broken_at
    assert not await log.continues("e1", 3)
    assert await log.continues("e1", broken_at - 1)
