"""The log in a folder against a plain list."""

import shutil
import tempfile
from pathlib import Path

from disks import HastyDisk
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
  RuleBasedStateMachine,
  initialize,
  invariant,
  precondition,
  rule,
)
from kept_events import numbers, record, store_in

SIZE = 16_000
KEEP_MS = 1_000
WEIGHT = 30


class LogMachine(RuleBasedStateMachine):
  """`given` holds (number, ts_ms) of everything that was appended, in order."""

  def __init__(self):
    super().__init__()
    self.folder = Path(tempfile.mkdtemp())
    self.given = []
    self.now = 10_000
    self.dropped_to = 0
    self.ended = False

  @initialize(power=st.booleans(), segment_size=st.sampled_from([300, 1500, 4000]))
  def start(self, power, segment_size):
    self.options = {"power": power, "segment_size": segment_size, "size": SIZE, "keep_ms": KEEP_MS}
    self.options["disk"] = HastyDisk()
    self.store = store_in(self.folder, **self.options)

  def teardown(self):
    if hasattr(self, "store"):
      self.store.close()
    shutil.rmtree(self.folder)

  @rule(
    counts=st.lists(st.integers(1, 30) | st.just(300), max_size=4),
    jump=st.sampled_from([0, 0, 0, 1, 1000]),
    later=st.sampled_from([0, 1, 40, 700, 5_000, -300]),
    again=st.integers(0, 20),
  )
  def append(self, counts, jump, later, again):
    self.now = max(1, self.now + later)
    head = self.store.head
    records = []
    if again and self.given and self.given[-1][0] - again >= 1:
      # What was kept comes once more, together with what is new.
      kept = {number for number, _ in self.given}
      first = head - again + 1
      if all(number in kept for number in range(first, head + 1)):
        records.append(record(first, again + 1, self.now, WEIGHT))
        self.given.append((head + 1, self.now))
        head += 1
    first = head + 1 + jump
    for count in counts:
      records.append(record(first, count, self.now, WEIGHT))
      self.given += [(number, self.now) for number in range(first, first + count)]
      first += count
    self.store.append(records)
    self.ended = False
    assert not self.store.finished

  @rule(orderly=st.booleans(), closed=st.booleans())
  def open_again(self, orderly, closed):
    if orderly:
      self.store.finish()
    if closed:
      self.store.close()
    before = (self.store.epoch, self.store.head, self.store.oldest, self.store.last_ts_ms)
    self.store = store_in(self.folder, **self.options)
    found = (self.store.epoch, self.store.head, self.store.oldest, self.store.last_ts_ms)
    assert found == before or not self.given
    assert self.store.finished == (bool(self.given) and (orderly or self.ended))
    self.ended = False

  @rule()
  def finish_and_go_on(self):
    self.store.finish()
    self.ended = True
    assert self.store.finished

  @precondition(lambda self: self.given)
  @rule(data=st.data(), limit=st.integers(1, 400))
  def read(self, data, limit):
    first = data.draw(st.integers(1, self.given[-1][0] + 2))
    found = self.store.read(first, limit)
    seen = numbers(found, WEIGHT)
    kept = [number for number, _ in self.kept() if number >= first]
    assert seen == kept[: len(seen)]
    assert len(seen) >= min(limit, len(kept))
    assert not found or sum(len(r.events) for r in found[:-1]) < limit
    times = dict(self.given)
    assert all(times[number] == r.ts_ms for r in found for number in range(r.first, r.last + 1))

  @rule(back=st.integers(-10, 7_000))
  def find(self, back):
    target = self.now - back
    first = next((number for number, ts_ms in self.kept() if ts_ms >= target), self.store.head + 1)
    assert self.store.find(target) == first

  def kept(self):
    return [(number, ts_ms) for number, ts_ms in self.given if number >= self.store.oldest]

  @invariant()
  def it_holds_the_end_of_what_was_given_within_its_bounds(self):
    if not hasattr(self, "store") or not self.given:
      return
    store = self.store
    assert store.head == self.given[-1][0]
    assert store.last_ts_ms == self.given[-1][1]
    kept = self.kept()
    assert kept
    assert kept[0][0] == store.oldest >= self.dropped_to
    self.dropped_to = store.oldest
    assert store.stored <= SIZE + 300
    on_disk = sum(path.stat().st_size for path in self.folder.iterdir())
    assert on_disk <= SIZE + 300


LogMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestModel = LogMachine.TestCase
