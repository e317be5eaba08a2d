"""How heads become a chain, in every order and with what is missing."""

import random

from bond_evm.messages import Block
from bond_evm.tip import DEPTH, BlockRequest, ChainUpdate, Tip
from hypothesis import given, settings, strategies as st


def block(number, name="", parent=None):
  own = f"{number}{name}"
  return Block(number, own, parent if parent is not None else f"{number - 1}{name}", 0)


def begun(number=10):
  tip = Tip()
  tip.begin(block(number))
  return tip


def test_heads_that_fit_go_on_and_known_ones_do_nothing():
  tip = begun()
  assert tip.head(block(11)) == ChainUpdate([], [block(11)])
  assert tip.head(block(11)) is None
  assert tip.head(block(10)) is None
  assert tip.head(block(3)) is None, "it is from before all that is known"
  assert tip.number == 11
  assert tip.missing() == []


def test_blocks_that_were_not_announced_are_asked_for_once_by_number():
  tip = begun()
  assert tip.head(block(14)) is None
  assert tip.missing() == [BlockRequest(11), BlockRequest(12), BlockRequest(13)]
  assert tip.missing() == []
  for number in (12, 11):
    tip.answered(BlockRequest(number))
    assert tip.fetched(block(number)) is None
  tip.answered(BlockRequest(13))
  assert tip.fetched(block(13)) == ChainUpdate([], [block(n) for n in (11, 12, 13, 14)])
  assert tip.target is None


def test_a_branch_is_followed_down_by_its_hashes():
  tip = begun()
  for number in (11, 12):
    tip.head(block(number))
  head = block(13, "b")
  assert tip.head(head) is None
  assert tip.missing() == [BlockRequest(12, "12b")]
  assert tip.fetched(block(12, "b")) is None
  assert tip.missing() == [BlockRequest(11, "11b")]
  moved = tip.fetched(block(11, "b", parent="10"))
  assert moved == ChainUpdate(
    [block(12), block(11)], [block(11, "b", parent="10"), block(12, "b"), head]
  )
  assert [tip.hash_at(n) for n in (10, 11, 12, 13, 14)] == ["10", "11b", "12b", "13b", None]


def test_a_block_by_number_of_another_branch_is_asked_for_by_hash():
  tip = begun()
  assert tip.head(block(12, "b")) is None
  assert tip.missing() == [BlockRequest(11)]
  tip.answered(BlockRequest(11))
  assert tip.fetched(block(11)) is None
  assert tip.missing() == [BlockRequest(11, "11b")]
  assert tip.fetched(block(11, "b", parent="10")) is not None


def test_what_a_cut_left_open_is_asked_for_again():
  tip = begun()
  tip.head(block(13))
  assert tip.missing() == [BlockRequest(11), BlockRequest(12)]
  tip.answered(BlockRequest(12))
  tip.fetched(block(12))
  tip.disconnected()
  assert tip.missing() == [BlockRequest(11)]


def test_the_first_blocks_may_be_replaced_and_what_is_deeper_than_is_known_is_told():
  tip = begun()
  assert tip.head(block(10, "b")) == ChainUpdate([block(10)], [block(10, "b")])
  tip = begun()
  for number in range(11, 11 + DEPTH):
    tip.head(block(number))
  bottom = 11
  assert tip.hash_at(bottom - 1) is None
  moved = tip.head(block(bottom, "b"))
  assert moved.deep
  assert len(moved.removed) == DEPTH


def test_a_leap_gives_up_what_was_known():
  tip = begun()
  tip.head(block(11))
  assert tip.leap(10) == [block(11)]
  assert tip.number == 10
  assert tip.head(block(12)) is None
  assert tip.missing() == [BlockRequest(11)]
  assert tip.fetched(block(11, parent="other")) == ChainUpdate(
    [], [block(11, parent="other"), block(12)]
  )


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_is_announced_the_chain_is_that_of_the_node(seed):
  """Forks up to three deep, announcements left out or twice, answers in any order."""
  pick = random.Random(seed)
  chain = {10: block(10)}
  everything = {"10": chain[10]}
  tip, told, made = begun(), ["10"], 0

  def apply(moved):
    for gone in moved.removed if moved else ():
      assert told.pop() == gone.hash
    for new in moved.added if moved else ():
      assert not told or everything[new.hash].parent == told[-1]
      told.append(new.hash)

  def make(number):
    nonlocal made
    made += 1
    new = Block(number, f"{number}-{made}", chain[number - 1].hash, 0)
    chain[number] = everything[new.hash] = new
    return new

  for _ in range(30):
    top = max(chain)
    depth = pick.choice((0, 0, 0, 1, 2, 3)) if top > 14 else 0
    for number in range(top - depth + 1, top + 1):
      del chain[number]
    heads = [make(number) for number in range(top - depth + 1, top + 2)]
    for head in heads:
      for _ in range(pick.choice((0, 1, 1, 1, 2))):
        apply(tip.head(head))
    asks = tip.missing()
    pick.shuffle(asks)
    for ask in asks[: pick.randrange(len(asks) + 1)]:
      found = chain.get(ask.number) if ask.hash is None else everything[ask.hash]
      if found is not None:
        tip.answered(ask)
        apply(tip.fetched(found))
    tip.disconnected()
  apply(tip.head(chain[max(chain)]))
  while asks := tip.missing():
    for ask in asks:
      found = chain[ask.number] if ask.hash is None else everything[ask.hash]
      tip.answered(ask)
      apply(tip.fetched(found))
  assert told == [chain[number].hash for number in sorted(chain)]
