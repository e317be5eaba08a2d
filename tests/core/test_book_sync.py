"""BookSync: whatever is lost, doubled, swapped or flipped on the way, what it lets out is the
venue's book, or nothing."""

import msgspec
import pytest
from bond_venuekit import (
  BookSync,
  Ids,
  Update,
  Verdict,
  contiguous,
  linked_ranges,
  previous_id,
)
from hypothesis import HealthCheck, given, settings, strategies as st

from bond_core._books.book import Book, Checksum
from bond_core._events import Gap
from bond_core._instruments import Instrument

HERE = Instrument("venue", "perp", "BTC/USDT")
APPLY, SKIP, GAP = Verdict.APPLY, Verdict.SKIP, Verdict.GAP


def update(bids=(), asks=(), ids=None, **more):
  return Update(bids=list(bids), asks=list(asks), ids=ids, **more)


# The rules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
  ("applied", "fresh", "first", "last", "verdict"),
  [
    (10, True, 5, 10, SKIP),
    (10, True, 5, 9, SKIP),
    (10, True, 5, 11, APPLY),
    (10, True, 11, 12, APPLY),
    (10, True, 12, 13, GAP),
    (10, False, 11, 11, APPLY),
    (10, False, 9, 12, APPLY),
    (10, False, 10, 10, SKIP),
    (10, False, 12, 12, GAP),
    (10, False, None, 11, APPLY),
    (10, False, None, 12, GAP),
  ],
)
def test_contiguous_is_binance_spots_recipe(applied, fresh, first, last, verdict):
  assert contiguous(applied, fresh, Ids(last, first)) is verdict


@pytest.mark.parametrize(
  ("applied", "fresh", "first", "last", "prev", "verdict"),
  [
    (10, True, 3, 9, 2, SKIP),
    (10, True, 3, 10, 2, SKIP),
    (10, True, 8, 14, 7, APPLY),
    (10, True, 10, 14, 7, APPLY),
    (10, True, 12, 14, 9, APPLY),
    (10, True, 12, 14, 10, APPLY),
    (10, True, 12, 14, 11, GAP),
    (10, False, 12, 14, 10, APPLY),
    (10, False, 8, 14, 7, GAP),
    (10, False, 12, 14, 11, GAP),
    (10, False, 8, 9, 7, SKIP),
  ],
)
def test_linked_ranges_is_binance_futures_recipe(applied, fresh, first, last, prev, verdict):
  assert linked_ranges(applied, fresh, Ids(last, first, prev)) is verdict


@pytest.mark.parametrize(
  ("applied", "last", "prev", "verdict"),
  [
    (15, 17, 15, APPLY),
    (15, 15, 15, APPLY),
    (15, 3, 15, APPLY),
    (15, 14, 13, SKIP),
    (15, 15, 13, SKIP),
    (15, 20, 17, GAP),
    (15, 20, 13, GAP),
    (15, 20, None, GAP),
  ],
)
def test_previous_id_is_okxs_chain(applied, last, prev, verdict):
  for fresh in (True, False):
    assert previous_id(applied, fresh, Ids(last, None, prev)) is verdict


# Any disorder ------------------------------------------------------------------------------------

changes = st.lists(
  st.tuples(st.booleans(), st.integers(0, 6), st.sampled_from([0.0, 1.0, 2.0]), st.integers(1, 3)),
  min_size=1,
  max_size=40,
)
"""(is a bid, tick, size, by how much the venue's number grows)."""


class Venue:
  """A book with a number for each change, and the deltas that tell groups of changes."""

  def __init__(self, history, cuts, holes):
    self.numbers, self.states, self.deltas = [100], {100: ({}, {})}, []
    bids, asks = {}, {}
    group, first, last_told = [], None, 100
    for position, (is_bid, tick, size, step) in enumerate(history):
      number = self.numbers[-1] + (step if holes else 1)
      first = first or number
      side, price = (bids, 50.0 - tick) if is_bid else (asks, 51.0 + tick)
      side[price] = size
      if not size:
        del side[price]
      group.append((is_bid, price, size))
      self.numbers.append(number)
      self.states[number] = (dict(bids), dict(asks))
      if position in cuts or position == len(history) - 1:
        sides = [{p: s for b, p, s in group if b is bid} for bid in (True, False)]
        self.deltas.append(
          Update(
            bids=list(sides[0].items()),
            asks=list(sides[1].items()),
            ids=Ids(number, first, last_told),
            ts_event=number,
            checksum=state_checksum(bids, asks),
          )
        )
        group, first, last_told = [], None, number

  def snapshot(self, number):
    bids, asks = self.states[number]
    return update(bids.items(), asks.items(), Ids(number), ts_event=number)


def state_checksum(bids, asks):
  return hash((tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))))


def book_checksum(book):
  bids, asks = book.levels()
  return hash((tuple(bids), tuple(asks)))


class Reader:
  """Follows what a BookSync lets out, and demands that it is the venue's book."""

  def __init__(self, venue, sync):
    self.venue, self.sync = venue, sync
    self.bids, self.asks, self.sequence = None, None, None
    self.gaps = []

  def read(self, events):
    for event in events:
      if event.update_type == "snapshot":
        assert event.is_reset
        assert event.prev_sequence is None
        self.bids, self.asks = dict(event.bids), dict(event.asks)
      else:
        assert self.bids is not None, "a delta came before its snapshot, or after a gap"
        assert event.prev_sequence == self.sequence
        assert not event.is_reset
        for side, levels in ((self.bids, event.bids), (self.asks, event.asks)):
          for price, size in levels:
            side[price] = size
            if not size:
              del side[price]
      assert event.bids == sorted(event.bids, reverse=True)
      assert event.asks == sorted(event.asks)
      assert event.ts_event == event.sequence
      self.sequence = event.sequence
      assert (self.bids, self.asks) == self.venue.states[event.sequence]
    self.needs()

  def needs(self):
    need = self.sync.take_need()
    if need is not None:
      assert self.sync.needs_snapshot
      # A gap is declared exactly where a chain that was let out ends.
      assert need.gap == (self.bids is not None)
      if need.gap:
        self.gaps.append(need)
      self.bids = self.asks = self.sequence = None
    if not self.sync.needs_snapshot:
      bids, asks = self.sync.book.levels()
      assert (dict(bids), dict(asks)) == (self.bids, self.asks)


deliveries = st.lists(
  st.tuples(
    st.sampled_from(
      ["next", "next", "next", "lose", "double", "swap", "old", "snapshot", "stale", "in stream"]
    ),
    st.integers(0, 1000),
  ),
  max_size=60,
)
schemes = st.sampled_from(
  [
    ("contiguous", contiguous, False),
    ("linked", linked_ranges, True),
    ("previous", previous_id, True),
  ]
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300, deadline=None)
@given(changes, st.sets(st.integers(0, 40)), schemes, deliveries, st.booleans())
def test_lets_out_the_venues_book_or_nothing(history, cuts, scheme, delivery, flipping):
  name, rule, holes = scheme
  venue = Venue(history, cuts, holes)
  numbers = [venue.numbers[0], *(delta.ids.last for delta in venue.deltas)]
  # Only Binance's snapshots lie between the deltas' ends.
  answers = numbers if name == "previous" else venue.numbers
  checksum = Checksum(book_checksum) if flipping else None
  sync = BookSync(HERE, rule, Book(checksum=checksum), max_buffered=7, max_skipped=9)
  reader = Reader(venue, sync)
  reader.needs()
  position = 0

  def deliver(at, *, flip=False):
    delta = venue.deltas[at]
    if flip and (delta.bids or delta.asks):
      other = {"bids": [(p, s + 4.0) for p, s in delta.bids]}
      other["asks"] = [(p, s + 4.0) for p, s in delta.asks]
      delta = msgspec.structs.replace(delta, **other)
    reader.read(sync.on_delta(delta))

  for what, pick in delivery:
    left = len(venue.deltas) - position
    if what == "snapshot":
      reader.read(sync.on_snapshot(venue.snapshot(answers[pick % len(answers)])))
    elif what == "in stream":
      reader.read(sync.on_snapshot(venue.snapshot(numbers[pick % (position + 1)]), in_stream=True))
    elif what == "stale":
      reader.read(sync.on_snapshot(venue.snapshot(numbers[pick % (position + 1)])))
    elif what == "old" and position:
      deliver(pick % position)
    elif left == 0:
      continue
    elif what == "lose":
      position += 1
    elif what == "double":
      deliver(position)
      deliver(position)
      position += 1
    elif what == "swap" and left > 1:
      deliver(position + 1)
      deliver(position)
      position += 2
    else:
      deliver(position, flip=flipping and pick % 5 == 0)
      position += 1

  # Once the disorder ends and the snapshot is answered, the book comes back.
  reader.read(sync.on_snapshot(venue.snapshot(numbers[-1])))
  assert not sync.needs_snapshot
  assert (reader.bids, reader.asks) == venue.states[numbers[-1]]
  assert sync.sequence == numbers[-1]


@settings(max_examples=100, deadline=None)
@given(changes, st.sets(st.integers(0, 40)), schemes, st.data())
def test_an_undisturbed_stream_never_breaks(history, cuts, scheme, data):
  name, rule, holes = scheme
  venue = Venue(history, cuts, holes)
  sync = BookSync(HERE, rule)
  reader = Reader(venue, sync)
  taken = data.draw(st.integers(0, len(venue.deltas)))
  for delta in venue.deltas[:taken]:
    reader.read(sync.on_delta(delta))
  start, end = 100, venue.deltas[taken - 1].ids.last if taken else 100
  between = [n for n in venue.numbers if start <= n <= end]
  if name == "previous":
    between = [100, *(d.ids.last for d in venue.deltas[:taken])]
  number = data.draw(st.sampled_from(between))
  reader.read(sync.on_snapshot(venue.snapshot(number)))
  for delta in venue.deltas[taken:]:
    reader.read(sync.on_delta(delta))
  assert sync.resyncs == 0
  assert not reader.gaps
  assert (reader.bids, reader.asks) == venue.states[venue.numbers[-1]]


# One thing at a time -----------------------------------------------------------------------------


def synced(rule=contiguous, **options):
  sync = BookSync(HERE, rule, **options)
  sync.on_snapshot(update([(10.0, 1.0)], [(11.0, 1.0)], Ids(5), ts_event=50))
  assert not sync.needs_snapshot
  return sync


def test_starts_by_needing_a_snapshot_and_says_so_once():
  sync = BookSync(HERE, contiguous)
  assert sync.needs_snapshot
  need = sync.take_need()
  assert need is not None
  assert not need.gap
  assert sync.take_need() is None
  assert sync.needs_snapshot


def test_the_events_carry_the_instrument_and_the_updates_times():
  dated = Instrument("venue", "future", "BTC/USDT", "261225")
  sync = BookSync(dated, contiguous)
  more = {"ts_event": 7, "ts_exchange": 6, "ts_internal": 5, "checksum": 4, "raw": {"a": 1}}
  (snapshot,) = sync.on_snapshot(update([(10.0, 1.0)], [(11.0, 1.0)], Ids(5), **more))
  (delta,) = sync.on_delta(update([(10.0, 0.0)], [(12.0, 1.0)], Ids(8, 6), **more))
  for event in (snapshot, delta):
    assert (event.exchange, event.market_type, event.symbol, event.expiry) == dated
    assert (event.ts_event, event.ts_exchange, event.ts_internal) == (7, 6, 5)
    assert (event.checksum, event.raw) == (4, {"a": 1})
  assert (snapshot.update_type, snapshot.sequence, snapshot.is_reset) == ("snapshot", 5, True)
  assert (delta.update_type, delta.prev_sequence, delta.sequence) == ("delta", 5, 8)
  assert (delta.bids, delta.asks) == ([(10.0, 0.0)], [(12.0, 1.0)])


def test_a_gap_tells_what_is_missing_and_silences_the_book():
  sync = synced()
  sync.on_delta(update([(10.0, 2.0)], ids=Ids(6, 6), ts_event=60))
  assert sync.on_delta(update([(10.0, 3.0)], ids=Ids(9, 9), ts_event=90)) == []
  need = sync.take_need()
  assert need is not None
  assert sync.on_delta(update([(10.0, 4.0)], ids=Ids(10, 10))) == []
  assert sync.take_need() is None
  assert need.declare(HERE, 95) == Gap(
    channel="orderbook",
    exchange="venue",
    symbol="BTC/USDT",
    market_type="perp",
    ts_event=95,
    ts_from=60,
    ts_to=90,
    venue_from=7,
    venue_to=8,
    cause="deltas are missing between 6 and 9",
  )
  # The delta that showed the gap and the one after it follow the snapshot that heals it.
  events = sync.on_snapshot(update([(10.0, 2.5)], [(11.0, 1.0)], Ids(8)))
  assert [(e.update_type, e.sequence, e.prev_sequence, e.is_reset) for e in events] == [
    ("snapshot", 8, None, True),
    ("delta", 9, 8, None),
    ("delta", 10, 9, None),
  ]
  assert sync.resyncs == 1


def test_a_linked_chain_names_the_missing_numbers_by_its_link():
  sync = synced(linked_ranges)
  sync.on_delta(update([(10.0, 3.0)], ids=Ids(40, 30, 20)))
  need = sync.take_need()
  assert need is not None
  assert (need.venue_from, need.venue_to) == (6, 20)


def test_a_snapshot_older_than_the_first_delta_is_requested_again():
  sync = BookSync(HERE, contiguous)
  sync.take_need()
  sync.on_delta(update([(10.0, 3.0)], ids=Ids(9, 9)))
  assert sync.on_snapshot(update([(10.0, 1.0)], [], Ids(7))) == []
  need = sync.take_need()
  assert need is not None
  assert not need.gap
  assert "older than the first delta" in need.reason
  events = sync.on_snapshot(update([(10.0, 1.0)], [], Ids(8)))
  assert [event.sequence for event in events] == [8, 9]


@pytest.mark.parametrize("rule", [contiguous, linked_ranges])
def test_a_broken_chain_does_not_go_on_from_before_it_broke(rule):
  """REST answers from a cache."""
  sync = synced(rule)
  sync.on_delta(update([(10.0, 2.0)], ids=Ids(6, 6, 5)))
  sync.spoil("a message could not be read")
  assert sync.take_need().gap
  assert sync.on_snapshot(update([(9.0, 1.0)], [], Ids(4))) == []
  need = sync.take_need()
  assert (need.gap, need.reason) == (False, "the snapshot at 4 is older than 6")
  (event,) = sync.on_snapshot(update([(9.0, 1.0)], [], Ids(7)))
  assert event.sequence == 7


def test_after_a_lost_connection_numbers_may_begin_anew():
  sync = synced()
  sync.restart("the connection was lost")
  (event,) = sync.on_snapshot(update([(9.0, 1.0)], [], Ids(1)))
  assert event.sequence == 1


def test_an_old_answer_does_not_turn_a_running_chain_back():
  sync = synced()
  sync.on_delta(update([(10.0, 2.0)], ids=Ids(6, 6)))
  assert sync.on_snapshot(update([(9.0, 1.0)], [], Ids(6))) == []
  assert sync.on_snapshot(update([(9.0, 1.0)], [], Ids(4))) == []
  assert sync.book.best_bid == (10.0, 2.0)
  assert not sync.needs_snapshot


def test_a_snapshot_in_the_stream_starts_a_new_chain_whatever_its_number():
  sync = synced()
  (event,) = sync.on_snapshot(update([(9.0, 1.0)], [], Ids(1)), in_stream=True)
  assert (event.sequence, event.is_reset) == (1, True)
  (event,) = sync.on_delta(update([(9.0, 2.0)], ids=Ids(2, 2)))
  assert (event.prev_sequence, event.sequence) == (1, 2)
  sync.on_delta(update([(9.0, 3.0)], ids=Ids(7, 7)))
  # What came before it on the stream is forgotten: the kept delta 7 is not an obstacle.
  (event,) = sync.on_snapshot(update([(9.0, 4.0)], [], Ids(3)), in_stream=True)
  assert event.sequence == 3


def test_deltas_without_a_snapshot_are_kept_within_bounds():
  sync = BookSync(HERE, contiguous, max_buffered=3)
  sync.take_need()
  for number in range(1, 4):
    sync.on_delta(update([(10.0, 1.0)], ids=Ids(number, number)))
  assert sync.take_need() is None
  sync.on_delta(update([(10.0, 1.0)], ids=Ids(4, 4)))
  need = sync.take_need()
  assert need is not None
  assert "within 3 deltas" in need.reason
  # 1 to 3 are gone, so a snapshot before 3 no longer joins.
  assert sync.on_snapshot(update([(10.0, 1.0)], [], Ids(2))) == []
  events = sync.on_snapshot(update([(10.0, 1.0)], [], Ids(3)))
  assert [event.sequence for event in events] == [3, 4]


def test_a_crossed_book_is_not_let_out():
  sync = synced()
  assert sync.on_delta(update([(11.0, 1.0)], ids=Ids(6, 6))) == []
  need = sync.take_need()
  assert need is not None
  assert need.gap
  assert "crossed: the best bid is 11.0, the best ask 11.0" in need.reason
  assert (need.venue_from, need.venue_to) == (6, 6)
  assert sync.on_snapshot(update([(12.0, 1.0)], [(11.0, 1.0)], Ids(6))) == []
  need = sync.take_need()
  assert need is not None
  assert not need.gap
  assert sync.needs_snapshot


def test_a_venue_whose_books_may_cross_is_taken_at_its_word():
  sync = synced(allow_crossed=True)
  (event,) = sync.on_delta(update([(11.0, 1.0)], ids=Ids(6, 6)))
  assert event.bids == [(11.0, 1.0)]


def test_a_malformed_level_breaks_the_chain_and_nothing_else():
  sync = synced()
  assert sync.on_delta(update([(float("nan"), 1.0)], ids=Ids(6, 6))) == []
  need = sync.take_need()
  assert need is not None
  assert "not a price and a size" in need.reason
  assert sync.on_snapshot(update([(1.0, float("inf"))], [], Ids(7))) == []
  assert sync.needs_snapshot
  assert [e.sequence for e in sync.on_snapshot(update([(1.0, 1.0)], [], Ids(8)))] == [8]


def test_a_delta_or_snapshot_without_its_number_is_no_link():
  sync = synced()
  assert sync.on_delta(update([(10.0, 2.0)])) == []
  assert "no number" in sync.take_need().reason
  assert sync.on_snapshot(update([(10.0, 2.0)])) == []
  assert "no number" in sync.take_need().reason


def test_a_sign_of_life_moves_the_venues_chain_but_not_the_readers():
  sync = BookSync(HERE, previous_id)
  sync.on_snapshot(update([(10.0, 1.0)], [], Ids(5)))
  assert sync.on_delta(update(ids=Ids(9, None, 5))) == []
  (event,) = sync.on_delta(update([(10.0, 2.0)], ids=Ids(3, None, 9)))
  assert (event.prev_sequence, event.sequence) == (5, 3)


def test_only_old_deltas_for_long_means_that_the_venue_renumbered():
  sync = synced(max_skipped=3)
  for number in (1, 2, 3):
    assert sync.on_delta(update([(10.0, 9.0)], ids=Ids(number, number))) == []
  assert sync.take_need() is None or not sync.needs_snapshot
  sync.on_delta(update([(10.0, 9.0)], ids=Ids(4, 4)))
  need = sync.take_need()
  assert need is not None
  assert need.gap
  assert "started a new numbering" in need.reason


def test_old_deltas_of_a_quiet_market_need_not_be_many():
  sync = synced()
  sync.on_delta(update([(10.0, 9.0)], ids=Ids(1, 1), ts_event=1_000))
  sync.on_delta(update([(10.0, 9.0)], ids=Ids(2, 2), ts_event=21_000))
  assert not sync.needs_snapshot
  sync.on_delta(update([(10.0, 9.0)], ids=Ids(3, 3), ts_event=21_001))
  assert sync.take_need().gap


def test_old_deltas_among_new_ones_are_just_doubles():
  sync = synced(max_skipped=3)
  for number in range(6, 20):
    assert sync.on_delta(update([(10.0, 9.0)], ids=Ids(number, number)))
    assert not sync.on_delta(update([(10.0, 9.0)], ids=Ids(number, number)))
    assert not sync.on_delta(update([(10.0, 9.0)], ids=Ids(number - 1, number - 1)))
  assert not sync.needs_snapshot
  assert sync.skipped == 28


def test_only_the_first_delta_after_a_snapshot_may_span_its_number():
  sync = synced(linked_ranges)
  assert sync.on_delta(update([(10.0, 2.0)], ids=Ids(8, 4, 2)))
  assert sync.on_delta(update([(10.0, 3.0)], ids=Ids(12, 7, 6))) == []
  assert sync.needs_snapshot


def test_venues_without_numbers_are_numbered_here():
  sync = BookSync(HERE, None)
  assert sync.on_delta(update([(10.0, 7.0)])) == []
  (first,) = sync.on_snapshot(update([(10.0, 1.0)], []))
  (second,) = sync.on_delta(update([(10.0, 2.0)]))
  assert (first.sequence, second.prev_sequence, second.sequence) == (1, 1, 2)
  sync.restart("the connection was lost")
  (third,) = sync.on_snapshot(update([(10.0, 1.0)], []))
  assert third.sequence == 3


def test_a_lost_connection_ends_the_chain_and_forgets_kept_deltas():
  sync = synced()
  sync.restart("the connection was lost")
  need = sync.take_need()
  assert need is not None
  assert need.gap
  assert need.reason == "the connection was lost"
  assert sync.book.size == (0, 0)
  sync.on_delta(update([(10.0, 2.0)], ids=Ids(20, 20)))
  sync.restart("the connection was lost")
  assert not sync.take_need().gap
  assert [e.sequence for e in sync.on_snapshot(update([(9.0, 1.0)], [], Ids(3)))] == [3]


def test_a_gap_that_was_not_taken_yet_is_not_forgotten():
  sync = synced()
  sync.on_delta(update([(10.0, 3.0)], ids=Ids(9, 9)))
  sync.on_snapshot(update([(10.0, 1.0)], [], Ids(7)))
  need = sync.take_need()
  assert need is not None
  assert need.gap
  assert (need.venue_from, need.venue_to) == (6, 8)


def test_levels_that_the_bounded_book_drops_are_removed_for_the_reader_too():
  sync = BookSync(HERE, contiguous, Book(max_levels=2))
  sync.on_snapshot(update([(10.0, 1.0), (9.0, 1.0), (8.0, 1.0)], [], Ids(5)))
  (event,) = sync.on_delta(update([(9.5, 1.0), (7.0, 1.0)], ids=Ids(6, 6)))
  assert event.bids == [(9.5, 1.0), (9.0, 0.0), (7.0, 1.0), (7.0, 0.0)]
  assert sync.book.levels()[0] == [(10.0, 1.0), (9.5, 1.0)]


def test_a_price_twice_in_a_delta_keeps_its_order():
  sync = synced()
  (event,) = sync.on_delta(update([(9.0, 5.0), (9.5, 1.0), (9.0, 0.0)], ids=Ids(6, 6)))
  assert event.bids == [(9.5, 1.0), (9.0, 5.0), (9.0, 0.0)]
  (event,) = sync.on_delta(update([(9.0, 0.0), (9.0, 5.0)], ids=Ids(7, 7)))
  assert event.bids == [(9.0, 0.0), (9.0, 5.0)]


def test_one_book_breaking_leaves_the_others_alone():
  broken, whole = synced(), synced()
  broken.on_delta(update([(10.0, 3.0)], ids=Ids(9, 9)))
  assert [e.sequence for e in whole.on_delta(update([(10.0, 3.0)], ids=Ids(6, 6)))] == [6]


FAR = 2**62


@pytest.mark.parametrize(
  ("rule", "wrong", "right"),
  [
    (contiguous, Ids(FAR, 11), Ids(14, 13)),
    (contiguous, Ids(10**9, 11), Ids(11, 11)),
    (linked_ranges, Ids(FAR, 11, 10), Ids(20, 15, 14)),
    (previous_id, Ids(FAR, None, 10), Ids(14, None, 12)),
  ],
)
def test_a_delta_that_goes_on_from_before_a_leap_shows_that_the_leap_was_wrong(rule, wrong, right):
  sync = BookSync(HERE, rule)
  sync.on_snapshot(update([(1, 1)], [(2, 1)], Ids(8)))
  assert sync.on_delta(update([(1, 2)], ids=Ids(10, 9, 8)))
  assert sync.on_delta(update([(1, 3)], ids=wrong))
  sync.take_need()
  assert sync.on_delta(update([(1, 4)], ids=right)) == []
  need = sync.take_need()
  assert need.gap
  assert (need.venue_from, need.venue_to) == (None, None)
  # A REST snapshot has the venue's true number, which is far below the wrong one.
  assert sync.on_snapshot(update([(1, 4)], [(2, 1)], Ids(right.last)))


def test_a_snapshot_that_is_far_ahead_of_the_deltas_is_not_waited_for():
  sync = BookSync(HERE, contiguous)
  sync.on_snapshot(update([(1, 1)], [(2, 1)], Ids(FAR)))
  sync.take_need()
  assert sync.on_delta(update([(1, 2)], ids=Ids(9, 9))) == []
  assert sync.take_need().gap
  assert sync.on_snapshot(update([(1, 2)], [(2, 1)], Ids(9)))


def test_a_leap_of_deltas_has_no_count_of_what_is_missing():
  sync = BookSync(HERE, contiguous)
  sync.on_snapshot(update([(1, 1)], [(2, 1)], Ids(8)))
  sync.take_need()
  assert sync.on_delta(update([(1, 2)], ids=Ids(FAR, FAR))) == []
  need = sync.take_need()
  assert (need.gap, need.venue_from, need.venue_to) == (True, None, None)
