"""A flipped bit is found, is never served, and takes no more than the record that it is in."""

import logging
import random

import pytest
from bond_filelog.record import EVENTS, HEADER, walk
from disks import HastyDisk
from kept_events import all_of, numbers, record, store_in

WEIGHT = 40


class Kept:
  """A log of several segments, and for each byte of it the numbers of the events it stands for."""

  def __init__(self, folder):
    self.folder = folder
    store = store_in(folder, segment_size=1500)
    first = 1
    for n in range(60):
      store.append([record(first, 1 + n % 7, n, WEIGHT)])
      first += 1 + n % 7
    store.finish()
    store.close()
    self.all = list(range(1, first))
    self.files = {path: path.read_bytes() for path in sorted(folder.iterdir())}

  def restore(self):
    for path in self.folder.iterdir():
      path.unlink()
    for path, data in self.files.items():
      path.write_bytes(data)

  def flip(self, chance):
    """Flips one bit; the numbers of the events in the record that it is in."""
    path = chance.choice(list(self.files))
    place = chance.randrange(len(self.files[path]))
    with path.open("r+b") as file:
      file.seek(place)
      file.write(bytes([self.files[path][place] ^ 1 << chance.randrange(8)]))
    for hit in found(self.files[path]):
      if hit.offset <= place < hit.stop:
        return set(range(hit.first, hit.last + 1))
    raise AssertionError("every byte belongs to a record")


def found(data):
  return list(walk(lambda at, size: data[at : at + size], 0, len(data), None))


def flips(folder, seed, count):
  kept, chance = Kept(folder), random.Random(seed)
  lost = 0
  for _ in range(count):
    # While the log is open, and when it is opened.
    store = store_in(folder, disk=HastyDisk())
    gone = kept.flip(chance)
    assert numbers(all_of(store), WEIGHT) == [n for n in kept.all if n not in gone]
    store.close()
    kept.restore()
    gone = kept.flip(chance)
    store = store_in(folder, disk=HastyDisk())
    assert numbers(all_of(store), WEIGHT) == [n for n in kept.all if n not in gone]
    for position in chance.choices(kept.all, k=3):
      expected = next((n for n in kept.all if n >= position and n not in gone), None)
      served = numbers(store.read(position, 1), WEIGHT)
      assert (served[0] if served else None) == expected
    # Where the log cannot know its end it says so, and goes on beyond it.
    assert store.finished or store.head <= kept.all[-1]
    assert store.head == kept.all[-1] or not store.finished
    lost += len(gone)
    store.close()
    kept.restore()
  return lost


def test_a_flipped_bit_takes_its_record_and_nothing_else(tmp_path):
  assert flips(tmp_path, 1, 150) > 300


@pytest.mark.slow
def test_ten_thousand_flipped_bits(tmp_path, caplog):
  caplog.set_level(logging.CRITICAL, logger="bond.log")
  assert flips(tmp_path, 2, 5_000) > 10_000


def test_the_log_goes_on_after_damage_and_says_what_is_lost(tmp_path, caplog):
  kept = Kept(tmp_path)
  path, data = list(kept.files.items())[1]
  bad = found(data)[1]
  path.write_bytes(data[: bad.offset] + bytes(30) + data[bad.offset + 30 :])
  store = store_in(tmp_path, segment_size=1500)
  for _ in range(3):
    served = numbers(all_of(store), WEIGHT)
  assert set(kept.all) - set(served) == set(range(bad.first, bad.last + 1))
  message = (
    f"{path} is damaged from byte {bad.offset} to {bad.stop}; the events that stood there are"
  )
  assert caplog.text.count(message) == 1
  first = kept.all[-1] + 1
  store.append([record(first, 5, 99, WEIGHT)])
  assert numbers(all_of(store), WEIGHT)[-5:] == list(range(first, first + 5))


def test_a_record_in_front_of_which_everything_is_garbage_is_found(tmp_path):
  kept = Kept(tmp_path)
  path, data = list(kept.files.items())[1]
  whole = [r for r in found(data) if r.kind == EVENTS]
  last = whole[-1]
  noise = random.Random(3).randbytes(last.offset)
  path.write_bytes(noise + data[last.offset : last.stop] + b"\xb0BL1" * 30)
  store = store_in(tmp_path)
  served = numbers(all_of(store), WEIGHT)
  assert set(kept.all) - set(served) == set(range(whole[0].first, last.first))
  assert HEADER.size == 44
