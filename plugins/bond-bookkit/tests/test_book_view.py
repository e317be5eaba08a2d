"""BookView: the best levels at a readable pace, and the last view is always the book as it is."""

from itertools import pairwise

import msgspec
import pytest
from bond_bookkit import BookView
from hypothesis import given, settings, strategies as st

from bond_core import Gap, OrderBook, Trade, Window, encode

BTC = {"exchange": "venue", "symbol": "BTC/USDT", "market_type": "spot"}
ETH = {"exchange": "venue", "symbol": "ETH/USDT", "market_type": "spot"}


def snapshot(ts, sequence, bids=((10.0, 1.0),), asks=((11.0, 1.0),), *, at=BTC, **more):
  more.setdefault("is_reset", True)
  return OrderBook(**at, ts_event=ts, sequence=sequence, bids=list(bids), asks=list(asks), **more)


def delta(ts, sequence, bids=(), asks=(), *, prev=None, at=BTC, **more):
  return OrderBook(
    **at,
    ts_event=ts,
    update_type="delta",
    sequence=sequence,
    prev_sequence=sequence - 1 if prev is None else prev,
    bids=list(bids),
    asks=list(asks),
    **more,
  )


def trade(ts, price=1.0, at=BTC):
  return Trade(**at, ts_event=ts, price=price, size=1.0)


def sequences(events, at=BTC):
  return [e.sequence for e in events if isinstance(e, OrderBook) and e.symbol == at["symbol"]]


# Any stream --------------------------------------------------------------------------------------

steps = st.lists(
  st.tuples(
    st.sampled_from(["delta"] * 8 + ["snapshot", "lost", "gap", "maybe", "trade", "window"]),
    st.integers(0, 2),
    st.integers(0, 60),
    st.lists(
      st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from([0.0, 1.0, 2.0])), max_size=4
    ),
  ),
  max_size=60,
)
PLACES = (
  BTC,
  ETH,
  {"exchange": "venue", "symbol": "BTC/USDT", "market_type": "future", "expiry": "261225"},
)


def key(event):
  return (event.exchange, event.market_type, event.symbol, event.expiry)


class Model:
  """What happened, and for each book what may be shown of it."""

  def __init__(self, script):
    self.events, self.states, self.good = [], {}, {}
    self.numbers = [0] * len(PLACES)
    books = [({}, {}) for _ in PLACES]
    now = 1000
    for what, where, wait, changes in script:
      now += wait
      place, number = PLACES[where], self.numbers[where]
      identity = (
        *(place["exchange"], place["market_type"], place["symbol"]),
        place.get("expiry"),
      )
      sent = ({}, {})
      if what in ("delta", "snapshot", "lost"):
        for is_bid, tick, size in changes:
          side = 0 if is_bid else 1
          price = 50.0 - tick if is_bid else 51.0 + tick
          sent[side][price] = books[where][side][price] = size
          if not size:
            del books[where][side][price]
        number = self.numbers[where] = number + 1
        bids, asks = sorted(books[where][0].items(), reverse=True), sorted(books[where][1].items())
        self.states[identity, number] = (bids, asks, now)
      if what == "delta":
        self.events.append(
          delta(now, number, sent[0].items(), sent[1].items(), at=place, ts_exchange=now - 3)
        )
        if self.good.get(identity) == number - 1:
          self.good[identity] = number
        else:
          self.good[identity] = None
      elif what == "snapshot":
        self.events.append(snapshot(now, number, bids, asks, at=place, ts_exchange=now - 3))
        self.good[identity] = number
      elif what == "gap":
        self.events.append(Gap(channel="orderbook", ts_event=now, **place))
        self.good[identity] = None
      elif what == "maybe":
        self.events.append(Gap(channel="*", exchange="venue", symbol="*", ts_event=now))
      elif what == "trade":
        self.events.append(trade(now, at=PLACES[0]))
      elif what == "window":
        self.events.append(
          Window(ts="", window_start="", window_end="", symbol="BTC/USDT", raw_data={})
        )


def drive(view, events, cuts, *, timers):
  """All that comes out, with the timer called when it asks to be, or never until the end."""
  out = []
  batch = []
  for position, event in enumerate(events):
    ts = getattr(event, "ts_event", 0)
    if position in cuts or timers:
      out += view(batch)
      batch = []
    while timers and (due := view.next_timer()) is not None and due <= ts:
      out += view.on_timer(due)
    batch.append(event)
  out += view(batch)
  return out


@settings(max_examples=300, deadline=None)
@given(steps, st.sampled_from([0, 1, 50, 100]), st.integers(1, 6), st.sets(st.integers(0, 60)))
def test_views_are_the_book_and_the_last_one_is_the_last_state(script, speed, depth, cuts):
  model = Model(script)
  before = [encode(event) for event in model.events]
  view = BookView(depth, speed)
  live = drive(view, model.events, cuts, timers=False)
  out = live + view.finish()
  assert [encode(event) for event in model.events] == before

  shown = {}
  for event in out:
    if not isinstance(event, OrderBook):
      continue
    bids, asks, ts = model.states[key(event), event.sequence]
    assert (event.bids, event.asks) == (bids[:depth], asks[:depth])
    assert (event.update_type, event.depth, event.ts_event) == ("snapshot", depth, ts)
    assert event.ts_exchange == ts - 3
    assert event.sequence > shown.get(key(event), 0)
    shown[key(event)] = event.sequence
  for identity, last in model.good.items():
    if last is not None:
      assert shown[identity] == last

  others = [event for event in model.events if not isinstance(event, OrderBook)]
  passed = [event for event in out if not isinstance(event, OrderBook)]
  assert len(others) == len(passed)
  assert all(ours is theirs for ours, theirs in zip(passed, others, strict=True))

  # The timer only decides when the same views come, not which.
  again = BookView(depth, speed)
  timed = drive(again, model.events, set(), timers=True)
  assert [encode(event) for event in timed + again.finish()] == [encode(event) for event in out]
  assert again.next_timer() is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 70), max_size=80), st.sampled_from([1, 50, 100]))
def test_the_pace_is_kept_and_nobody_waits_longer(waits, speed):
  view = BookView(5, speed)
  times = []
  now, number = 10_000, 1

  def note(events, at):
    times.extend((at, event.sequence) for event in events)

  note(view([snapshot(now, number)]), now)
  changed = {1: now}
  for wait in waits:
    arrival = now + wait
    while (due := view.next_timer()) is not None and due <= arrival:
      note(view.on_timer(due), due)
    now, number = arrival, number + 1
    changed[number] = now
    note(view([delta(now, number, [(10.0, float(number))])]), now)
  while (due := view.next_timer()) is not None:
    note(view.on_timer(due), due)
  assert times[-1][1] == number
  for (earlier, _), (later, _) in pairwise(times):
    assert later - earlier >= speed
  for sequence, at in changed.items():
    first = next(when for when, shown in times if shown >= sequence)
    assert first - at <= speed


# One thing at a time -----------------------------------------------------------------------------


def test_shows_at_once_then_waits_then_shows_the_last():
  view = BookView(20, 100)
  assert sequences(view([snapshot(1000, 1), delta(1010, 2), delta(1020, 3)])) == [1]
  assert view.next_timer() == 1100
  assert view.on_timer(1099) == []
  (last,) = view.on_timer(1100)
  assert (last.sequence, last.ts_event, last.is_reset) == (3, 1020, None)
  assert view.next_timer() is None
  # A quiet book is shown again at once.
  assert sequences(view([delta(1200, 4)])) == [4]


def test_speed_0_shows_every_update():
  view = BookView(20, 0)
  out = view([snapshot(5, 1), *(delta(5, n) for n in range(2, 8))])
  assert sequences(out) == [1, 2, 3, 4, 5, 6, 7]
  assert view.next_timer() is None


def test_due_views_come_before_the_event_that_tells_the_time():
  view = BookView(20, 100)
  view([snapshot(1000, 1), delta(1010, 2)])
  out = view([trade(1100), delta(1105, 3)])
  assert [type(event) for event in out] == [OrderBook, Trade]
  assert out[0].sequence == 2
  assert view.next_timer() == 1200


def test_nothing_is_shown_before_a_snapshot():
  view = BookView()
  assert view([delta(1000, 5), trade(1001)]) == [trade(1001)]
  assert view.next_timer() is None


def test_a_missing_delta_withholds_the_book_until_its_snapshot():
  view = BookView(20, 0)
  out = view([snapshot(1000, 1), delta(1001, 3), delta(1002, 4), snapshot(1003, 9, is_reset=None)])
  assert sequences(out) == [1, 9]
  assert out[-1].is_reset is True
  assert view([delta(1004, 10)])[0].is_reset is None


def test_a_broken_book_does_not_show_what_was_pending():
  view = BookView(20, 100)
  view([snapshot(1000, 1), delta(1010, 2), delta(1020, 9)])
  assert view.next_timer() is None
  assert view.finish() == []


def test_a_gap_withholds_its_book_only():
  view = BookView(20, 100)
  view([snapshot(1000, 1), snapshot(1000, 1, at=ETH), delta(1010, 2), delta(1010, 2, at=ETH)])
  gap = Gap(channel="orderbook", ts_event=1020, **BTC)
  assert view([gap, delta(1030, 3)]) == [gap]
  out = view.on_timer(1100)
  assert (sequences(out), sequences(out, ETH)) == ([], [2])
  assert sequences(view([snapshot(1200, 4)])) == [4]


@pytest.mark.parametrize(
  "gap",
  [
    Gap(channel="trades", **BTC),
    Gap(channel="orderbook", exchange="other", symbol="BTC/USDT", market_type="spot"),
    Gap(channel="orderbook", exchange="venue", symbol="BTC/USDT", market_type="perp"),
    Gap(channel="orderbook", exchange="venue", symbol="ETH/USDT", market_type="spot"),
    Gap(channel="orderbook", expiry="261225", **BTC),
  ],
)
def test_gaps_of_others_change_nothing(gap):
  view = BookView(20, 100)
  view([snapshot(1000, 1), delta(1010, 2)])
  assert view([gap]) == [gap]
  assert sequences(view.on_timer(1100)) == [2]


def test_a_gap_that_may_concern_a_book_holds_it_until_its_chain_goes_on():
  view = BookView(20, 100)
  view([snapshot(1000, 1), delta(1010, 2)])
  outage = Gap(channel="*", exchange="venue", symbol="*", ts_event=1020)
  out = view([outage])
  # What came before the outage is good, and is shown before it.
  assert [type(event) for event in out] == [OrderBook, Gap]
  assert out[0].sequence == 2
  assert sequences(view([delta(1200, 3)])) == [3]
  view([outage])
  assert sequences(view([delta(1400, 5)])) == []
  assert sequences(view([snapshot(1500, 6)])) == [6]


def test_after_a_possible_gap_an_unnumbered_delta_proves_nothing():
  view = BookView(20, 0)
  unnumbered = delta(1001, 1)
  unnumbered.sequence = unnumbered.prev_sequence = None
  assert len(view([snapshot(1000, None), unnumbered])) == 2
  assert view([Gap(channel="*", exchange="*", symbol="*"), unnumbered]) == [
    Gap(channel="*", exchange="*", symbol="*")
  ]
  # A snapshot ends the doubt.
  assert len(view([snapshot(1002, None), unnumbered])) == 2


def test_a_replay_that_overlaps_is_not_a_break():
  view = BookView(20, 0)
  out = view([snapshot(1000, 5), delta(1001, 4), delta(1001, 5), delta(1002, 6)])
  assert sequences(out) == [5, 6]


def test_a_venue_that_counts_anew_within_its_chain_goes_on():
  view = BookView(20, 0)
  assert sequences(view([snapshot(1000, 15), delta(1001, 3, prev=15), delta(1002, 5, prev=3)])) == [
    *(15, 3, 5)
  ]


def test_malformed_levels_withhold_the_book():
  view = BookView(20, 0)
  bad = [(float("nan"), 1.0)]
  assert sequences(view([snapshot(1000, 1), delta(1001, 2, bad), delta(1002, 3)])) == [1]
  assert sequences(view([snapshot(1003, 4, bad), delta(1004, 5)])) == []
  assert sequences(view([snapshot(1005, 6)])) == [6]


def test_books_of_one_symbol_in_several_markets_stay_apart():
  view = BookView(20, 0)
  perp = {**BTC, "market_type": "perp"}
  out = view([snapshot(1000, 1), snapshot(1000, 7, [(1.0, 1.0)], at=perp), delta(1001, 2)])
  assert [(event.market_type, event.sequence, event.bids) for event in out] == [
    ("spot", 1, [(10.0, 1.0)]),
    ("perp", 7, [(1.0, 1.0)]),
    ("spot", 2, [(10.0, 1.0)]),
  ]


def test_a_reset_that_had_to_wait_is_still_shown():
  view = BookView(20, 100)
  view([snapshot(1000, 1)])
  view([snapshot(1010, 5), delta(1020, 6)])
  (shown,) = view.on_timer(1100)
  assert (shown.sequence, shown.is_reset) == (6, True)


def test_a_clock_that_jumps_ahead_makes_no_burst():
  view = BookView(20, 100)
  view([snapshot(1000, 1), delta(1010, 2)])
  assert sequences(view.on_timer(3_600_000)) == [2]
  assert view.next_timer() is None
  out = view([delta(3_600_000 + n, 3 + n) for n in range(50)])
  assert sequences(out) == [3]


def test_a_clock_that_was_set_back_does_not_silence_the_book():
  view = BookView(20, 100)
  hour = 3_600_000
  view([snapshot(hour, 1), delta(hour + 10, 2)])
  assert sequences(view([delta(1000, 3)])) == []
  assert view.next_timer() == 1100
  assert sequences(view.on_timer(1100)) == [3]
  view([delta(hour, 4), delta(hour + 1, 5)])
  assert view.on_timer(2000) == []
  assert view.next_timer() == 2100
  assert sequences(view.on_timer(2100)) == [5]


def test_a_clock_that_was_set_back_starts_the_pace_anew():
  view = BookView(20, 100)
  view([snapshot(3_600_000, 1)])
  assert sequences(view([delta(1000, 2)])) == []
  assert view.next_timer() == 1100


def test_views_due_together_come_in_the_order_they_were_due():
  view = BookView(20, 100)
  view([snapshot(1000, 1), snapshot(1010, 1, at=ETH)])
  view([delta(1020, 2, at=ETH), delta(1030, 2)])
  assert [event.symbol for event in view.on_timer(1200)] == ["BTC/USDT", "ETH/USDT"]


def test_small_disorder_of_receive_times_is_no_step_back():
  view = BookView(20, 100)
  view([snapshot(20_000, 1), delta(20_010, 2)])
  assert sequences(view([delta(19_000, 3)])) == []
  assert view.next_timer() == 20_100


def test_given_events_are_never_changed():
  events = [snapshot(1000, 1), delta(1001, 2, [(10.0, 0.0)]), delta(1002, 3, [(9.0, 1.0)])]
  copies = [msgspec.structs.replace(e, bids=list(e.bids), asks=list(e.asks)) for e in events]
  BookView(20, 0)(events)
  assert events == copies


def test_impossible_settings_are_refused():
  with pytest.raises(ValueError, match="at least one level"):
    BookView(0, 100)
  with pytest.raises(ValueError, match="milliseconds between views"):
    BookView(20, -1)
