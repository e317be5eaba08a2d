"""core.window equals a plain reference, whatever the order of arrival, the clocks, the batches."""

import math
import random
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from math import fsum

import msgspec
import pytest
from bond_builtin.transforms.tally import DecimalSum, ExactSum
from bond_builtin.transforms.window import (
  AT_ONCE,
  MAX_EMPTY,
  MAX_EMPTY_ROWS,
  TYPE,
  Windows,
)
from hypothesis import given, settings, strategies as st
from transform_play import Live, recorded, replay, split, trade

from bond_core._events import (
  Candle,
  ChainEvent,
  Custom,
  Funding,
  Gap,
  Heartbeat,
  Liquidation,
  OrderBook,
  Post,
  Ticker,
  Trade,
  Window,
  encode,
)
from bond_core._spec.values import Duration

T = 1_700_000_000_000  # a whole number of 5 s windows
HOUR = 3_600_000


def windows(out):
  return [event for event in out if isinstance(event, Window)]


def gaps(out):
  return [event for event in out if isinstance(event, Gap)]


def config(every=5.0, **given):
  if "lateness" in given:
    given["lateness"] = Duration(given["lateness"])
  return Windows(every=Duration(every), **given)


def text(ms):
  moment = datetime.fromtimestamp(ms / 1000, UTC)
  whole = moment.isoformat(timespec="seconds" if ms % 1000 == 0 else "milliseconds")
  return whole.replace("+00:00", "Z")


def test_a_window_has_the_shape_of_the_contract():
  events = [
    trade(T + 100, 100.0, 2.0),
    trade(T + 200, 110.0, 1.0),
    trade(T + 4_999, 90.0, 1.0, exchange="okx"),
    Ticker(exchange="okx", symbol="BTC/USDT", ts_event=T + 5_000, bid=1.0, ask=2.0),
  ]
  out = replay(TYPE, config(), [events])
  assert msgspec.json.decode(encode(out[0])) == {
    "type": "window",
    "ts": "2023-11-14T22:13:25Z",
    "window_start": "2023-11-14T22:13:20Z",
    "window_end": "2023-11-14T22:13:25Z",
    "symbol": "BTC/USDT",
    "price_avg": 100.0,
    "price_open": 100.0,
    "price_high": 110.0,
    "price_low": 90.0,
    "price_close": 90.0,
    "vwap": 100.0,
    "volume_sum": 4.0,
    "bid_avg": None,
    "ask_avg": None,
    "tweets": 0,
    "onchain_count": 0,
    "onchain_value_sum": None,
    "custom_count": 0,
    "seq": None,
    "raw_data": {
      "trades": 3,
      "sources": ["binance", "okx"],
      "by_venue": {
        "binance": {
          "price_avg": 105.0,
          "vwap": 103.33333333333333,
          "volume_sum": 3.0,
          "trades": 2,
        },
        "okx": {"price_avg": 90.0, "vwap": 90.0, "volume_sum": 1.0, "trades": 1},
      },
    },
  }
  assert (out[1].bid_avg, out[1].ask_avg, out[1].price_avg) == (1.0, 2.0, None)


def test_times_have_milliseconds_only_where_the_window_needs_them():
  out = replay(TYPE, config(0.25, lateness=0.0), [[trade(T + 250), trade(T + 1_000)]])
  assert [w.window_start for w in out] == [
    "2023-11-14T22:13:20.250Z",
    "2023-11-14T22:13:20.500Z",
    "2023-11-14T22:13:20.750Z",
    "2023-11-14T22:13:21Z",
  ]
  assert all(w.ts == w.window_end for w in out)


# The reference -----------------------------------------------------------------------------------


def decimal_sum(values):
  """The sum of numbers as they are written."""
  return float(sum(Decimal(repr(value)) for value in values))


def reference(events, every, symbols):
  """Every window from the first event to the last, for each symbol from its first on."""
  starts = [e.ts_exchange // every * every for e in events]
  pairs = sorted({e.symbol for e in events if "/" in e.symbol})
  rows = []
  for start in range(min(starts), max(starts) + every, every):
    for symbol in symbols or pairs:
      own = [e for e in events if e.symbol == symbol]
      if not symbols and not any(e.ts_exchange < start + every for e in own):
        continue
      names = (symbol, symbol.split("/")[0], "*")
      inside = [e for e in events if e.symbol in names and start <= e.ts_exchange < start + every]
      rows.append(reference_window(start, every, symbol, inside))
  return rows


def reference_window(start, every, symbol, inside):
  def order(event):
    return event.ts_exchange, event.exchange, event.market_type or "", event.sequence

  def mean(values):
    values = [value for value in values if value is not None]
    return fsum(values) / len(values) if values else None

  trades = sorted((e for e in inside if isinstance(e, Trade)), key=order)
  tickers = sorted((e for e in inside if isinstance(e, Ticker)), key=order)
  chain = [e for e in inside if isinstance(e, ChainEvent)]
  prices = [e.price for e in trades] or [e.last for e in tickers if e.last is not None]
  volume = fsum(e.size for e in trades)
  raw = {"trades": len(trades), "sources": sorted({e.exchange for e in inside})}
  by_venue = {e.exchange: [t for t in trades if t.exchange == e.exchange] for e in trades}
  if len(by_venue) > 1:
    raw["by_venue"] = {
      name: {
        "price_avg": mean([t.price for t in part]),
        "vwap": fsum(t.price * t.size for t in part) / fsum(t.size for t in part),
        "volume_sum": decimal_sum(t.size for t in part),
        "trades": len(part),
      }
      for name, part in by_venue.items()
    }
  if prices and not trades:
    raw["price_from"] = "ticker"
  values = [e.value for e in chain if e.value is not None]
  return Window(
    ts=text(start + every),
    window_start=text(start),
    window_end=text(start + every),
    symbol=symbol,
    price_avg=mean(prices),
    price_open=prices[0] if prices else None,
    price_high=max(prices, default=None),
    price_low=min(prices, default=None),
    price_close=prices[-1] if prices else None,
    vwap=fsum(e.price * e.size for e in trades) / volume if volume else None,
    volume_sum=decimal_sum(e.size for e in trades),
    bid_avg=mean([e.bid for e in tickers]),
    ask_avg=mean([e.ask for e in tickers]),
    tweets=sum(e.count for e in inside if isinstance(e, Post)),
    onchain_count=len(chain),
    onchain_value_sum=decimal_sum(values) if values else None,
    custom_count=sum(isinstance(e, Custom | Liquidation) for e in inside),
    raw_data=raw,
  )


number = st.floats(0.001, 1e6, allow_nan=False).map(lambda value: round(value, 6))


@st.composite
def arrivals(draw, lateness):
  """Events with their receive times, in the order of arrival: each at most `lateness` late."""
  pick = random.Random(draw(st.integers(0, 2**32)))
  clock_error = draw(st.sampled_from([0, -1_270, 90_000]))
  count = draw(st.integers(1, 60))
  span = draw(st.sampled_from([500, 4_000, 30_000]))
  events = []
  for sequence in range(count):
    when = T + pick.randrange(span)
    common = {
      "exchange": pick.choice(["binance", "okx"]),
      "symbol": pick.choice(["BTC/USDT", "ETH/USDT"]),
      "market_type": pick.choice(["spot", "perp"]),
      "ts_exchange": when,
      "ts_event": when + pick.randrange(lateness + 1) + clock_error,
    }
    if pick.random() < 0.5:
      event = Trade(**common, price=draw(number), size=draw(number), sequence=sequence)
    else:
      event = pick.choice(
        [
          Ticker(**common, last=pick.choice([None, 7.5]), bid=0.1, ask=0.2, sequence=sequence),
          Post(
            **{**common, "symbol": pick.choice(["BTC", "*"]), "exchange": "x"},
            text="hi",
            count=pick.choice([1, 1, 0, 40]),
          ),
          ChainEvent(**common, chain="sol", kind="tx", value=pick.choice([None, 0.1, 1e9])),
          Custom(**common, event_type="c", data={}),
          Liquidation(**common, price=1.0, size=1.0),
        ]
      )
    events.append(event)
  events.append(trade(T, arrived=T + clock_error, sequence=10_000))
  return sorted(events, key=lambda event: (event.ts_event, pick.random()))


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([100, 1_000, 5_000]), st.sampled_from([0, 200, 1_000]))
def test_windows_equal_the_reference_for_every_order_of_arrival_within_the_lateness(
  data, every, lateness
):
  events = data.draw(arrivals(lateness))
  symbols = data.draw(st.sampled_from([[], ["ETH/USDT", "BTC/USDT"]]))
  batches = split(events, data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5)))
  out = replay(TYPE, config(every / 1000, lateness=lateness / 1000, symbols=symbols), batches)
  assert gaps(out) == []
  expected = reference(events, every, symbols)
  assert out == expected


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_event_is_in_exactly_one_window_or_declared_late(data):
  pick = random.Random(data.draw(st.integers(0, 2**32)))
  events = []
  for sequence in range(data.draw(st.integers(1, 80))):
    when = T + pick.randrange(20_000)
    events.append(trade(when, arrived=when + pick.choice([0, 100, 3_000]), sequence=sequence))
  events.sort(key=lambda event: event.ts_event)
  out = replay(TYPE, config(1.0, lateness=0.5), split(events, [pick.randrange(1, 9)]))
  late = sum(gap.missed for gap in gaps(out))
  assert all(gap.reason == "late" and gap.symbol == "BTC/USDT" for gap in gaps(out))
  assert sum(window.raw_data["trades"] for window in windows(out)) + late == len(events)
  message = sum(window.raw_data.get("late", 0) for window in windows(out))
  # The very last may have no window after them.
  assert message <= late
  starts = [window.window_start for window in windows(out)]
  assert starts == sorted(set(starts))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_result_does_not_depend_on_the_limits_of_batches(data):
  pick = random.Random(data.draw(st.integers(0, 2**32)))
  events = []
  now = T
  for sequence in range(100):
    now += pick.choice([0, 0, 1, 50, 900, 4_000])
    exchange = pick.choice(["binance", "okx", "x"])
    if pick.random() < 0.3:
      events.append(
        Ticker(exchange=exchange, symbol="BTC/USDT", market_type="spot", ts_event=now, bid=1.0)
      )
    else:
      when = now - pick.choice([0, 20, 700, 2_500])
      events.append(trade(when, arrived=now, exchange=exchange, sequence=sequence))
  outputs = [
    replay(TYPE, config(1.0, lateness=0.3), split(events, sizes))
    for sizes in ([1], [100], [pick.randrange(1, 20)], [3, 17])
  ]
  assert all(output == outputs[0] for output in outputs)


# Real data ---------------------------------------------------------------------------------------


def by_window(events, every=5_000):
  grouped = defaultdict(list)
  for event in events:
    if isinstance(event, Trade):
      grouped[event.ts_exchange // every * every].append(event)
  return grouped


def check_recorded_prices(found, events):
  grouped = by_window(events)
  spans = range(min(grouped), max(grouped) + 5_000, 5_000)
  assert [window.window_start for window in found] == [text(start) for start in spans]
  for window, start in zip(found, spans, strict=True):
    trades = sorted(grouped[start], key=lambda t: (t.ts_exchange, t.sequence))
    prices = [t.price for t in trades]
    assert window.raw_data["trades"] == len(trades)
    assert window.price_avg == fsum(prices) / len(prices)
    assert (window.price_open, window.price_close) == (prices[0], prices[-1])
    assert (window.price_high, window.price_low) == (max(prices), min(prices))
    volume = fsum(t.size for t in trades)
    assert window.volume_sum == decimal_sum(t.size for t in trades)
    assert window.vwap == fsum(t.price * t.size for t in trades) / volume


def test_windows_of_a_real_recording_equal_a_plain_computation_from_its_frames():
  events = recorded()
  assert sum(isinstance(event, Trade) for event in events) == 9_757
  out = replay(TYPE, config(), split(events, [64]))
  assert gaps(out) == []
  check_recorded_prices(out, events)
  # Quotes stand on the venue's time line: 1.27 s after their receive time.
  quotes = [event for event in events if isinstance(event, Ticker)]
  for window in out[1:-1]:
    start = int(datetime.fromisoformat(window.window_start).timestamp() * 1000)
    near = [q.bid for q in quotes if start <= q.ts_event + 1_270 < start + 5_000]
    assert math.isclose(window.bid_avg, fsum(near) / len(near), rel_tol=1e-4)


def test_the_same_recording_gives_the_same_bytes_a_hundred_times():
  events = recorded()[:3_000]
  pick = random.Random(7)
  outputs = {
    b"\n".join(map(encode, replay(TYPE, config(1.0), split(events, [pick.randrange(1, 200)]))))
    for _ in range(100)
  }
  assert len(outputs) == 1


def test_a_recording_played_live_at_fifty_times_speed_years_later_gives_the_same_windows():
  events = recorded()
  live = Live(TYPE, config())
  begin, born = events[0].ts_event, live.clock.wall
  pending, due = [], 0
  for event in events:
    at = (event.ts_event - begin) // 50
    if at > due:
      live.run(max(0, due - (live.clock.wall - born)))
      live.push(*pending)
      pending, due = [], at
    pending.append(
      msgspec.structs.replace(event, ts_event=born + at, ts_internal=(5_000_000 + at) * 1_000_000)
    )
  live.run(due - (live.clock.wall - born))
  live.push(*pending)
  live.run(60_000)
  out = live.take()
  assert gaps(out) == []
  found = [window for window in out if window.price_avg is not None]
  check_recorded_prices(found, events)


# Time --------------------------------------------------------------------------------------------


def test_windows_are_emitted_by_timer_when_nothing_comes():
  live = Live(TYPE, config(5.0, lateness=0.5))
  live.clock.wall = T + 100
  live.push(trade(T + 100, arrived=T + 100))
  live.run(5_300)
  assert live.take() == []
  live.run(200)
  (first,) = live.take()
  assert (first.window_start, first.raw_data["trades"]) == (text(T), 1)
  live.run(15_000)
  assert [(w.window_start, w.price_avg) for w in live.take()] == [
    (text(T + 5_000), None),
    (text(T + 10_000), None),
    (text(T + 15_000), None),
  ]
  assert live.timers <= 8


def test_without_empty_windows_nothing_is_emitted_and_no_timer_runs():
  live = Live(TYPE, config(5.0, empty=False))
  live.clock.wall = T
  live.push(trade(T, arrived=T))
  live.run(60_000)
  assert len(live.take()) == 1
  assert live.transform.next_timer() is None


def test_a_slow_source_holds_the_windows_and_a_dead_one_does_not():
  live = Live(TYPE, config(1.0, lateness=1.0))
  live.clock.wall = T
  for step in range(45):
    now = live.clock.wall
    if step < 25:
      # This venue's clock is two seconds behind.
      live.push(trade(now - 2_000, arrived=now, exchange="okx"))
    live.push(trade(now, arrived=now))
    if step == 24:
      # At T+2400 okx has come to T+400, so the windows until T-600 are closed.
      assert [window.window_start for window in live.take()] == [text(T - 2_000)]
    live.run(100)
  # Okx died at T+2400; a second later it is no longer waited for, and binance is at T+4400.
  assert [w.window_start for w in live.take()] == [
    text(T + ms) for ms in range(-1_000, 3_000, 1_000)
  ]


def test_events_without_venue_time_follow_their_sources_skew():
  wrong = -1_270
  quotes = [
    Ticker(exchange="binance", symbol="BTC/USDT", market_type="spot", ts_event=at + wrong, bid=bid)
    for at, bid in ((T + 4_800, 1.0), (T + 4_950, 2.0), (T + 5_010, 9.0))
  ]
  # The first quote comes before the source's skew is known, and waits for it.
  events = [quotes[0], trade(T + 4_900, arrived=T + 4_900 + wrong), *quotes[1:]]
  out = replay(TYPE, config(5.0), [[event] for event in events])
  assert [window.bid_avg for window in out] == [1.5, 9.0]


def test_a_source_without_any_venue_time_shares_the_skew_of_the_others():
  wrong = 3_600_000
  post = Post(exchange="x", symbol="BTC", ts_event=T + 2_000 + wrong, text="up")
  out = replay(TYPE, config(5.0), [[trade(T + 1_000, arrived=T + 1_000 + wrong), post]])
  assert [(window.window_start, window.tweets) for window in out] == [(text(T), 1)]


def test_events_of_sources_that_never_tell_venue_time_use_receive_time():
  live = Live(TYPE, config(1.0, lateness=0.5))
  live.clock.wall = T
  live.push(Post(exchange="x", symbol="BTC", ts_event=T, text="up"))
  live.run(3_000)
  assert [(w.window_start, w.symbol, w.tweets) for w in live.take()] == [
    (text(T), "BTC", 1),
    (text(T + 1_000), "BTC", 0),
  ]


@pytest.mark.parametrize("leap", [HOUR, -HOUR])
@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("timed", [True, False])
def test_a_leap_of_the_wall_clock_neither_bursts_nor_stops_nor_goes_back(leap, stamped, timed):
  live = Live(TYPE, config(1.0, lateness=0.5))
  clock = live.clock
  clock.wall = T
  venue = T

  def event():
    return Trade(
      exchange="binance",
      symbol="BTC/USDT",
      ts_event=clock.wall,
      ts_exchange=venue if timed else None,
      ts_internal=clock.mono * 1_000_000 if stamped else None,
      price=1.0,
      size=1.0,
    )

  sent = 0
  for step in range(300):
    if step == 100:
      # An event that was stamped before the leap is handled after it.
      stale = event()
      clock.leap(leap)
      live.push(stale)
      sent += 1
    if not 150 <= step < 200:
      live.push(event())
      sent += 1
    live.run(100)
    venue += 100
  out = live.take()
  starts = [w.window_start for w in windows(out)]
  assert starts == [text(T + 1_000 * n) for n in range(len(starts))]
  assert 27 <= len(starts) <= 29
  assert gaps(out) == []
  out += live.transform.finish()
  assert sum(w.raw_data["trades"] for w in windows(out)) == sent
  assert live.timers < 400


def test_a_recording_made_while_the_wall_clock_was_set_plays_as_it_was_lived():
  events = []
  for step in range(100):
    wall = T + step * 100 + (-HOUR if step >= 50 else 0)
    events.append(
      trade(T + step * 100, arrived=wall, ts_internal=(10**6 + step * 100) * 10**6, sequence=step)
    )
  out = replay(TYPE, config(1.0, lateness=0.2), split(events, [7]))
  assert [w.raw_data["trades"] for w in out] == [10] * 10


def test_one_message_with_a_time_far_ahead_closes_nothing():
  live = Live(TYPE, config(1.0, lateness=0.5))
  live.clock.wall = T
  for step in range(30):
    now = live.clock.wall
    when = now + 50_000 * HOUR if step == 10 else now
    live.push(trade(when, arrived=now, sequence=step))
    live.run(100)
  out = live.take() + live.transform.finish()
  assert [w.raw_data["trades"] for w in windows(out)] == [10, 10, 10]
  assert gaps(out) == []


@pytest.mark.parametrize("when", [10**18, 1, 0, -5])
def test_one_wrong_receive_time_closes_nothing(when):
  live = Live(TYPE, config(1.0, lateness=0.5))
  live.clock.wall = T
  for step in range(30):
    now = live.clock.wall
    live.push(trade(now, arrived=when if step in (10, 11) else now, sequence=step))
    live.push(Post(exchange="x", symbol="BTC", ts_event=when if step == 12 else now, text=""))
    live.run(100)
  out = live.take() + live.transform.finish()
  assert [(w.raw_data["trades"], w.tweets) for w in windows(out)] == [(10, 10)] * 3
  assert gaps(out) == []


weird = st.sampled_from(
  [0, 1, -1, T, T + 7, T + 60_000, T - HOUR, T + HOUR, 10**9, 10**15, 10**18, 2**63, -(2**63)]
)


@settings(max_examples=200, deadline=None)
@given(
  st.lists(st.tuples(weird, st.none() | weird, st.none() | weird, st.integers(0, 900)), max_size=30)
)
def test_no_times_break_the_windows_or_their_order(times):
  live = Live(TYPE, config(1.0))
  live.clock.wall = T
  for received, venue, internal, passed in times:
    stamps = {"ts_event": received, "ts_exchange": venue, "ts_internal": internal}
    live.push(Trade(exchange="binance", symbol="BTC/USDT", price=1.0, size=1.0, **stamps))
    live.run(passed)
  out = live.take() + live.transform.finish()
  late = sum(gap.missed for gap in gaps(out))
  assert sum(window.raw_data["trades"] for window in windows(out)) + late == len(times)
  starts = [window.window_start for window in windows(out)]
  assert starts == sorted(set(starts))
  assert len(starts) <= (len(times) + 1) * (MAX_EMPTY + 2)


def test_a_pause_in_a_recording_is_filled_with_a_bounded_number_of_windows():
  year = 366 * 24 * HOUR
  events = [trade(T), trade(T + year), trade(T + year + 1_000)]
  out = replay(TYPE, config(1.0), [[event] for event in events])
  assert sum(w.raw_data["trades"] for w in out) == 3
  starts = [w.window_start for w in out]
  assert starts == sorted(set(starts))
  assert len(out) <= 2 * MAX_EMPTY + 4


def test_a_leap_of_venue_time_alone_is_filled_with_a_bounded_number_of_windows():
  live = Live(TYPE, config(1.0))
  live.clock.wall = T
  for step in range(40):
    when = live.clock.wall + (24 * HOUR if step >= 20 else 0)
    live.push(trade(when, arrived=live.clock.wall, sequence=step))
    live.run(100)
  assert len(live.take()) <= MAX_EMPTY + 10


def test_a_leap_of_many_symbols_is_filled_with_a_bounded_number_of_rows():
  rows = 500
  live = Live(TYPE, config(0.1, symbols=[f"M{number}/USDT" for number in range(rows)]))
  live.clock.wall = T
  live.push(trade(T, symbol="M0/USDT"))
  live.push(trade(T + 500_000, symbol="M0/USDT", sequence=2))
  assert len(live.take()) <= MAX_EMPTY_ROWS + 2 * rows


# Many symbols ------------------------------------------------------------------------------------


class Parts:
  """A transform of which is noted how much it gives at once; its timers have to move on."""

  def __init__(self, transform):
    self.transform = transform
    self.most = 0

  def __call__(self, batch):
    return self.noted(self.transform(batch))

  def next_timer(self):
    return self.transform.next_timer()

  def on_timer(self, now):
    due = self.next_timer()
    out = self.noted(self.transform.on_timer(now))
    again = self.next_timer()
    assert again is None or not again <= due <= now - 50, "it would be called for ever"
    return out

  def noted(self, out):
    self.most = max(self.most, len(out))
    return out


def markets(count, when, first=0):
  return [trade(when, symbol=f"M{number:05}/USDT") for number in range(first, first + count)]


def test_many_rows_of_a_live_stream_go_out_in_parts_and_are_those_of_a_recording():
  events = [markets(1_000, T + n * 400) for n in range(8)]
  events.append([Gap(exchange="binance", symbol="*", channel="trades", ts_event=T + 3_300)])
  live = Live(TYPE, config(1.0))
  live.transform = parts = Parts(live.transform)
  live.clock.wall = T
  for batch in events:
    live.push(*batch)
    live.run(400)
  live.run(3_000)
  assert parts.most == AT_ONCE
  rows = [row for row in windows(live.take()) if row.price_avg is not None]
  assert len(rows) == 3 * 1_000
  played = replay(TYPE, config(1.0), events)
  assert rows == [row for row in windows(played) if row.price_avg is not None]


def test_rows_that_cannot_go_out_in_time_are_dropped_and_counted(monkeypatch):
  monkeypatch.setattr("bond_builtin.transforms.window.MAX_OWED", 1_500)
  live = Live(TYPE, config(0.1))
  live.clock.wall = T
  # Nothing but batches: no timer has its turn.
  for _ in range(20):
    live.push(*markets(400, live.clock.wall))
    live.clock.advance(100)
    assert live.transform._owed_rows <= 1_500
  live.run(2_000)
  out = live.take()
  dropped = [gap for gap in gaps(out) if gap.channel == "window"]
  assert dropped
  assert {gap.reason for gap in dropped} == {"slow"}
  given = [row for row in windows(out) if row.price_avg is not None]
  assert len(given) + sum(gap.missed for gap in dropped) == 20 * 400


def test_open_windows_hold_a_bounded_number_of_symbols_and_the_rest_is_counted(monkeypatch):
  monkeypatch.setattr("bond_builtin.transforms.window.MAX_OPEN", most := 5_000)
  # An hour in which windows wait, and each event is of a window and a symbol of its own.
  live = Live(TYPE, config(0.1, lateness=3600.0))
  live.clock.wall = T
  count = most + 500
  for first in range(0, count, 500):
    live.push(*[trade(T + n * 10, symbol=f"M{n % 5000}/USDT") for n in range(first, first + 500)])
  held = sum(map(len, live.transform._open.values()))
  assert held == most == TYPE.held(config(0.1))
  out = live.take() + live.transform.cut([])
  lost = [gap for gap in gaps(out) if gap.reason == "failed"]
  assert sum(gap.missed for gap in lost) == 500


@pytest.mark.parametrize("every", [0.1, 5.0, 3600.0])
def test_named_symbols_have_room_in_all_windows_that_a_slow_source_holds_open(every):
  own = config(every, symbols=["BTC/USDT", "ETH/USDT"])
  assert TYPE.held(own) < 4_000
  live = Live(TYPE, own)
  live.clock.wall = T
  live.push(trade(T, exchange="okx"))
  for step in range(600):
    now = T + step * 100
    live.clock.wall = now
    live.push(trade(T + 1, exchange="okx", arrived=now, sequence=step))
    live.push(*[trade(now, symbol=name) for name in ("BTC", "BTC/USDT", "ETH", "ETH/USDT")])
  assert not [gap for gap in gaps(live.take()) if gap.reason == "failed"]


# Late and missing --------------------------------------------------------------------------------


def test_late_events_are_counted_on_the_next_window_and_declared_once():
  events = [
    trade(T + 100),
    trade(T + 2_100),
    trade(T + 200, arrived=T + 2_200, trade_id="a"),
    trade(T + 300, arrived=T + 2_300, trade_id="b"),
    trade(T + 3_200),
  ]
  out = replay(TYPE, config(1.0, lateness=0.5), [events])
  assert [type(event) for event in out] == [Window, Window, Gap, Window, Window]
  gap = out[2]
  assert (gap.reason, gap.missed, gap.exchange, gap.symbol, gap.channel) == (
    *("late", 2, "binance", "BTC/USDT"),
    "trades",
  )
  assert (gap.ts_from, gap.ts_to) == (T + 2_200, T + 2_300)
  assert [(w.raw_data["trades"], w.raw_data.get("late")) for w in windows(out)] == [
    (1, None),
    (0, 2),
    (1, None),
    (1, None),
  ]


def test_late_events_of_several_kinds_are_declared_together():
  late = Post(exchange="x", symbol="BTC", ts_event=T + 5_001, ts_exchange=T, text="late")
  events = [trade(T), trade(T + 5_000), trade(T + 1, arrived=T + 5_001), late, trade(T + 9_000)]
  out = replay(TYPE, config(1.0, lateness=0.0), [events])
  (gap,) = gaps(out)
  assert (gap.exchange, gap.symbol, gap.channel, gap.missed) == ("*", "*", "*", 2)


def outage(**given):
  return Gap(exchange="binance", symbol="*", channel="*", ts_event=T, **given)


def test_a_window_that_missed_a_source_says_so():
  # 3 s behind the venue, away from 1.5 to 2.5 s.
  events = [
    *(trade(T + at, arrived=T + at - 3_000) for at in (0, 500, 1_400)),
    *(trade(T + at, arrived=T + at - 3_000, exchange="okx") for at in (1_700, 2_400)),
    outage(ts_from=T - 1_500, ts_to=T - 500),
    trade(T + 2_600, arrived=T - 400),
    trade(T + 5_000, arrived=T + 2_000),
  ]
  out = replay(TYPE, config(1.0, lateness=1.0), [events])
  assert [window.raw_data.get("incomplete") for window in windows(out)] == [
    *(None, ["binance"], ["binance"]),
    *(None, None, None),
  ]
  assert len(gaps(out)) == 1


def test_an_outage_of_other_symbols_or_of_unused_channels_marks_nothing():
  named = outage(streams=["trades of binance ETH/USDT spot"])
  other = msgspec.structs.replace(outage(), symbol="ETH/USDT")
  unused = msgspec.structs.replace(outage(), channel="funding")
  own = msgspec.structs.replace(outage(), symbol="BTC/USDT")
  for gap, marked in ((named, None), (other, None), (unused, None), (own, ["binance"])):
    out = replay(TYPE, config(1.0), [[trade(T), gap, trade(T + 10)]])
    assert windows(out)[0].raw_data.get("incomplete") == marked


def test_a_window_fed_by_a_simulator_names_it():
  one, other = trade(T, simulated=True), trade(T + 500, exchange="okx")
  out = replay(TYPE, config(1.0), [[one, other, trade(T + 1_000, exchange="okx")]])
  assert [w.raw_data.get("simulated") for w in out] == [["binance"], None]


def test_a_window_of_several_symbols_names_the_simulators_of_each():
  # A bare asset counts to every market of it.
  one, other = trade(T, symbol="BTC", exchange="x", simulated=True), trade(T + 500)
  out = replay(TYPE, config(1.0), [[one, other]])
  assert [(w.symbol, w.raw_data.get("simulated")) for w in out] == [("BTC/USDT", ["x"])]


def test_gaps_and_heartbeats_pass_in_their_place():
  beat = Heartbeat(raw={}, info={}, ts_event=T + 1)
  gap = outage()
  out = replay(TYPE, config(1.0, lateness=0.0), [[trade(T), beat, trade(T + 1_000), gap]])
  assert [type(event) for event in out] == [Heartbeat, Window, Gap, Window]


# Symbols and kinds -------------------------------------------------------------------------------


def test_configured_symbols_have_a_row_from_the_first_event_on_and_in_their_order():
  out = replay(
    TYPE, config(5.0, symbols=["eth-usdt", "BTC"]), [[trade(T), trade(T, symbol="SOL/USDT")]]
  )
  assert [(w.symbol, w.raw_data["trades"]) for w in out] == [("ETH/USDT", 0), ("BTC/USDT", 1)]


def test_a_symbol_that_is_not_listed_opens_no_window():
  assert replay(TYPE, config(5.0, symbols=["ETH"]), [[trade(T, symbol="SOL/USDT")]]) == []


def test_posts_of_which_only_the_number_is_known_count_as_many():
  common = {"exchange": "x", "symbol": "BTC", "ts_event": T}
  events = [
    Post(**common, ts_exchange=T, text="", count=17),
    Post(**common, ts_exchange=T + 1, text="one"),
    Post(**common, ts_exchange=T + 5_000, text="", count=0),
  ]
  out = replay(TYPE, config(5.0), [events])
  assert [(w.tweets, w.raw_data["sources"]) for w in out] == [(18, ["x"]), (0, ["x"])]


def test_bare_assets_count_to_all_their_markets_and_no_symbol_to_all():
  events = [
    Post(exchange="x", symbol="BTC", ts_event=T, ts_exchange=T, text="a"),
    trade(T, symbol="BTC/USDT"),
    trade(T, symbol="BTC/USD", exchange="kraken"),
    trade(T, symbol="ETH/USDT"),
    Custom(exchange="me", symbol="", ts_event=T, event_type="e", data={}),
    Post(exchange="x", symbol="DOGE", ts_event=T, ts_exchange=T, text="b"),
  ]
  out = replay(TYPE, config(5.0), [events])
  assert [(w.symbol, w.tweets, w.custom_count, w.raw_data["sources"]) for w in out] == [
    ("BTC/USD", 1, 1, ["kraken", "me", "x"]),
    ("BTC/USDT", 1, 1, ["binance", "me", "x"]),
    ("DOGE", 1, 1, ["me", "x"]),
    ("ETH/USDT", 0, 1, ["binance", "me"]),
  ]


def test_quotes_come_from_books_where_no_ticker_has_any():
  def book(bid, **given):
    return OrderBook(
      exchange="okx",
      symbol="BTC/USDT",
      ts_event=T,
      ts_exchange=T,
      bids=[(bid, 1.0)],
      asks=[],
      **given,
    )

  ticker = Ticker(exchange="okx", symbol="BTC/USDT", ts_event=T, ts_exchange=T, ask=7.0)
  delta = book(99.0, update_type="delta")
  out = replay(TYPE, config(5.0), [[book(1.0), book(2.0), delta, ticker]])
  assert [(w.bid_avg, w.ask_avg, w.raw_data["trades"]) for w in out] == [(1.5, 7.0, 0)]


def test_prices_come_from_tickers_only_where_nothing_was_traded():
  def ticker(at, last):
    return Ticker(exchange="okx", symbol="BTC/USDT", ts_event=at, ts_exchange=at, last=last)

  out = replay(
    TYPE,
    config(1.0),
    [[ticker(T, 5.0), trade(T, 9.0), ticker(T + 1_000, 6.0), ticker(T + 1_001, 8.0)]],
  )
  assert [
    (w.price_avg, w.price_close, w.volume_sum, w.raw_data.get("price_from")) for w in out
  ] == [
    (9.0, 9.0, 1.0, None),
    (7.0, 8.0, 0.0, "ticker"),
  ]


def test_other_kinds_move_time_but_count_nothing():
  common = {"exchange": "binance", "symbol": "BTC/USDT", "market_type": "spot"}
  funding = Funding(**common, ts_event=T + 9_000, ts_exchange=T + 9_000, rate=0.1)
  candle = Candle(
    **common, interval="1m", start=T, end=T + 60_000, open=1, high=1, low=1, close=1, volume=1
  )
  live = Live(TYPE, config(5.0))
  live.push(trade(T), candle, funding)
  assert [(w.raw_data["trades"], w.custom_count) for w in live.take()] == [(1, 0)]


def test_trades_without_finite_numbers_are_left_out_and_counted():
  events = [
    trade(T, math.nan),
    trade(T, math.inf),
    trade(T, 5.0, -math.inf),
    trade(T, 1e300, 1e300),
  ]
  out = replay(TYPE, config(5.0), [[*events, trade(T, 7.0)]])
  assert [(w.price_avg, w.raw_data["trades"], w.raw_data["invalid"]) for w in out] == [(7.0, 1, 4)]


def test_the_given_events_are_never_changed():
  events = recorded()[:300]
  before = [encode(event) for event in events]
  replay(TYPE, config(1.0), [events])
  assert [encode(event) for event in events] == before


# Parts -------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e250, 1e250), max_size=60), st.integers(0, 2**32))
def test_an_exact_sum_is_the_same_in_every_order(values, seed):
  values = values * 100
  random.Random(seed).shuffle(values)
  total = ExactSum()
  for start in range(0, len(values), 50):
    total.extend(values[start : start + 50])
    assert len(total._parts) < 5_000
  assert total.total() == fsum(values)
  assert total.count == len(values)


def test_what_no_sum_can_hold_is_left_out_whatever_it_came_with():
  values = [1e300, 1.5, float("inf"), -1e300, float("nan"), 2.0, -float("inf")]
  for size in (1, 2, len(values)):
    total = ExactSum()
    for start in range(0, len(values), size):
      total.extend(values[start : start + size])
    assert (total.count, total.total()) == (2, 3.5)


@settings(max_examples=60, deadline=None)
@given(
  st.lists(st.decimals(0, 10_000, places=8, allow_nan=False), min_size=1, max_size=60),
  st.integers(0, 8),
  st.integers(1, 30),
)
def test_a_sum_of_decimals_is_the_decimal(values, places, size):
  values = [round(value, places) for value in values] * 20
  total = DecimalSum()
  for start in range(0, len(values), size):
    more = DecimalSum()
    more.extend([float(value) for value in values[start : start + size]])
    total.join(more)
  assert total.shown() == float(sum(values))


def test_a_sum_of_what_is_no_decimal_is_rounded_once():
  total = DecimalSum()
  total.extend([0.1, 1 / 3, 2 / 3])
  assert total.shown() == fsum([0.1, 1 / 3, 2 / 3])
  # Where a float holds no more digits, none is cut.
  large = DecimalSum()
  large.extend([9e15, 0.25, 0.5])
  assert large.shown() == fsum([9e15, 0.25, 0.5])
  values = [0.6993, 0.6926, 0.6563, 1.3788, 0.8693]
  seen = DecimalSum()
  seen.extend([*values, float("nan")])
  assert (seen.shown(), fsum(values)) == (4.2963, 4.2963000000000005)


@pytest.mark.parametrize(
  ("given_", "sentence"),
  [
    ({"every": 0.05}, "every is between 100ms and 1d"),
    ({"every": 90_000}, "every is between 100ms and 1d"),
    ({"every": 5, "lateness": -1}, "lateness is between 0s and 1h"),
    ({"every": 5, "symbols": ["B T C"]}, "is not a symbol"),
  ],
)
def test_wrong_settings_are_refused_with_a_sentence(given_, sentence):
  with pytest.raises(ValueError, match=sentence):
    Windows(**given_)


def test_the_default_lateness_is_a_second_or_one_window():
  live = Live(TYPE, config(0.2))
  live.clock.wall = T
  live.push(trade(T, arrived=T), trade(T + 399, arrived=T + 399))
  assert live.take() == []
  live.push(trade(T + 400, arrived=T + 400))
  assert len(live.take()) == 1


def test_a_name_in_one_word_is_the_symbol_that_comes():
  mint = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
  names = ["DOTUSD", "WBTC", mint, "BTC/USD:USD"]
  events = [
    trade(T + 1, 1.0, 1.0, symbol="DOT/USD"),
    trade(T + 2, 2.0, 1.0, symbol="WBTC/USDT"),
    trade(T + 3, 3.0, 1.0, symbol=mint),
    trade(T + 4, 4.0, 1.0, symbol="DOT/USDT"),
    trade(T + 5, 5.0, 1.0, symbol="BTC/USD:USD"),
    trade(T + 6, 6.0, 1.0, symbol="DOT/USD"),
  ]
  found = windows(replay(TYPE, config(symbols=names), [events]))
  assert [(w.symbol, w.price_close) for w in found] == [
    ("DOT/USD", 6.0),
    ("WBTC/USDT", 2.0),
    (mint, 3.0),
    ("BTC/USD:USD", 5.0),
  ]
