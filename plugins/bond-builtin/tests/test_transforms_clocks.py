"""A source whose clock is wrong: its events count when they came, and the others go on as if it
were not there."""

import pytest
from bond_builtin.transforms import consolidate, dedupe, merge, sample, window
from transform_play import Live, replay, trade

from bond_core import Consolidated, Gap, OrderBook, Post, Trade, Window
from bond_core._spec.values import Duration

T = 1_700_000_000_000  # a whole number of 5 s windows
SECOND, HOUR = 1_000, 3_600_000
DAY = 24 * HOUR
AHEAD = [6 * SECOND, 120 * SECOND, 9 * HOUR, 40 * DAY]
BEHIND = [-660 * SECOND, -9 * HOUR, -40 * DAY]


def minute(error, first="binance", wrong_every=1):
  """A trade a second of the right venue, others of one whose clock is off by `error`."""
  events = []
  for second in range(60):
    at = T + second * SECOND
    right = trade(at, arrived=at + 50, sequence=second, trade_id=f"r{second}")
    events.append([right])
    if second % wrong_every == 0:
      wrong = trade(
        at + error, arrived=at + 60, exchange="okx", sequence=second, trade_id=f"w{second}"
      )
      events[-1].insert(0 if first == "okx" else 1, wrong)
  return [event for pair in events for event in pair]


def of(kind, out):
  return [event for event in out if isinstance(event, kind)]


def windows_of(events):
  config = window.Windows(every=Duration(5))
  return replay(window.TYPE, config, [[event] for event in events])


@pytest.mark.parametrize("error", AHEAD + BEHIND)
@pytest.mark.parametrize("first", ["binance", "okx"])
@pytest.mark.parametrize("wrong_every", [1, 7])
def test_a_wrong_clock_makes_no_other_source_late(error, first, wrong_every):
  events = minute(error, first, wrong_every)
  out = windows_of(events)
  assert of(Gap, out) == []
  # Before the first event of the right venue there is nothing to go by; what is filled is bounded.
  found = [w for w in of(Window, out) if w.raw_data["trades"]]
  assert [w.raw_data["by_venue"]["binance"]["trades"] for w in found if "by_venue" in w.raw_data]
  assert sum(w.raw_data["trades"] for w in found) == len(events)
  assert len(found) == 12
  assert found[0].window_start == "2023-11-14T22:13:20Z"
  assert all(w.raw_data["skewed"] == ["okx"] for w in found if "okx" in w.raw_data["sources"])
  alone = windows_of([event for event in events if event.exchange == "binance"])
  for mixed, own in zip(found, of(Window, alone), strict=True):
    assert mixed.window_start == own.window_start
    of_binance = (mixed.raw_data.get("by_venue") or {"binance": own.raw_data})["binance"]
    assert of_binance["trades"] == own.raw_data["trades"] == 5


@pytest.mark.parametrize("error", AHEAD + BEHIND)
@pytest.mark.parametrize("first", ["binance", "okx"])
def test_a_merged_stream_is_in_order_and_loses_nothing(error, first):
  events = minute(error, first)
  out = replay(merge.TYPE, merge.Merge(), [[event] for event in events])
  assert of(Gap, out) == []
  assert len(out) == len(events)
  right = [event.sequence for event in out if event.exchange == "binance"]
  assert right == sorted(right)
  # Each event of the wrong venue stands among those that came with it.
  for place, event in enumerate(out):
    if event.exchange == "okx":
      near = [e.sequence for e in out[max(0, place - 3) : place + 4] if e.exchange == "binance"]
      assert min(abs(event.sequence - number) for number in near) <= 1


@pytest.mark.parametrize("error", [120 * SECOND, 9 * HOUR])
@pytest.mark.parametrize("transform", [window.TYPE, merge.TYPE])
def test_a_clock_that_is_wrong_for_a_while_is_right_again_after_it(error, transform):
  events = []
  for second in range(60):
    at = T + second * SECOND
    wrong = error if 20 <= second < 40 else 0
    events.append(trade(at, arrived=at + 50, sequence=second))
    events.append(trade(at + wrong, arrived=at + 60, exchange="okx", sequence=second))
  config = merge.Merge() if transform is merge.TYPE else window.Windows(every=Duration(5))
  out = replay(transform, config, [[event] for event in events])
  assert of(Gap, out) == []
  if transform is merge.TYPE:
    assert len(out) == 120
  else:
    assert [w.raw_data["trades"] for w in of(Window, out)] == [10] * 12
    assert ["skewed" in w.raw_data for w in of(Window, out)][-3:] == [False] * 3


@pytest.mark.parametrize("error", [120 * SECOND, 9 * HOUR])
def test_a_source_alone_with_its_wrong_clock_counts_when_it_was_received(error):
  live = Live(window.TYPE, window.Windows(every=Duration(1)))
  live.clock.wall = T
  for second in range(10):
    live.push(trade(live.clock.wall + error, arrived=live.clock.wall, sequence=second))
    live.push(Post(exchange="x", symbol="BTC", ts_event=live.clock.wall, text="up"))
    live.run(SECOND)
  out = live.take() + live.transform.finish()
  assert [(w.raw_data["trades"], w.tweets) for w in of(Window, out)] == [(1, 1)] * 10
  assert of(Window, out)[0].window_start == "2023-11-14T22:13:20Z"


def test_it_is_logged_once(caplog):
  windows_of(minute(9 * HOUR))
  [record] = caplog.records
  assert "okx: its clock is 32400 s ahead of ours" in record.message


def test_old_news_of_a_source_whose_clock_is_right_are_late_and_not_new():
  events = [event for event in minute(0) if event.exchange == "binance"]
  old = trade(T - 1_200 * SECOND, arrived=T + 30_060, exchange="okx")
  good = trade(T + 10_000, arrived=T + 10_060, exchange="okx")
  out = windows_of(sorted([*events, old, good], key=lambda event: event.ts_event))
  [gap] = of(Gap, out)
  assert (gap.reason, gap.exchange, gap.missed) == ("late", "okx", 1)


def test_old_news_that_comes_first_begins_no_windows_of_long_ago():
  live = Live(window.TYPE, window.Windows(every=Duration(1)))
  live.clock.wall = T
  live.push(trade(T - 9 * HOUR, arrived=T, sequence=1))
  live.run(400)
  for second in range(3):
    live.push(trade(live.clock.wall - 60, arrived=live.clock.wall, sequence=2 + second))
    live.run(SECOND)
  out = live.take() + live.transform.finish()
  windows = of(Window, out)
  assert windows[0].window_start >= "2023-11-14T22:13:18Z"
  assert sum(w.raw_data["trades"] for w in windows) == 3
  [gap] = of(Gap, out)
  assert (gap.reason, gap.missed) == ("late", 1)


def test_one_message_of_long_ago_that_comes_first_takes_no_other_with_it():
  """Nothing else came for so long that it was believed."""
  odd = trade(T - 9 * HOUR, arrived=T, trade_id="odd")
  others = [
    trade(at, arrived=at + 50, trade_id=str(at))
    for at in range(T + 2 * SECOND, T + 22 * SECOND, SECOND)
  ]
  found = [w for w in of(Window, windows_of([odd, *others])) if w.raw_data["trades"]]
  assert [w.raw_data["trades"] for w in found] == [1, 3, 5, 5, 5, 2]
  assert found[1].window_start == "2023-11-14T22:13:20Z"


def test_a_source_that_reads_an_outage_of_an_hour_again_keeps_its_times():
  events = [event for event in minute(0) if event.exchange == "binance"]
  # Known before as one whose clock is right.
  good = Post(exchange="bluesky", symbol="BTC", ts_event=T + 60, ts_exchange=T, text="now")
  read = [
    Post(
      exchange="bluesky",
      symbol="BTC",
      ts_event=T + 20_060 + n,
      ts_exchange=T - HOUR + n * SECOND,
      text="an hour ago",
    )
    for n in range(100)
  ]
  out = windows_of(sorted([*events, good, *read], key=lambda event: event.ts_event))
  assert sum(gap.missed for gap in of(Gap, out)) == 100
  assert sum(w.tweets for w in of(Window, out)) == 1


# Those that go by the receive time alone ----------------------------------------------------------


@pytest.mark.parametrize("error", [0, *AHEAD, *BEHIND])
def test_samples_and_identities_do_not_depend_on_a_venues_clock(error):
  def told(out):
    return [(event.exchange, event.trade_id, event.ts_event) for event in out]

  events = minute(error)
  sampled = replay(sample.TYPE, sample.Sample(every=Duration(5)), [[e] for e in events])
  usual = replay(sample.TYPE, sample.Sample(every=Duration(5)), [[e] for e in minute(0)])
  assert told(sampled) == told(usual)
  assert len(sampled) == 24
  again = [event for event in events for _ in range(2)]
  once = replay(dedupe.TYPE, dedupe.Dedupe(age=Duration(10)), [[e] for e in again])
  assert told(once) == told(events)


@pytest.mark.parametrize("error", [0, *AHEAD, *BEHIND])
def test_a_consolidated_book_holds_no_venue_for_longer_because_of_its_clock(error):
  def book(exchange, at, wrong):
    return OrderBook(
      exchange=exchange,
      symbol="BTC/USDT",
      market_type="spot",
      ts_event=at,
      ts_exchange=at + wrong,
      bids=[(100.0, 1.0)],
      asks=[(101.0, 1.0)],
      update_type="snapshot",
    )

  config = consolidate.Consolidate(speed=Duration(0), max_age=Duration(2))
  events = [book("okx", T, error)]
  events += [book("binance", T + n * SECOND, 0) for n in range(6)]
  views = of(Consolidated, replay(consolidate.TYPE, config, [[e] for e in events]))
  states = [view.venues["okx"].state for view in views]
  assert (
    states == ["live", "live", "live", "stale", "stale", "stale", "stale", "stale"][: len(states)]
  )
  assert views[-1].venues["okx"].skew_ms == -error
  # What comes after it goes by these views' times.
  out = windows_of([*views, *(event for event in minute(0) if event.exchange == "binance")])
  assert of(Gap, out) == []


def test_a_wrong_clock_has_no_say_in_where_a_gap_stands():
  gap = Gap(exchange="okx", symbol="*", channel="*", ts_event=T + 30_000, reason="upstream")
  events = minute(9 * HOUR)
  middle = next(n for n, event in enumerate(events) if event.ts_event > T + 30_000)
  out = replay(merge.TYPE, merge.Merge(), [[e] for e in [*events[:middle], gap, *events[middle:]]])
  place = out.index(gap)
  before = [event.ts_event for event in out[:place] if isinstance(event, Trade)]
  assert 28_000 <= max(before) - T <= 31_000
  marked = windows_of([*events[:middle], gap, *events[middle:]])
  incomplete = [w.window_start for w in of(Window, marked) if "incomplete" in w.raw_data]
  assert incomplete
  assert all(start.startswith("2023-11-14T22:13:") for start in incomplete)
