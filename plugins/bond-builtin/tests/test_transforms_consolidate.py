"""core.consolidate: which books become one, and when the one is shown."""

import pytest
from bond_builtin.transforms.consolidate import Consolidate, Consolidator

from bond_core import Consolidated, Duration, Gap, OrderBook, Trade, decode, encode
from bond_core.specs import structure


def book(venue, ts, bids, *, symbol="BTC/USDT", market_type="spot"):
  return OrderBook(
    exchange=venue,
    symbol=symbol,
    market_type=market_type,
    ts_event=ts,
    bids=bids,
    asks=[],
    sequence=1,
    is_reset=True,
  )


def consolidated(*events, **options):
  options = {"speed": Duration(0), "max_age": Duration(1)} | options
  made = Consolidator(Consolidate(**options), None)
  return made, [one for event in events for one in made([event])]


def test_spot_and_perpetuals_have_books_of_their_own_and_so_have_quote_currencies():
  _, out = consolidated(
    book("a", 1_000, [(100.0, 1.0)]),
    book("b", 1_001, [(101.0, 1.0)], market_type="perp"),
    book("c", 1_002, [(102.0, 1.0)], symbol="BTC/USDC"),
  )
  assert [list(view.venues) for view in out] == [["a"], ["b"], ["c"]]


def test_books_that_a_spec_joins_are_one_under_names_that_distinguish_them():
  _, out = consolidated(
    book("a", 1_000, [(100.0, 1.0)]),
    book("a", 1_001, [(101.0, 1.0)], market_type="perp"),
    book("a", 1_002, [(102.0, 1.0)], symbol="BTC/USDC"),
    market_types="together",
    same_quotes=["USDT", "USDC"],
  )
  assert {view.symbol for view in out} == {"BTC/USDT"}
  assert out[-1].bids == [
    (102.0, 1.0, {"a BTC/USDC spot": 1.0}),
    (101.0, 1.0, {"a BTC/USDT perp": 1.0}),
    (100.0, 1.0, {"a BTC/USDT spot": 1.0}),
  ]


def test_views_keep_their_pace_and_the_last_state_always_comes_out():
  made, out = consolidated(
    book("a", 1_000, [(100.0, 1.0)]),
    book("b", 1_010, [(101.0, 1.0)]),
    book("c", 1_020, [(102.0, 1.0)]),
    speed=Duration(0.1),
  )
  assert len(out) == 1
  assert made.next_timer() == 1_100
  assert [len(view.venues) for view in made.on_timer(1_100)] == [3]
  assert made.finish() == []


def test_a_venue_that_ages_out_leaves_without_any_event():
  made, _ = consolidated(book("a", 1_000, [(100.0, 1.0)]), book("b", 1_600, [(99.0, 1.0)]))
  assert made.next_timer() == 2_000
  [view] = made.on_timer(2_000)
  assert view.bids == [(99.0, 1.0, {"b": 1.0})]
  assert made.next_timer() == 2_600


def test_a_gap_takes_its_venue_out_and_passes():
  loss = Gap(channel="orderbook", exchange="a", symbol="BTC/USDT", market_type="spot")
  trade = Trade(exchange="a", symbol="BTC/USDT", ts_event=1_700, price=1.0, size=1)
  _, out = consolidated(
    book("a", 1_000, [(100.0, 1.0)]), book("b", 1_600, [(99.0, 1.0)]), loss, trade
  )
  view = out[2]
  assert isinstance(view, Consolidated)
  assert view.venues["a"].state == "broken"
  assert out[3:] == [loss, trade]


def test_a_consolidated_event_is_the_same_after_its_wire_form():
  _, [view] = consolidated(book("a", 1_000, [(100.0, 1.0)]))
  assert decode(encode(view)) == view


@pytest.mark.parametrize(
  "wrong",
  [
    {"depth": 0},
    {"speed": Duration(61)},
    {"max_age": Duration(0)},
    {"same_quotes": ["USDT"]},
    {"same_quotes": ["USDT", "USDT"]},
  ],
)
def test_options_that_mean_nothing_are_refused(wrong):
  with pytest.raises(ValueError):  # noqa: PT011 - the text is the spec tests' concern
    Consolidate(**wrong)


def test_a_word_for_market_types_that_is_none_is_refused_with_those_there_are():
  config, faults = structure({"market_types": "mixed"}, Consolidate)
  assert config is None
  [fault] = faults
  assert fault.path == ("market_types",)
  assert fault.message == "expected 'apart' or 'together', got the text 'mixed'"
