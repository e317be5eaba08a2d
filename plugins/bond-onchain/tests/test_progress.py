from bond_onchain.progress import OVERLAP, PARENTS, REMEMBERED, Progress
from hypothesis import given, strategies as st


def test_what_was_seen_is_not_new_and_the_slot_tells_equal_keys_apart():
  progress = Progress()
  assert progress.is_new(7, "a")
  assert not progress.is_new(7, "a")
  assert progress.is_new(8, "a")
  assert progress.last == 8


def test_a_stream_goes_on_some_slots_back_but_never_before_it_began():
  progress = Progress()
  assert progress.resume_slot() is None
  progress.is_new(100, "a")
  progress.is_new(103, "a")
  assert progress.resume_slot() == 100
  progress.is_new(200, "a")
  assert progress.resume_slot() == 201 - OVERLAP


def test_missed_slots_are_none_and_missing_blocks_are_reported_once():
  progress = Progress()
  assert progress.block(10, 9) is None
  assert progress.block(13, 10) is None
  assert progress.block(17, 15) == (14, 15)
  assert progress.block(18, 15) is None
  assert progress.block(19, 17) is None


def test_after_a_leap_the_parent_of_the_first_block_is_not_missed():
  progress = Progress()
  progress.block(10, 9)
  progress.is_new(10, "a")
  progress.leap(50)
  assert progress.block(50, 49) is None
  assert progress.block(52, 51) == (51, 51)


def test_what_is_not_in_the_line_of_a_final_block_was_abandoned():
  progress = Progress()
  for slot, parent in ((1, 0), (2, 1), (3, 2), (4, 2), (5, 4), (6, 5)):
    progress.is_new(slot, "block")
    progress.block(slot, parent)
  assert progress.finalize(1) == []
  assert progress.finalize(5) == [3]
  assert progress.finalize(5) == []
  assert progress.finalize(6) == []
  assert not progress.dead(3)
  assert progress.dead(6)
  assert not progress.dead(6)
  assert not progress.dead(70)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3)), max_size=400))
def test_memory_is_bounded_and_nothing_within_it_is_new_twice(pairs):
  progress = Progress()
  seen = set()
  for slot, key in pairs:
    new = progress.is_new(slot, key)
    assert not (new and (slot, key) in seen and slot > progress.last - REMEMBERED)
    if new:
      seen.add((slot, key))
    progress.block(slot, slot - 1)
  assert len(progress._seen) <= REMEMBERED + 1
  assert len(progress._parents) <= REMEMBERED + 2 * PARENTS
