"""The session without I/O: where it resumes, what it leaves out, and the gaps it declares."""

import pytest
from bond_geyser import geyser_pb2 as pb
from bond_onchain.config import Solana
from bond_onchain.node import Node
from bond_onchain.progress import OVERLAP
from bond_onchain.session import (
  OTHER_WAIT,
  REPLAY_MARGIN,
  REPLAY_TRIES,
  REPLAY_WAIT,
  SolanaSession,
)
from bond_onchain.status import ReplayRefused

from bond_core import Disconnected, Gap, Refused, decode, encode
from bond_core.feeds import Moment
from bond_core.testing import RecordingMember, SessionConformance

NODE = Node("node.example:10000", tls=True)


class TestSolana(SessionConformance):
  def session(self):
    return SolanaSession(Solana(event_types=["block"]), NODE)

  def members(self):
    return [RecordingMember(Solana(event_types=["block"]))]

  def messages(self):
    return [block(slot, slot - 1) for slot in range(100, 110)]


class Talk:
  """A session with one member, and the node's side by hand."""

  def __init__(self, **settings):
    self.session = SolanaSession(Solana(**{"event_types": ["block"], **settings}), NODE)
    self.second = 0
    self.member = RecordingMember(None)
    self.session.members[self.member] = None
    self.session.on_join(self.member, self.now)

  @property
  def events(self):
    return self.member.events

  @property
  def now(self):
    return Moment(self.second * 1000, self.second * 10**9)

  def connect(self):
    """The slot from which the next connection replays, None for none."""
    request = self.session.target(self.now).request
    self.session.on_open(self.now)
    return request.from_slot if request.HasField("from_slot") else None

  def blocks(self, *slots):
    self.session.on_messages([block(slot, slot - 1) for slot in slots], self.now)

  def close(self, error=None):
    return self.session.on_close(error or Disconnected("cut off"), self.now)

  @property
  def slots(self):
    return [event.meta["slot"] for event in self.events if not isinstance(event, Gap)]

  @property
  def gaps(self):
    return [(event.venue_from, event.venue_to) for event in self.events if isinstance(event, Gap)]


def block(slot, parent):
  update = pb.SubscribeUpdate()
  update.block_meta.slot, update.block_meta.parent_slot = slot, parent
  update.block_meta.blockhash = f"hash of {slot}"
  return update


def slot_is(slot, status):
  update = pb.SubscribeUpdate()
  update.slot.slot, update.slot.status = slot, status
  return update


def test_it_begins_now_and_replays_a_few_slots_after_an_outage():
  talk = Talk()
  assert talk.connect() is None
  talk.blocks(*range(100, 130))
  assert talk.close() is None
  assert talk.connect() == 130 - OVERLAP
  talk.blocks(*range(130 - OVERLAP, 135))
  assert talk.slots == list(range(100, 135))
  assert talk.gaps == []


def test_an_update_of_a_slot_makes_it_live_and_a_ping_is_answered():
  talk = Talk(event_types=["tx"])
  talk.connect()
  ping = pb.SubscribeUpdate()
  ping.ping.SetInParent()
  talk.session.on_messages([ping], talk.now)
  assert (talk.member.lives, [request.ping.id for request in talk.session.requests]) == (0, [1])
  talk.blocks(100)
  assert (talk.member.lives, talk.events) == (1, [])
  talk.close()
  talk.connect()
  talk.session.on_messages([ping], talk.now)
  assert talk.member.lives == 1


def test_what_a_replay_does_not_cover_is_a_gap_with_its_slots_and_time():
  talk = Talk()
  talk.connect()
  talk.blocks(100, 101)
  talk.second = 5
  talk.close()
  for _ in range(REPLAY_TRIES):
    assert talk.connect() == 100
    # An outage goes on, whatever ends the tries.
    assert talk.close(ReplayRefused("the Geyser node answered INTERNAL")) is None
  assert talk.connect() is None
  talk.second = 9
  talk.blocks(150, 151)
  assert talk.gaps == [(101, 150)]
  (gap,) = [event for event in talk.events if isinstance(event, Gap)]
  assert (gap.ts_from, gap.ts_to, gap.cause) == (5000, 9000, "cut off")
  assert talk.slots == [100, 101, 150, 151]
  # The next outage is replayed again, but not from before the gap.
  talk.close()
  assert talk.connect() == 150


def test_a_node_that_says_what_it_stores_is_asked_for_that_at_once_and_not_for_ever():
  talk = Talk()
  talk.connect()
  talk.blocks(100, 101)
  talk.close()
  assert talk.connect() == 100
  refused = ReplayRefused("not available", oldest=120)
  assert talk.close(refused) == REPLAY_WAIT
  assert talk.connect() == 120 + REPLAY_MARGIN
  assert talk.close(refused) == REPLAY_WAIT
  # Without a replay the same answer means something else, and the driver backs off.
  assert talk.connect() is None
  assert talk.close(refused) is None


def test_a_refusal_of_a_request_with_a_replay_ends_nothing_before_it_is_tried_without_one():
  talk = Talk()
  talk.connect()
  talk.blocks(100, 101)
  talk.close()
  refused = Refused("the Geyser node answered INVALID_ARGUMENT: no such thing here")
  for _ in range(REPLAY_TRIES):
    assert talk.connect() == 100
    assert talk.close(refused) == OTHER_WAIT
  assert talk.connect() is None
  talk.blocks(150, 151)
  assert talk.gaps == [(101, 150)]
  # Filters that the node does not take are refused without a replay, too.
  other = Talk()
  other.connect()
  assert other.close(refused) is None


def test_a_code_that_may_refuse_a_replay_is_an_ordinary_end_of_a_live_stream():
  talk = Talk()
  talk.connect()
  talk.blocks(100)
  for _ in range(5):
    assert talk.close(ReplayRefused("the Geyser node answered INTERNAL")) is None
    assert talk.connect() == 100
    talk.blocks(100, 101)
  assert talk.gaps == []


def test_a_block_whose_parent_did_not_come_is_a_gap():
  talk = Talk()
  talk.connect()
  talk.blocks(100, 101)
  talk.second = 3
  talk.blocks(105, 106)
  assert talk.gaps == [(102, 104)]
  assert talk.slots == [100, 101, 105, 106]


@pytest.mark.parametrize(("commitment", "undone"), [("processed", 1), ("confirmed", 0)])
def test_dead_slots_are_taken_back_once_where_they_were_processed(commitment, undone):
  talk = Talk(commitment=commitment)
  talk.connect()
  talk.blocks(100, 101)
  dead = slot_is(101, pb.SLOT_DEAD)
  talk.session.on_messages([dead, dead, slot_is(500, pb.SLOT_DEAD)], talk.now)
  taken_back = [event for event in talk.events if event.meta["status"] == "dead"]
  assert [event.meta["slot"] for event in taken_back] == [101] * undone


def test_a_source_of_tokens_alone_says_what_it_misses(caplog):
  Talk(symbols=["USDC"], event_types=["transfer"])
  assert "set complete: true" in caplog.text
  caplog.clear()
  Talk(symbols=["USDC"], event_types=["transfer"], complete=True)
  assert caplog.text == ""


def extremes(message):
  """The message with each field left out or of an extreme value, also in what it holds."""
  for field, value in message.ListFields():
    several = field.is_repeated if hasattr(field, "is_repeated") else field.label == 3
    changed = type(message)()
    changed.CopyFrom(message)
    changed.ClearField(field.name)
    yield changed
    if field.message_type is not None:
      inner = value[0] if several else value
      for broken in extremes(inner):
        changed = type(message)()
        changed.CopyFrom(message)
        held = getattr(changed, field.name)
        (held[0] if several else held).CopyFrom(broken)
        yield changed
      continue
    kind = field.cpp_type
    values = {1: (-(2**31), 2**31 - 1), 2: (-(2**63), 2**63 - 1), 3: (2**32 - 1,), 4: (2**64 - 1,)}
    texts = (b"", b"\0" * 3) if field.type == field.TYPE_BYTES else ("", "abc", "-1", "9" * 5000)
    for extreme in values.get(kind, texts if kind == field.CPPTYPE_STRING else ()):
      changed = type(message)()
      changed.CopyFrom(message)
      if several:
        getattr(changed, field.name)[0] = extreme
      else:
        setattr(changed, field.name, extreme)
      yield changed


def whole_transaction():
  update = pb.SubscribeUpdate()
  update.created_at.seconds = 1_760_000_000
  update.transaction.slot = 105
  info = update.transaction.transaction
  info.signature, info.index = b"s" * 64, 3
  info.transaction.message.account_keys.extend([b"a" * 32, b"b" * 32, b"c" * 32])
  info.meta.fee, info.meta.compute_units_consumed = 5000, 300
  info.meta.pre_balances.extend([10**9, 10**6, 0])
  info.meta.post_balances.extend([10**9 - 10**6 - 5000, 10**6, 10**6])
  for target, amount in ((info.meta.pre_token_balances, "5"), (info.meta.post_token_balances, "7")):
    held = target.add(account_index=1, mint="mint", owner="owner")
    held.ui_token_amount.amount, held.ui_token_amount.decimals = amount, 6
  return update


def whole_account():
  update = pb.SubscribeUpdate()
  update.account.slot = 105
  account = update.account.account
  account.pubkey, account.owner, account.data = b"a" * 32, b"o" * 32, b"data"
  account.lamports, account.write_version, account.txn_signature = 10**9, 7, b"s" * 64
  return update


def whole_block():
  update = block(105, 104)
  update.block_meta.block_time.timestamp = 1_760_000_000
  update.block_meta.block_height.block_height = 90
  update.block_meta.executed_transaction_count = 1_500
  update.block_meta.rewards.rewards.add(lamports=5, reward_type=pb.REWARD_FEE)
  return update


@pytest.mark.parametrize("make", [whole_transaction, whole_account, whole_block])
def test_a_field_of_any_kind_ends_nothing(make):
  kinds = ["tx", "transfer", "block", "metric"]
  tried = 0
  for broken in extremes(make()):
    talk = Talk(event_types=kinds)
    talk.connect()
    talk.blocks(*range(100, 105))
    talk.session.on_messages([broken], talk.now)
    before = len(talk.events)
    talk.blocks(*range(106, 110))
    assert len(talk.events) > before
    for event in talk.events:
      decode(encode(event))
    tried += 1
  assert tried > 15


def test_an_update_that_cannot_be_read_is_a_gap_of_its_slot():
  talk = Talk(event_types=["transfer"])
  talk.connect()
  update = whole_transaction()
  update.transaction.transaction.meta.post_token_balances[0].ui_token_amount.amount = "abc"
  talk.session.on_messages([update, block(106, 105)], talk.now)
  (gap,) = talk.events
  assert (type(gap), gap.venue_from, gap.venue_to, gap.missed) == (Gap, 105, 105, 1)
  assert "'abc'" in gap.cause
  assert talk.session.unreadable == 1


@pytest.mark.parametrize("far", [2**40, 2**62])
def test_a_lone_slot_that_is_far_ahead_makes_no_other_one_old(far):
  talk = Talk()
  talk.connect()
  talk.blocks(100, 101, far, 102, 103)
  assert talk.slots == [100, 101, 102, 103]
  (gap,) = [event for event in talk.events if isinstance(event, Gap)]
  assert (gap.venue_from, gap.venue_to, gap.missed) == (None, None, 1)
  talk.close()
  assert talk.connect() == 103 + 1 - OVERLAP if 103 + 1 - OVERLAP > 100 else 100
  talk.blocks(102, 103, 104)
  assert talk.slots == [100, 101, 102, 103, 104]
  # A node that comes back after many days goes on from there.
  later = 10**9
  talk.blocks(later, later + 1, later + 2)
  assert talk.slots[-2:] == [later + 1, later + 2]


@pytest.mark.parametrize("parent", [102, 103, 2**62])
def test_a_block_that_follows_a_later_one_is_no_loss_of_all_between(parent):
  talk = Talk()
  talk.connect()
  talk.blocks(100, 101)
  talk.session.on_messages([block(102, parent), block(103, 102)], talk.now)
  (gap, *_) = [event for event in talk.events if isinstance(event, Gap)]
  assert (gap.venue_from, gap.venue_to, gap.missed) == (None, None, 1)
  assert talk.session.unreadable == 1


def test_pings_alone_are_silence():
  talk = Talk()
  talk.connect()
  ping = pb.SubscribeUpdate()
  ping.ping.SetInParent()
  for talk.second in range(0, 30, 10):
    talk.session.on_messages([ping], talk.now)
    talk.session.on_timer(talk.now)
  talk.second = 29
  talk.blocks(100)
  talk.second = 58
  talk.session.on_timer(talk.now)
  talk.second = 59
  with pytest.raises(Disconnected, match="pings and no update"):
    talk.session.on_timer(talk.now)


@pytest.mark.parametrize(
  ("make", "name"),
  [
    (lambda: whole_transaction(), "slot"),
    (lambda: whole_transaction(), "transaction"),
    (lambda: whole_account(), "account"),
    (lambda: block(105, 104), "slot"),
    (lambda: block(105, 104), "blockhash"),
  ],
)
def test_an_update_that_says_not_of_what_is_declared(make, name):
  talk = Talk(event_types=["tx", "block", "account"], accounts=["1" * 32])
  talk.connect()
  update = make()
  getattr(update, update.WhichOneof("update_oneof")).ClearField(name)
  talk.session.on_messages([update], talk.now)
  (gap,) = talk.events
  assert (type(gap), gap.missed) == (Gap, 1)


def test_a_gap_begins_where_blocks_may_still_be_abandoned():
  talk = Talk(commitment="processed")
  talk.connect()
  talk.blocks(*range(100, 140))
  talk.session.on_messages([slot_is(107, pb.SLOT_FINALIZED)], talk.now)
  for _ in range(REPLAY_TRIES + 1):
    talk.close(ReplayRefused("no replay"))
    talk.connect()
  talk.blocks(500)
  assert talk.gaps == [(108, 500)]


def test_a_transaction_without_its_effects_is_declared_and_not_told_as_one_that_had_none():
  for kinds in (["tx"], ["transfer"]):
    talk = Talk(event_types=kinds)
    talk.connect()
    update = pb.SubscribeUpdate()
    update.transaction.slot = 100
    update.transaction.transaction.signature = b"s" * 64
    talk.session.on_messages([update], talk.now)
    [gap] = talk.events
    assert isinstance(gap, Gap)
    assert (gap.venue_from, gap.missed) == (100, 1)
    assert "without its meta" in gap.cause
