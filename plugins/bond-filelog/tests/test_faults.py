"""A disk that is full or broken: the writer's call raises, nothing that was acknowledged is lost,
and it goes on when the disk does."""

import errno
import itertools
import random

import pytest
from disks import CALLS, FailingDisk, HastyDisk
from kept_events import all_of, numbers, record, store_in

from bond_core.logs import EngineError

WEIGHT = 60
OPTIONS = {"segment_size": 900, "size": 20_000}


def work(folder, disk, power):
  """Opens, writes, ends and opens again as the keeper does: what fails is done again. The numbers
  that are kept."""
  chance = random.Random(5)
  given, now, store = 0, 1_000, None
  for step in range(14):
    if store is None:
      store = again(lambda: store_in(folder, power=power, disk=disk, **OPTIONS))
      assert store.head == given
    now += 10
    records = []
    for _ in range(chance.randrange(1, 4)):
      count = chance.randrange(1, 9)
      records.append(record(given + 1, count, now, WEIGHT))
      given += count
    again(store.append, records)
    assert store.head == given
    # The same disk serves readers.
    assert numbers(again(store.read, given, 1), WEIGHT) == [given]
    if step % 5 == 4:
      again(store.finish)
      assert store.finished
      try:
        store.close()
      except OSError:
        store.close()
      store = None
  return list(range(1, given + 1))


def again(call, *args):
  for _ in range(100):
    try:
      return call(*args)
    except OSError as exc:
      assert exc.errno in (errno.EIO, errno.ENOSPC)
  raise AssertionError("it never recovered")


def calls_of(folder, power, only):
  disk = FailingDisk(only=only)
  work(folder, disk, power)
  return disk.calls


def survives(folder, failing, error, power, only=CALLS):
  disk = FailingDisk(failing, error, only)
  given = work(folder, disk, power)
  assert disk.raised
  store = store_in(folder, disk=HastyDisk())
  assert numbers(all_of(store), WEIGHT) == given
  store.close()


def every_call_fails_once(folder, step):
  variants = itertools.product((True, False), (errno.EIO, errno.ENOSPC))
  for start, (power, error) in enumerate(variants):
    calls = calls_of(folder / f"count{start}", power, CALLS)
    assert calls > 150
    for failing in range(1 + start * step // 4, calls + 1, step):
      survives(folder / f"{start}-{failing}", {failing}, error, power)


def test_calls_may_fail_once(tmp_path):
  every_call_fails_once(tmp_path, 8)


@pytest.mark.slow
def test_every_call_may_fail_once(tmp_path):
  every_call_fails_once(tmp_path, 1)


@pytest.mark.parametrize("power", [True, False])
def test_every_call_that_changes_something_may_fail_for_a_while(tmp_path, power):
  changing = ("create", "write", "sync", "sync_folder", "truncate", "remove", "rename")
  calls = calls_of(tmp_path / "count", power, changing)
  for failing in range(1, calls + 1, 5):
    survives(tmp_path / str(failing), range(failing, failing + 7), errno.ENOSPC, power, changing)


def test_calls_may_fail_at_random(tmp_path):
  for seed in range(20):
    chance = random.Random(seed)
    failing = {n for n in range(2000) if chance.random() < 0.04}
    survives(tmp_path / str(seed), failing, errno.EIO, chance.random() < 0.5)


def test_an_outage_leaves_no_debris(tmp_path):
  disk = FailingDisk(range(3, 60), errno.ENOSPC, ("write",))
  store = store_in(tmp_path, disk=disk)
  store.append([record(1, 2)])
  store.append([record(3, 2)])
  for first in itertools.count(5):
    try:
      store.append([record(first, 2)])  # the ring gives up the oldest meanwhile
    except OSError:
      assert store.head == 4
      assert [path.name for path in tmp_path.iterdir()] == [f"{1:020}.log"]
    else:
      break
  assert numbers(all_of(store)) == [1, 2, 3, 4, first, first + 1]
  reopened = store_in(tmp_path)
  assert numbers(all_of(reopened)) == [1, 2, 3, 4, first, first + 1]


def test_what_cannot_be_cut_off_after_a_failure_is_not_doubled(tmp_path):
  class Stubborn(HastyDisk):
    broken = False

    def sync(self, file):
      if self.broken:
        raise OSError(errno.EIO, "sync")

    def truncate(self, file, size):
      if self.broken:
        raise OSError(errno.EIO, "truncate")
      super().truncate(file, size)

  disk = Stubborn()
  store = store_in(tmp_path, disk=disk, power=True)
  store.append([record(1, 2)])
  disk.broken = True
  with pytest.raises(OSError, match="sync"):
    store.append([record(3, 2)])
  assert (store.head, numbers(all_of(store))) == (2, [1, 2])
  disk.broken = False
  store.append([record(3, 5)])
  for _ in range(2):
    assert numbers(all_of(store)) == [1, 2, 3, 4, 5, 6, 7]
    store = store_in(tmp_path, disk=disk, power=True)


def test_a_segment_that_cannot_be_removed_is_logged_and_kept_in_bounds(tmp_path):
  disk = FailingDisk(range(1, 4), errno.EPERM, ("remove",))
  store = store_in(tmp_path, disk=disk, size=3_000)
  refused = 0
  for n in range(1, 200):
    while store.head < n:
      try:
        store.append([record(n, 1, weight=100)])
      except OSError:
        refused += 1
    assert store.stored <= 3_000
  assert refused
  assert sum(path.stat().st_size for path in tmp_path.iterdir()) == store.stored


def test_a_log_that_cannot_be_read_says_so(tmp_path):
  disk = FailingDisk(only=("read",))
  store = store_in(tmp_path, disk=disk)
  store.append([record(1, 2)])
  disk.failing = {1, 2}
  for call in (lambda: store.read(1, 5), lambda: store.find(0)):
    with pytest.raises(OSError, match="Input/output"):
      call()
  assert numbers(store.read(1, 5)) == [1, 2]
  assert not issubclass(EngineError, OSError)
