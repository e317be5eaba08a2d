"""A log in a folder, without trio: appending, reading, finding, dropping, opening again."""

import stat
import threading
import time
import zlib

import pytest
from bond_filelog.disk import Disk
from bond_filelog.record import EVENTS, MAGIC, framed
from kept_events import HOUR_MS, all_of, event, numbers, record, store_in

from bond_core import Custom
from bond_core.logs import EngineError, Record


def files(folder):
  return sorted(path.name for path in folder.iterdir())


def test_a_new_log_is_empty(tmp_path):
  store = store_in(tmp_path)
  assert (store.head, store.oldest, store.last_ts_ms, store.finished) == (0, 1, 0, False)
  assert len(store.epoch) == 16
  assert store.read(1, 10) == []
  assert store.find(0) == 1
  assert files(tmp_path) == []


def test_what_is_appended_is_read_back_at_once_and_after_opening_again(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1, 3, 1_000), record(4, 300, 2_000)])
  for _ in range(2):
    assert (store.head, store.oldest, store.last_ts_ms) == (303, 1, 2_000)
    assert numbers(store.read(1, 1000)) == list(range(1, 304))
    assert [(r.first, r.ts_ms, len(r.events)) for r in store.read(3, 2)] == [
      (3, 1_000, 1),
      (4, 2_000, 256),
    ]
    assert numbers(store.read(303, 1)) == [303]
    assert store.read(304, 1) == []
    epoch = store.epoch
    store.close()
    store = store_in(tmp_path)
    assert store.epoch == epoch


def test_files_and_folder_are_for_their_owner_alone(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1)])
  (path,) = tmp_path.iterdir()
  assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_numbers_that_are_kept_are_not_kept_again(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1, 5)])
  size = store.stored
  store.append([record(1, 5), record(3, 2)])
  assert store.stored == size
  store.append([record(4, 4)])
  assert numbers(all_of(store)) == list(range(1, 8))


def test_numbers_may_jump(tmp_path):
  store = store_in(tmp_path)
  store.append([record(5, 2), record(1_000_000, 2)])
  for _ in range(2):
    assert numbers(all_of(store)) == [5, 6, 1_000_000, 1_000_001]
    assert numbers(store.read(100, 9)) == [1_000_000, 1_000_001]
    assert (store.oldest, store.head) == (5, 1_000_001)
    store = store_in(tmp_path)


def test_a_time_is_found_across_segments_and_when_the_clock_was_set_back(tmp_path):
  store = store_in(tmp_path)
  times = [100, 300, 200, 250, 50, 400, 350, 500]
  for position, ts_ms in enumerate(times):
    store.append([record(1 + 10 * position, 10, ts_ms, weight=90)])
  for _ in range(2):
    assert len(files(tmp_path)) > 4
    for target in range(0, 520, 10):
      first = next((1 + 10 * p for p, ts_ms in enumerate(times) if ts_ms >= target), 81)
      assert store.find(target) == first, target
    store = store_in(tmp_path)


def test_the_index_leads_to_every_number_and_time_of_a_long_segment(tmp_path):
  store = store_in(tmp_path, segment_size=1 << 20)
  for n in range(1, 1001):
    store.append([record(n, 1, n * 10, weight=600)])
  (path,) = tmp_path.iterdir()
  assert path.stat().st_size > 4 * 64 * 1024
  for n in range(1, 1001, 7):
    assert numbers(store.read(n, 1), 600) == [n]
    assert store.find(n * 10 - 3) == n


def test_a_sealed_segment_is_opened_by_its_index_alone(tmp_path):
  class Counting(Disk):
    taken = 0

    def read(self, file, size, offset):
      data = super().read(file, size, offset)
      Counting.taken += len(data)
      return data

  store = store_in(tmp_path, segment_size=1 << 20)
  for n in range(1, 3000):
    store.append([record(n, 1, n, weight=2000)])
  assert len(files(tmp_path)) > 2
  again = store_in(tmp_path, disk=Counting())
  assert Counting.taken < 1.5 * (1 << 20) < store.stored / 2
  assert numbers(again.read(1000, 5), 2000)[:5] == [1000, 1001, 1002, 1003, 1004]
  assert again.find(700) == 700


def test_the_oldest_segments_go_when_the_log_is_too_large(tmp_path):
  store = store_in(tmp_path, size=20_000)
  for n in range(1, 1001):
    store.append([record(n, 1, weight=100)])
    on_disk = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert store.stored == on_disk <= 20_000
  assert on_disk > 18_000
  assert numbers(all_of(store, store.oldest), 100) == list(range(store.oldest, 1001))
  assert store.read(1, 1)[0].first == store.oldest > 800
  reopened = store_in(tmp_path, size=20_000)
  assert (reopened.oldest, reopened.head, reopened.epoch) == (store.oldest, 1000, store.epoch)


def test_the_oldest_segments_go_when_they_are_too_old(tmp_path):
  store = store_in(tmp_path, keep_ms=HOUR_MS, segment_size=1 << 20)
  step = HOUR_MS // 200
  for n in range(1, 1001):
    store.append([record(n, 1, n * step)])
    if n > 210:
      assert HOUR_MS <= (n - store.oldest) * step <= HOUR_MS * 34 / 32
  assert len(files(tmp_path)) < 40


def test_a_log_that_slept_longer_than_it_keeps_goes_on_in_its_epoch(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1, 5, 1_000)])
  store.finish()
  epoch = store.epoch
  later = store_in(tmp_path)
  assert (later.epoch, later.head, later.finished) == (epoch, 5, True)
  later.append([record(6, 1, 1_000 + 10 * HOUR_MS)])
  later.append([record(7, 1, 1_001 + 10 * HOUR_MS)])
  assert numbers(all_of(later)) == [6, 7]


def test_a_log_that_keeps_nothing_begins_a_new_epoch(tmp_path):
  store = store_in(tmp_path)
  store.finish()
  assert store_in(tmp_path).epoch != store.epoch
  store.append([record(1)])
  for path in tmp_path.iterdir():
    path.unlink()
  again = store_in(tmp_path)
  assert (again.head, again.epoch != store.epoch) == (0, True)


def test_an_orderly_end_is_reported_once_and_a_kill_is_not_taken_for_one(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1, 3)])
  assert not store_in(tmp_path).finished  # killed
  store = store_in(tmp_path)
  store.finish()
  assert store.finished
  ended = store_in(tmp_path)
  assert (ended.finished, ended.head) == (True, 3)
  # Killed before its first write: numbers may have gone out to readers all the same.
  assert not store_in(tmp_path).finished


def test_going_on_after_the_end_takes_the_mark_off_first(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1, 3)])
  store.finish()
  store.finish()
  store.append([])
  assert not store.finished
  assert not store_in(tmp_path).finished
  store.append([record(4)])
  store.finish()
  found = store_in(tmp_path)
  assert (found.finished, found.head) == (True, 4)
  assert numbers(all_of(found)) == [1, 2, 3, 4]


def test_the_mark_of_the_end_remembers_numbers_that_nothing_is_kept_of(tmp_path, caplog):
  odd = Custom(exchange="x", symbol="", event_type="odd", data={"a": object()})
  store = store_in(tmp_path)
  store.append([record(1, 3), Record(4, 1_000, [odd, odd])])
  assert store.head == 5
  store.finish()
  assert store_in(tmp_path).head == 5
  assert "cannot be stored" in caplog.text


def test_a_torn_end_is_cut_off_and_the_log_goes_on_behind_it(tmp_path, caplog):
  store = store_in(tmp_path, segment_size=1 << 20)
  store.append([record(1, 3)])
  (path,) = tmp_path.iterdir()
  whole = path.read_bytes()
  store.append([record(4, 3)])
  torn = path.read_bytes()[:-1]
  for end in range(len(whole) + 1, len(torn), 9):
    path.write_bytes(torn[:end])
    again = store_in(tmp_path, segment_size=1 << 20)
    assert again.head == 3
    assert path.read_bytes() == whole
    again.append([record(4, 2)])
    assert numbers(all_of(store_in(tmp_path))) == [1, 2, 3, 4, 5]
  assert f"its last {end - len(whole)} bytes are no whole record" in caplog.text


def test_a_mark_behind_a_torn_record_does_not_let_numbers_be_given_twice(tmp_path):
  store = store_in(tmp_path)
  store.append([record(1, 3)])
  (path,) = tmp_path.iterdir()
  size = path.stat().st_size
  store.append([record(4, 3)])
  store.finish()
  data = bytearray(path.read_bytes())
  data[size + 50] ^= 1
  path.write_bytes(data)
  again = store_in(tmp_path)
  assert (again.finished, again.head) == (True, 6)
  again.append([record(7)])
  assert numbers(all_of(again)) == [1, 2, 3, 7]


def test_a_file_without_any_record_is_set_aside(tmp_path, caplog):
  store = store_in(tmp_path)
  for n in range(1, 100):
    store.append([record(n, 1, weight=100)])
  oldest = tmp_path / files(tmp_path)[0]
  oldest.write_bytes(b"x" * 700)
  again = store_in(tmp_path)
  assert numbers(all_of(again), 100) == list(range(again.oldest, 100))
  assert files(tmp_path)[0] == oldest.name + ".damaged"
  assert "can be deleted" in caplog.text


def test_a_log_of_another_version_is_left_alone(tmp_path):
  newer = tmp_path / f"{1:020}.log"
  of_two = framed(EVENTS, b"12345678", 1, 1, 5, b"x").replace(MAGIC, MAGIC[:3] + b"2")
  checked = of_two[:40] + zlib.crc32(b"x", zlib.crc32(of_two[:40])).to_bytes(4, "little") + b"x"
  newer.write_bytes(checked)
  with pytest.raises(EngineError, match="another version of bond; give this one another `path`"):
    store_in(tmp_path)
  assert newer.read_bytes() == checked
  newer.write_bytes(of_two)  # no other version, but damaged
  assert store_in(tmp_path).head == 0


def test_what_is_not_a_segment_is_not_touched(tmp_path):
  (tmp_path / "notes.log").write_text("mine")
  (tmp_path / "lock").write_text("")
  store = store_in(tmp_path)
  store.append([record(1)])
  assert len(files(tmp_path)) == 3
  assert (tmp_path / "notes.log").read_text() == "mine"


def test_a_closed_log_takes_nothing(tmp_path):
  store = store_in(tmp_path)
  store.close()
  with pytest.raises(EngineError, match="is closed"):
    store.append([record(1)])


def test_mode_power_syncs_the_file_and_its_name_before_anything_counts(tmp_path):
  calls = []

  class Telling(Disk):
    def create(self, path):
      calls.append("create")
      return super().create(path)

    def write(self, file, data, offset):
      assert store.head == 0
      calls.append("write")
      return super().write(file, data, offset)

    def sync(self, file):
      assert store.head == 0
      calls.append("sync")
      super().sync(file)

    def sync_folder(self, folder):
      calls.append("sync_folder")
      super().sync_folder(folder)

  store = store_in(tmp_path, power=True, disk=Telling(), segment_size=1 << 20)
  store.append([record(1, 2), record(3, 2), record(9)])
  assert calls == ["create", "sync_folder", "write", "write", "write", "sync"]
  assert store.head == 9


def test_readers_go_on_while_the_log_grows_and_drops_its_beginning(tmp_path):
  store = store_in(tmp_path, size=30_000, segment_size=1000)
  faults, done = [], threading.Event()
  jumps = [0, 0]

  def reader(place):
    try:
      position = 1
      while not done.is_set() or position <= store.head:
        head = store.head
        found = store.read(position, 200)
        if not found:
          assert position > head or gone(position), (position, head)
          time.sleep(0.0005)
          continue
        if found[0].first > position:
          jumps[place] += 1
          assert gone(position), position
        seen = numbers(found, 40)
        assert seen == list(range(seen[0], seen[0] + len(seen))) or gone(seen[0])
        position = seen[-1] + 1 if place else max(1, seen[-1] - 500)
        assert store.find(seen[-1]) == seen[-1] or gone(seen[-1])
        if not place and done.is_set():
          return
    except BaseException as exc:
      faults.append(exc)

  def gone(number):
    """Whether it was dropped, which is recorded right after it was done."""
    deadline = time.monotonic() + 2
    while store.oldest <= number and time.monotonic() < deadline:
      time.sleep(0.001)
    return store.oldest > number

  threads = [threading.Thread(target=reader, args=(place,)) for place in (0, 1)]
  for thread in threads:
    thread.start()
  for n in range(1, 4001):
    store.append([record(n, 1, n, weight=40)])
  done.set()
  for thread in threads:
    thread.join(30)
  assert faults == []
  assert store.oldest > 2000


def test_an_event_comes_back_equal(tmp_path):
  store = store_in(tmp_path)
  given = [event(1), event(2)]
  store.append([Record(1, 5, given)])
  assert store.read(1, 5) == [Record(1, 5, given)]
