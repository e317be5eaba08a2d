"""Trades are once and in the venue's order, and what is missing is declared, whatever happens."""

import json

import pytest
from bond_binance import config
from bond_venuekit.testing import START_MS
from hypothesis import HealthCheck, given, settings, strategies as st

from bond_core import Gap, Trade

SPOT = config.Trades(symbols=["BTC/USDT"])
PERP = config.Trades(symbols=["BTC/USDT:USDT"])
STREAM = "btcusdt@trade"


def trade(number, **more):
  return {
    "e": "trade",
    "E": 1700000000000 + number,
    "s": "BTCUSDT",
    "t": number,
    "p": "61837.63000000",
    "q": "0.02000000",
    "T": 1700000000000 + number,
    "m": True,
    **more,
  }


def trades(*numbers):
  return [trade(number) for number in numbers]


def told(events):
  """Trades as their numbers, gaps as (from, to)."""
  return [
    e.sequence if isinstance(e, Trade) else (e.venue_from, e.venue_to, e.missed) for e in events
  ]


def test_one_left_out_is_a_gap_right_before_the_next(venue):
  v = venue(SPOT)
  assert told(v.say(STREAM, *trades(100, 101))) == [100, 101]
  v.now_ms += 50
  assert told(v.say(STREAM, *trades(103, 104))) == []
  events = v.later(1)
  assert told(events) == [(102, 102, 1), 103, 104]
  gap = events[0]
  assert (gap.channel, gap.symbol, gap.market_type, gap.reason) == (
    *("trades", "BTC/USDT", "spot", "upstream"),
  )
  assert gap.cause == "trade 102 did not come"
  assert gap.ts_from == START_MS
  assert gap.ts_to == gap.ts_event == v.now_ms
  assert gap.streams == ["trades of binance BTC/USDT spot"]
  assert told(v.say(STREAM, trade(105))) == [105]
  assert v.feed.missed == 1


def test_a_busy_market_does_not_wait_a_second_for_the_gap(venue):
  v = venue(SPOT)
  v.say(STREAM, trade(100))
  assert told(v.say(STREAM, *trades(*range(105, 114)))) == [(101, 104, 4), *range(105, 114)]


def test_what_was_said_twice_is_dropped_and_counted(venue):
  v = venue(SPOT)
  assert told(v.say(STREAM, *trades(100, 101, 101, 100, 102))) == [100, 101, 102]
  assert v.feed.duplicates == 2


def test_neighbours_that_changed_places_are_put_right(venue):
  v = venue(SPOT)
  assert told(v.say(STREAM, *trades(100, 102, 101, 103, 105, 104))) == [
    100,
    101,
    102,
    103,
    104,
    105,
  ]
  assert v.later(2) == []
  assert v.feed.missed == 0


def test_a_message_that_cannot_be_read_is_one_gap_and_not_two(venue):
  v = venue(SPOT)
  v.say(STREAM, trade(100))
  broken = b'{"stream":"btcusdt@trade","data":{"e":"trade","E":17000'
  events = v.hear(broken)
  assert told(events) == [(101, 101, 1)]
  assert events[0].cause.startswith("a message could not be read: ")
  assert told(v.say(STREAM, *trades(102, 103))) == [102, 103]
  # More is missing than the broken message: the rest is a gap of its own.
  v.hear(broken)
  v.say(STREAM, trade(107))
  assert [e for e in told(v.later(1)) if isinstance(e, int)] == [107]


def test_an_outage_is_not_declared_a_second_time(venue):
  v = venue(SPOT)
  v.say(STREAM, trade(100))
  v.close(1)
  v.open(2)
  assert told(v.say(STREAM, *trades(150, 151), on=2)) == [150, 151]
  assert v.feed.missed == 49
  v.say(STREAM, trade(153), on=2)
  assert told(v.later(1)) == [(152, 152, 1), 153]


def test_a_quiet_outage_does_not_excuse_a_later_gap(venue):
  v = venue(SPOT)
  v.say(STREAM, trade(100))
  v.close(1)
  v.open(2)
  assert told(v.say(STREAM, *trades(101, 103), on=2)) == [101]
  assert told(v.later(1)) == [(102, 102, 1), 103]


def test_trades_held_when_the_connection_breaks_come_before_those_after(venue):
  v = venue(SPOT)
  v.say(STREAM, *trades(100, 102))
  v.close(1)
  v.open(2)
  lost = [(101, 101, 1), 102, (103, 109, 7), 110]
  assert told(v.say(STREAM, *trades(110, 111), on=2) + v.later(1)) == [*lost, 111]


def test_while_one_connection_follows_another_nothing_is_lost_or_doubled(venue):
  """The new socket is hundreds of trades ahead when the old one delivers its backlog."""
  v = venue(SPOT)
  v.say(STREAM, *trades(*range(100, 120)))
  v.open(2, overlap=True)
  assert v.say(STREAM, *trades(*range(300, 600)), on=2) == []
  assert told(v.say(STREAM, *trades(*range(120, 400)), on=1)) == list(range(120, 600))
  assert told(v.say(STREAM, *trades(*range(400, 610)), on=1)) == list(range(600, 610))
  assert told(v.say(STREAM, *trades(*range(600, 620)), on=2)) == list(range(610, 620))
  v.close(1)
  assert told(v.say(STREAM, *trades(620, 621), on=2)) == [620, 621]
  assert v.feed.missed == 0


def test_a_venue_that_counts_anew_is_followed_and_said(venue):
  v = venue(SPOT)
  v.say(STREAM, trade(5000))
  v.close(1)
  v.open(2)
  events = v.say(STREAM, *trades(*range(1, 120)), on=2)
  assert isinstance(events[0], Gap)
  assert events[0].cause == "trade numbers went back from 5000 to 100"
  assert events[0].missed == 99
  assert told(events[1:]) == list(range(100, 120))


def test_on_one_connection_lower_numbers_are_a_new_numbering_at_once(venue):
  v = venue(SPOT)
  v.say(STREAM, *trades(*range(5000, 5010)))
  v.later(11)
  # What is repeated is none.
  assert v.say(STREAM, trade(5008), trade(5009)) == []
  gap, *rest = v.say(STREAM, *trades(*range(1, 60)))
  assert isinstance(gap, Gap)
  assert (gap.cause, gap.missed) == ("trade numbers went back from 5009 to 3", 4)
  assert told(rest) == list(range(3, 60))


def test_a_connection_that_is_behind_after_the_other_one_closed_has_no_new_numbering(venue):
  v = venue(SPOT)
  v.say(STREAM, *trades(*range(100, 400)))
  v.open(2, overlap=True)
  v.close(1)
  assert v.say(STREAM, *trades(*range(350, 400)), on=2) == []
  assert told(v.say(STREAM, *trades(400, 401), on=2)) == [400, 401]


def test_what_is_no_trade_of_the_market_is_left_out_but_counts(venue):
  v = venue(PERP)
  events = v.say(
    STREAM,
    trade(100, X="MARKET"),
    trade(101, X="INSURANCE_FUND", p="1.00"),
    trade(102, X="NA", p="0", q="0"),
    trade(103, X="MARKET"),
  )
  assert told(events) == [100, 103]
  assert v.later(2) == []
  assert v.feed.skipped == 2


def test_aggregated_trades_have_their_own_numbers(venue):
  v = venue(config.Trades(symbols=["BTC/USDT"], aggregate=True))
  whole = {"e": "aggTrade", "s": "BTCUSDT", "p": "1.5", "q": "2", "T": 9, "m": False, "M": True}
  events = v.say(
    "btcusdt@aggTrade", *({**whole, "a": a, "f": a * 3, "l": a * 3 + 2} for a in (7, 8))
  )
  assert [(e.agg_trade_id, e.trade_id, e.match_id, e.sequence) for e in events] == [
    ("7", "21", "23", 7),
    ("8", "24", "26", 8),
  ]
  v.say("btcusdt@aggTrade", {**whole, "a": 10, "f": 30, "l": 30})
  assert told(v.later(1)) == [(9, 9, 1), 10]


@pytest.mark.parametrize("wrong", ["nan", "inf", "-1", "", "1e400", None, True, [], {"a": 1}])
@pytest.mark.parametrize("field", ["p", "q", "t", "T"])
def test_a_value_that_no_venue_means_is_a_gap(venue, field, wrong):
  v = venue(SPOT)
  events = v.say(STREAM, trade(1, **{field: wrong}))
  assert [type(e) for e in events] == [Gap]
  assert told(v.say(STREAM, trade(2))) == [2]


# The fixture is a class and holds nothing.
@settings(
  deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_faults_leave_order_and_account(venue, data):
  """Whatever is dropped, repeated or moved a little: what comes out is ascending, and trades and
  declared gaps together are all numbers."""
  v = venue(SPOT)
  sent = list(range(100, data.draw(st.integers(120, 180))))
  stream = []
  for number in sent[1:-10]:
    fault = data.draw(st.sampled_from(["none"] * 8 + ["drop", "twice", "swap"]))
    if fault == "twice":
      stream += [number, number]
    elif fault == "swap" and stream:
      stream.insert(-1, number)
    elif fault == "none":
      stream.append(number)
  events = v.say(STREAM, trade(100))
  for number in [*stream, *sent[-10:]]:
    v.now_ms += data.draw(st.sampled_from([0, 1, 700]))
    events += v.say(STREAM, trade(number))
    events += v.feed.on_timer(v.now)
  events += v.later(3)
  numbers = [e.sequence for e in events if isinstance(e, Trade)]
  assert numbers == sorted(set(numbers))
  declared = [n for e in events if isinstance(e, Gap) for n in range(e.venue_from, e.venue_to + 1)]
  assert sorted(numbers + declared) == sent


def test_a_recorded_message_has_all_its_fields(venue):
  v = venue(PERP)
  frame = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256321,'
    b'"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
  )
  (event,) = v.hear(frame)
  assert event == Trade(
    exchange="binance",
    symbol="BTC/USDT",
    market_type="perp",
    ts_event=v.now_ms,
    ts_exchange=1723161256321,
    ts_internal=v.now.mono_ns,
    price=61800.3,
    size=0.006,
    side="buy",
    trade_id="5266583935",
    maker=False,
    sequence=5266583935,
  )
  assert json.loads(frame)["data"]["p"] == "61800.30"


@pytest.mark.parametrize("far", [2**62, 10**9, 5_000])
def test_a_lone_number_that_is_far_ahead_is_left_out_and_costs_nothing_else(venue, far):
  v = venue(SPOT)
  assert told(v.say(STREAM, *trades(100, far, 101))) == [100, 101]
  assert told(v.say(STREAM, *trades(102, 103))) == [102, 103]
  assert told(v.later(1)) == [(None, None, 1)]
  assert told(v.say(STREAM, *trades(104, 105))) == [104, 105]
  assert v.feed.missed == 1


def test_a_lone_leap_in_a_quiet_market_is_no_loss_of_all_between(venue):
  v = venue(SPOT)
  assert told(v.say(STREAM, *trades(100, 2**62))) == [100]
  assert told(v.later(1)) == [(None, None, 1)]
  assert told(v.say(STREAM, trade(101))) == [101]


def test_a_lone_number_that_was_believed_does_not_hold_up_those_after_it(venue):
  v = venue(SPOT)
  v.say(STREAM, *trades(100, 5000))
  assert told(v.later(1)) == [(101, 4999, 4899), 5000]
  assert told(v.say(STREAM, *trades(101, 102, 103))) == [(None, None, 0), 101, 102, 103]


@pytest.mark.parametrize("outage", [False, True])
def test_numbers_that_leap_and_go_on_there_are_followed(venue, outage):
  v = venue(SPOT)
  v.say(STREAM, trade(100))
  if outage:
    v.close(1)
    v.open(2)
  far = 10**15
  events = v.say(STREAM, *trades(far, far + 1), on=2 if outage else 1) + v.later(1)
  gap = [] if outage else [(None, None, None)]
  assert told(events) == [*gap, far, far + 1]
  v.say(STREAM, trade(far + 10**15), on=2 if outage else 1)
  assert told(v.later(1)) == [(None, None, 1)]
  later = v.say(STREAM, trade(far + 10**15 + 2), on=2 if outage else 1) + v.later(1)
  assert told(later) == [(None, None, None), far + 10**15 + 2]
