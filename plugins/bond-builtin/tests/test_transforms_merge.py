"""core.merge: one stream in time order, whatever the order of arrival."""

import random
from bisect import insort

import pytest
from bond_builtin.transforms.merge import TYPE, Merge
from hypothesis import given, settings, strategies as st
from transform_play import Live, recorded, replay, split, trade

from bond_core._events import Gap, Heartbeat, Ticker, Trade
from bond_core._spec.values import Duration

T = 1_700_000_000_000


def config(lateness=0.5, **given):
  return Merge(lateness=Duration(lateness), **given)


def arrive(pick, count, lateness, most_late=None):
  events = []
  for sequence in range(count):
    when = T + pick.randrange(5_000)
    late = pick.randrange((most_late or lateness) + 1)
    exchange = pick.choice(["binance", "okx"])
    symbol = pick.choice(["BTC/USDT", "ETH/USDT"])
    events.append(
      trade(when, arrived=when + late, exchange=exchange, symbol=symbol, sequence=sequence)
    )
  return sorted(events, key=lambda event: event.ts_event)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80), st.sampled_from([0, 100, 2_000]))
def test_events_within_the_lateness_come_out_sorted_and_ties_in_order_of_arrival(
  seed, count, lateness
):
  pick = random.Random(seed)
  events = arrive(pick, count, lateness)
  out = replay(TYPE, config(lateness / 1000), split(events, [pick.randrange(1, 9)]))
  assert out == sorted(events, key=lambda event: event.ts_exchange)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_late_is_left_out_and_declared_exactly(seed):
  pick = random.Random(seed)
  events = arrive(pick, 60, 200, most_late=1_500)
  outputs = [
    replay(TYPE, config(0.2), split(events, sizes))
    for sizes in ([1], [60], [pick.randrange(1, 9), pick.randrange(1, 9)])
  ]
  out = outputs[0]
  assert all(output == out for output in outputs)
  gaps = [event for event in out if isinstance(event, Gap)]
  kept = [event for event in out if isinstance(event, Trade)]
  assert all(gap.reason == "late" for gap in gaps)
  assert len(kept) + sum(gap.missed for gap in gaps) == len(events)
  assert [event.ts_exchange for event in kept] == sorted(event.ts_exchange for event in kept)
  assert len(gaps) <= 8  # at most one a second


def test_spot_and_quotes_of_a_real_recording_come_out_in_order_and_complete():
  events = recorded()
  out = replay(TYPE, config(0.5), split(events, [64]))
  assert len(out) == len(events)
  trades = [event.ts_exchange for event in out if isinstance(event, Trade)]
  assert trades == sorted(trades)
  quotes = [event.sequence for event in out if isinstance(event, Ticker)]
  assert quotes == sorted(quotes)


def test_a_held_event_leaves_by_timer():
  live = Live(TYPE, config(0.5))
  live.clock.wall = T + 20
  live.push(trade(T, arrived=T + 20))
  live.run(499)
  assert live.take() == []
  live.run(3)
  assert len(live.take()) == 1
  assert live.transform.next_timer() is None
  assert live.timers <= 2


def test_a_late_event_is_declared_by_timer():
  live = Live(TYPE, config(0.1))
  live.clock.wall = T
  live.push(trade(T, arrived=T))
  live.run(5_000)
  live.push(trade(T + 10, arrived=live.clock.wall))
  live.push(trade(T + 20, arrived=live.clock.wall, symbol="ETH/USDT"))
  live.run(1_100)
  first, gap = live.take()
  assert (first.ts_exchange, gap.missed, gap.symbol, gap.exchange) == (T, 2, "*", "binance")
  assert live.transform.next_timer() is None


def test_a_gap_keeps_its_place_behind_what_its_exchange_had_sent():
  gap = Gap(exchange="binance", symbol="*", channel="*", ts_event=T + 200)
  beat = Heartbeat(raw={}, info={})
  events = [trade(T + 100), gap, trade(T + 300), beat, trade(T + 50, arrived=T + 301)]
  out = replay(TYPE, config(0.5), [events])
  assert out == [beat, events[4], events[0], gap, events[2]]


def test_too_many_waiting_events_let_the_oldest_go_early():
  live = Live(TYPE, config(60, max_events=80))
  live.push(*(trade(T + 1_000 - index) for index in range(100)))
  out = live.take()
  assert [event.ts_exchange for event in out] == list(range(T + 901, T + 931))
  assert live.transform.early == 30
  live.push(trade(T + 1))
  assert live.transform.late == 1
  rest = live.transform.finish()
  assert len([event for event in rest if isinstance(event, Trade)]) == 70
  assert rest[-1].missed == 1


@pytest.mark.parametrize("leap", [3_600_000, -3_600_000])
def test_a_leap_of_the_wall_clock_loses_and_delays_nothing(leap):
  live = Live(TYPE, config(0.5))
  clock = live.clock
  clock.wall = T
  for step in range(100):
    if step == 50:
      clock.leap(leap)
    live.push(
      trade(T + step * 100, arrived=clock.wall, ts_internal=clock.mono * 10**6),
      Ticker(
        exchange="binance",
        symbol="BTC/USDT",
        market_type="spot",
        ts_event=clock.wall,
        ts_internal=clock.mono * 10**6,
      ),
    )
    live.run(100)
  out = live.take()
  assert 185 <= len(out) <= 195
  assert len(out + live.transform.finish()) == 200
  assert all(not isinstance(event, Gap) for event in out)
  assert live.timers < 250


def test_wrong_settings_are_refused():
  with pytest.raises(ValueError, match="lateness is between 0s and 1h"):
    config(-1)
  with pytest.raises(ValueError, match="max_events"):
    Merge(max_events=0)


def test_a_live_feed_that_is_cut_off_leaves_what_waited_and_declares_what_was_late():
  live = Live(TYPE, config(0.5))
  live.push(*(trade(T + ms, arrived=T + ms, sequence=ms) for ms in (0, 1_000, 2_000)))
  live.push(trade(T + 500, arrived=T + 2_000, sequence=500))
  kept = live.take() + live.transform.cut([trade(T + 2_100, arrived=T + 2_100, sequence=2_100)])
  assert [e.sequence for e in kept if isinstance(e, Trade)] == [0, 1_000, 2_000, 2_100]
  assert [e.missed for e in kept if isinstance(e, Gap)] == [1]


def test_thousands_out_of_order_are_sorted_and_not_moved_one_by_one(monkeypatch):
  inserted = []

  def counted(lane, row):
    inserted.append(row)
    return insort(lane, row)

  monkeypatch.setattr("bond_builtin.transforms.merge.insort", counted)
  pick = random.Random(1)
  events = [
    trade(T + pick.randrange(60_000), arrived=T + 60_000, sequence=n) for n in range(20_000)
  ]
  live = Live(TYPE, config(60.0))
  live.clock.wall = T + 60_000
  for batch in split(events, [512]):
    live.push(*batch)
  live.run(200_000)
  assert live.take() == sorted(events, key=lambda event: event.ts_exchange)
  assert len(inserted) < 100
