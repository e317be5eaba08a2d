"""Loss of power: what was acknowledged in mode `power` survives whatever happens to the rest."""

import logging
import random

import pytest
from disks import Crash, HastyDisk, RecordingDisk
from kept_events import all_of, numbers, record, store_in

WEIGHT = 60


def history(folder, power, chance):
  """What one log did: the changes of its disk, with what it acknowledged in between."""
  disk = RecordingDisk()
  options = {"power": power, "disk": disk, "segment_size": 900, "size": 6_000}
  store = store_in(folder, **options)
  now, given = 1_000, 0
  for _ in range(chance.randrange(8, 25)):
    now += 10
    records = []
    for _ in range(chance.randrange(1, 4)):
      first = given + 1 + (chance.random() < 0.2)
      records.append(record(first, chance.randrange(1, 9), now, WEIGHT))
      given = records[-1].last
    disk.note("given", given)
    store.append(records)
    disk.note("kept", [number for r in records for number in range(r.first, r.last + 1)])
    if chance.random() < 0.25:
      if chance.random() < 0.6:
        store.finish()
        disk.note("finished")
      store.close()
      store = store_in(folder, **options)
  return disk.changes


def check(changes, folder, chance, power):
  """Crashes after these changes and opens what is left."""
  acknowledged, given, dropped, names = [], 0, 0, []
  for change in changes:
    if change[0] == "kept":
      acknowledged += change[1]
    elif change[0] == "given":
      given = change[1]
    elif change[0] == "create":
      names.append(change[1])
    elif change[0] == "remove":
      names.remove(change[1])
      dropped = int(min(names, default="0").removesuffix(".log"))
  Crash(changes, chance).put(folder)
  store = store_in(folder, power=power, disk=HastyDisk())
  found = numbers(all_of(store, limit=3), WEIGHT)
  if power:
    missing = {number for number in acknowledged if number >= dropped} - set(found)
    assert not missing
  assert set(found) <= set(range(1, given + 1))
  if store.finished:
    # No number was given that the log does not know of.
    assert store.head == given
  if changes and changes[-1] == ("finished",):
    assert store.finished
  # It goes on, and what it keeps from here on is as safe.
  assert not store_in(folder, power=power, disk=HastyDisk()).finished
  first = given + 1_000
  store.append([record(first, 3, 2_000, WEIGHT)])
  store.close()
  again = store_in(folder, power=power, disk=HastyDisk())
  assert not again.finished
  assert numbers(all_of(again), WEIGHT)[-3:] == [first, first + 1, first + 2]
  again.close()


@pytest.fixture(autouse=True)
def _quiet(caplog):
  # What damage is logged of tens of thousands of crashes would be kept for the report of a failure.
  caplog.set_level(logging.CRITICAL, logger="bond.log")


def crashes(tmp_path, power, seeds, clones):
  live, clone = tmp_path / "live", tmp_path / "clone"
  clone.mkdir()
  tried = 0
  for seed in seeds:
    chance = random.Random(seed)
    folder = live.with_name(f"live{seed}")
    changes = history(folder, power, chance)
    for end in range(len(changes) + 1):
      for _ in range(clones):
        check(changes[:end], clone, chance, power)
        tried += 1
  return tried


@pytest.mark.parametrize("power", [True, False])
def test_what_power_leaves_is_what_was_acknowledged(tmp_path, power):
  assert crashes(tmp_path, power, range(3), 1) > 200


@pytest.mark.slow
@pytest.mark.parametrize("power", [True, False])
def test_what_power_leaves_is_what_was_acknowledged_in_full_size(tmp_path, power):
  assert crashes(tmp_path, power, range(100, 130), 6) > 10_000


def test_a_crash_that_keeps_nothing_unsynced_is_noticed_in_mode_process(tmp_path):
  """The clones are no formality: without syncs they do lose events."""
  chance = random.Random(1)
  changes = history(tmp_path / "live", False, chance)
  (tmp_path / "clone").mkdir()
  lost = 0
  for _ in range(20):
    Crash(changes, chance).put(tmp_path / "clone")
    store = store_in(tmp_path / "clone")
    lost += not store.read(1, 1) or store.head < changes[-1][-1][-1]
  assert lost > 5
