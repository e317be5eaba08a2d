"""ConsolidatedBook: the books of several venues as one, compared with a model that merges every
venue's levels anew each time."""

import attrs
import pytest
from bond_bookkit import ConsolidatedBook
from hypothesis import given, settings, strategies as st

from bond_core import Gap, OrderBook, encode

MAX_AGE = 1_000


def book(venue, ts, bids=(), asks=(), *, sequence=1, prev=None, **more):
  more = {"market_type": "spot", "symbol": "BTC/USDT"} | more
  return OrderBook(
    exchange=venue,
    ts_event=ts,
    bids=list(bids),
    asks=list(asks),
    update_type="snapshot" if prev is None else "delta",
    sequence=sequence,
    prev_sequence=prev,
    is_reset=True if prev is None else None,
    **more,
  )


def gap(venue, *, channel="orderbook", symbol="BTC/USDT", market_type="spot"):
  return Gap(channel=channel, exchange=venue, symbol=symbol, market_type=market_type)


# Any stream, against a model ---------------------------------------------------------------------


@attrs.define
class Slow:
  """What a venue's book is, kept as plain dicts."""

  bids: dict = attrs.field(factory=dict)
  asks: dict = attrs.field(factory=dict)
  sequence: int = 0
  seen: int = 0
  trusted: bool = False
  maybe: bool = False
  known: bool = False


def merged(venues, side, now):
  found: dict[float, dict[str, float]] = {}
  for name, one in venues.items():
    if one.trusted and not one.maybe and now < one.seen + MAX_AGE:
      for price, size in getattr(one, side).items():
        found.setdefault(price, {})[name] = size
  best_first = sorted(found.items(), reverse=side == "bids")
  return [(price, pytest.approx(sum(at.values())), at) for price, at in best_first]


sides = st.dictionaries(st.integers(90, 110).map(float), st.sampled_from([1.0, 2.0, 0.3]))
changes = st.dictionaries(
  st.integers(90, 110).map(float), st.sampled_from([0.0, 1.0, 2.5]), max_size=4
)
steps = st.lists(
  st.tuples(
    st.sampled_from(["delta"] * 6 + ["snapshot", "snapshot", "lost", "gap", "maybe"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([0, 10, 400, 1_100]),
    sides,
    sides,
    changes,
    changes,
  ),
  max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_after_any_stream_it_is_what_merging_all_books_anew_gives(steps):
  ours = ConsolidatedBook("BTC/USDT", "spot", max_age_ms=MAX_AGE)
  model = {name: Slow() for name in "abc"}
  now = 1_000_000
  shown = False
  given_out = []
  for kind, name, later, bids, asks, bid_changes, ask_changes in steps:
    now += later
    ours.expire(now)
    one = model[name]
    if kind == "snapshot":
      one.bids, one.asks = dict(bids), dict(asks)
      one.sequence += 10
      one.trusted = one.known = True
      one.maybe, one.seen = False, now
      event = book(name, now, bids.items(), asks.items(), sequence=one.sequence)
      assert ours.take(name, event, now)
      shown = True
    elif kind in ("delta", "lost"):
      prev = one.sequence if kind == "delta" else one.sequence + 5
      event = book(
        name, now, bid_changes.items(), ask_changes.items(), sequence=prev + 1, prev=prev
      )
      took = ours.take(name, event, now)
      if kind == "delta" and one.trusted:
        assert took
        for mine, change in ((one.bids, bid_changes), (one.asks, ask_changes)):
          mine.update(change)
          for price in [price for price, size in mine.items() if not size]:
            del mine[price]
        one.sequence, one.seen, one.maybe = prev + 1, now, False
      else:
        one.trusted = False
    elif kind == "gap":
      ours.hold(gap(name))
      one.trusted = False
    else:
      ours.hold(gap(name, channel="*", symbol="*", market_type=None))
      one.maybe = True
    if shown:
      view = ours.view(100, now)
      assert view.bids == merged(model, "bids", now)
      assert view.asks == merged(model, "asks", now)
      best_bid, best_ask = ours.best
      assert best_bid == (view.bids[0][:2] if view.bids else None)
      assert best_ask == (view.asks[0][:2] if view.asks else None)
      for name, one in model.items():
        if one.known:
          live = one.trusted and not one.maybe and now < one.seen + MAX_AGE
          assert (view.venues[name].state == "live") is live
      given_out.append((view, encode(view)))
  # What was given out is never changed again.
  assert all(encode(view) == before for view, before in given_out)


# What it shows -----------------------------------------------------------------------------------


def two(a_bid, a_ask, b_bid, b_ask):
  ours = ConsolidatedBook("BTC/USDT", "spot", max_age_ms=MAX_AGE)
  ours.take("a", book("a", 1_000, [(a_bid, 1.0)], [(a_ask, 2.0)]), 1_000)
  ours.take("b", book("b", 1_500, [(b_bid, 0.1)], [(b_ask, 0.2)]), 1_500)
  return ours


def test_each_level_names_its_venues_and_the_largest_stands_first():
  view = two(100.0, 101.0, 100.0, 102.0).view(5, 1_500)
  assert view.bids == [(100.0, 1.1, {"a": 1.0, "b": 0.1})]
  assert view.asks == [(101.0, 2.0, {"a": 2.0}), (102.0, 0.2, {"b": 0.2})]
  assert view.bbo.state == "open"
  assert (view.bbo.bid_venues, view.bbo.ask_venues) == (["a", "b"], ["a"])
  assert (view.exchange, view.ts_event) == ("*", 1_500)


def test_sizes_of_several_venues_add_up_to_decimals():
  ours = ConsolidatedBook("BTC/USDT")
  for name, size in (("a", 0.1), ("b", 0.2)):
    ours.take(name, book(name, 1, [(1.0, size)]), 1)
  assert ours.view(1, 1).bids[0][1] == 0.3


@pytest.mark.parametrize(
  ("prices", "state", "blamed"),
  [
    ((100.0, 101.0, 99.0, 102.0), "open", []),
    ((100.0, 101.0, 101.0, 102.0), "locked", ["a", "b"]),
    ((100.0, 101.0, 103.0, 104.0), "crossed", ["a", "b"]),
  ],
)
def test_locked_and_crossed_books_name_who_is_to_blame(prices, state, blamed):
  bbo = two(*prices).view(1, 1_500).bbo
  assert (bbo.state, bbo.blamed) == (state, blamed)


def test_a_third_venue_that_has_no_part_in_the_cross_is_not_blamed():
  ours = two(100.0, 101.0, 103.0, 104.0)
  ours.take("c", book("c", 1_500, [(100.5, 1.0)], [(103.5, 1.0)]), 1_500)
  assert ours.view(1, 1_500).bbo.blamed == ["a", "b"]


def test_a_venue_that_is_silent_for_too_long_leaves_with_its_levels_and_comes_back_with_all():
  ours = two(100.0, 101.0, 99.0, 102.0)
  assert ours.expires == 2_000
  assert not ours.expire(1_999)
  assert ours.expire(2_000)
  view = ours.view(5, 2_000)
  assert view.bids == [(99.0, 0.1, {"b": 0.1})]
  assert (view.venues["a"].state, view.venues["a"].age_ms) == ("stale", 1_000)
  assert view.venues["a"].bid is None
  assert ours.take("a", book("a", 2_100, [(98.0, 3.0)], sequence=2, prev=1), 2_100)
  assert ours.view(5, 2_100).bids == [
    (100.0, 1.0, {"a": 1.0}),
    (99.0, 0.1, {"b": 0.1}),
    (98.0, 3.0, {"a": 3.0}),
  ]


def test_a_venue_whose_clock_is_ahead_has_a_skew_below_zero():
  ours = ConsolidatedBook("BTC/USDT")
  ours.take("a", book("a", 1_000, [(1.0, 1.0)], ts_exchange=1_040), 1_000)
  ours.take("a", book("a", 1_100, [(1.0, 1.0)], sequence=2, prev=1, ts_exchange=1_060), 1_100)
  assert ours.view(1, 1_100).venues["a"].skew_ms == -40


def test_levels_that_a_venues_book_has_no_room_for_are_not_in_the_whole_either():
  ours = ConsolidatedBook("BTC/USDT", max_levels=2)
  ours.take("a", book("a", 1, [(5.0, 1.0), (4.0, 1.0)]), 1)
  ours.take("a", book("a", 2, [(6.0, 1.0)], sequence=2, prev=1), 2)
  assert [level[0] for level in ours.view(9, 2).bids] == [6.0, 5.0]


def test_a_malformed_update_takes_its_venue_out_until_a_snapshot():
  ours = two(100.0, 101.0, 99.0, 102.0)
  assert ours.take("a", book("a", 1_600, [(float("nan"), 1.0)], sequence=2, prev=1), 1_600)
  assert ours.view(1, 1_600).venues["a"].state == "broken"
  assert ours.view(1, 1_600).bids == [(99.0, 0.1, {"b": 0.1})]
