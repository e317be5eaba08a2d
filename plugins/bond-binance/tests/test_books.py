"""Books follow the venue's recipe, and repair themselves after anything."""

import pytest
from bond_binance import config
from bond_venuekit.testing import START_MS

from bond_core import Gap, OrderBook
from bond_core.feeds import Fetch, Notice, Reject

SPOT = config.Books(symbols=["BTC/USDT"])
PERP = config.Books(symbols=["BTC/USDT:USDT"])
STREAM = "btcusdt@depth@100ms"
BIDS = [["100.0", "1"], ["99.0", "2"]]
ASKS = [["101.0", "1"], ["102.0", "2"]]


def diff(first, last, bids=(), asks=(), **more):
  return {
    "e": "depthUpdate",
    "E": 5,
    "s": "BTCUSDT",
    "U": first,
    "u": last,
    "b": list(bids) or [["99.5", str(last)]],
    "a": list(asks),
    **more,
  }


def snapshot(last, bids=BIDS, asks=ASKS):
  return {"lastUpdateId": last, "bids": bids, "asks": asks}


def synced(venue, source=SPOT, last=10):
  """A venue whose book is joined at update 12."""
  v = venue(source)
  v.say(STREAM, diff(last - 1, last + 2, pu=last - 3))
  (fetch,) = v.snapshots()
  events = v.answer(fetch, snapshot(last))
  assert [e.update_type for e in events] == ["snapshot", "delta"]
  return v


def kinds(events):
  return [
    "gap" if isinstance(e, Gap) else "reset" if e.is_reset else (e.prev_sequence, e.sequence)
    for e in events
  ]


def test_the_snapshot_is_asked_for_after_the_first_update(venue):
  v = venue(SPOT)
  assert v.snapshots() == []
  v.say(STREAM, diff(9, 12))
  (fetch,) = v.snapshots()
  assert fetch.url == "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000"
  assert (fetch.weight, fetch.group) == (50, "spot")
  v.say(STREAM, diff(13, 14))
  assert v.snapshots() == []
  events = v.answer(fetch, snapshot(10))
  assert kinds(events) == ["reset", (10, 12), (12, 14)]
  assert events[0].bids == [(100.0, 1.0), (99.0, 2.0)]
  assert kinds(v.say(STREAM, diff(15, 15))) == [(14, 15)]


def test_a_market_where_nothing_happens_gets_its_snapshot_too(venue):
  v = venue(PERP)
  v.later(3)
  (fetch,) = v.snapshots()
  assert fetch.url == "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
  assert fetch.weight == 20
  assert kinds(v.answer(fetch, {**snapshot(10), "E": 7, "T": 6})) == ["reset"]


def test_a_snapshot_older_than_the_first_update_is_fetched_again(venue):
  v = venue(SPOT)
  v.say(STREAM, diff(20, 21))
  (fetch,) = v.snapshots()
  assert v.answer(fetch, snapshot(10)) == []
  assert v.snapshots() == []
  v.later(2)
  (again,) = v.snapshots()
  assert kinds(v.answer(again, snapshot(20))) == ["reset", (20, 21)]


def test_a_missing_update_is_a_gap_and_the_book_starts_anew(venue):
  v = synced(venue)
  v.now_ms += 100
  events = v.say(STREAM, diff(15, 16))
  assert kinds(events) == ["gap"]
  (gap,) = events
  assert (gap.channel, gap.venue_from, gap.venue_to) == ("orderbook", 13, 14)
  assert (gap.ts_from, gap.ts_to) == (START_MS, START_MS + 100)
  assert gap.streams == ["orderbook of binance BTC/USDT spot"]
  v.later(2)
  (fetch,) = v.snapshots()
  assert kinds(v.say(STREAM, diff(17, 18))) == []
  assert kinds(v.answer(fetch, snapshot(16))) == ["reset", (16, 18)]


def test_futures_are_chained_by_pu(venue):
  v = synced(venue, PERP)
  assert kinds(v.say(STREAM, diff(500, 510, pu=12))) == [(12, 510)]
  (gap,) = v.say(STREAM, diff(600, 610, pu=550))
  assert (gap.venue_from, gap.venue_to) == (511, 550)


def test_what_comes_twice_changes_nothing(venue):
  v = synced(venue)
  assert v.say(STREAM, diff(9, 12), diff(9, 12)) == []
  assert kinds(v.say(STREAM, diff(13, 13))) == [(12, 13)]


def test_updates_that_changed_places_are_one_gap(venue):
  v = synced(venue)
  assert kinds(v.say(STREAM, diff(14, 14), diff(13, 13), diff(15, 15))) == ["gap"]
  v.later(2)
  (fetch,) = v.snapshots()
  assert kinds(v.answer(fetch, snapshot(15))) == ["reset"]
  assert kinds(v.say(STREAM, diff(16, 16))) == [(15, 16)]


@pytest.mark.parametrize(
  "broken",
  [
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":5,"U":1',
    b'{"stream":"btcusdt@depth@100ms","data":{"E":5,"U":13,"u":13,"b":[["nan","1"]],"a":[]}}',
    b'{"stream":"btcusdt@depth@100ms","data":{"E":5,"U":13,"u":13,"b":[["1"]],"a":[]}}',
    b'{"stream":"btcusdt@depth@100ms","data":{"x":' + b"[" * 100_000,
  ],
)
def test_an_update_that_cannot_be_read_is_one_gap_and_a_resync(venue, broken):
  v = synced(venue)
  events = v.hear(broken)
  assert kinds(events) == ["gap"]
  assert events[0].cause.startswith("a message could not be read: ")
  assert v.say(STREAM, diff(14, 14)) == []
  v.later(2)
  (fetch,) = v.snapshots()
  assert kinds(v.answer(fetch, snapshot(13))) == ["reset", (13, 14)]


def test_a_reconnect_is_the_drivers_gap_alone(venue):
  v = synced(venue)
  v.close(1)
  v.later(5)
  v.open(2)
  assert v.say(STREAM, diff(30, 31), on=2) == []
  (fetch,) = v.snapshots()
  assert kinds(v.answer(fetch, snapshot(30))) == ["reset", (30, 31)]


def test_a_book_lives_through_a_change_of_connections(venue):
  v = synced(venue)
  v.open(2, overlap=True)
  assert kinds(v.say(STREAM, diff(13, 14), on=2)) == [(12, 14)]
  assert v.say(STREAM, diff(13, 14), on=1) == []
  v.close(1)
  assert kinds(v.say(STREAM, diff(15, 15), on=2)) == [(14, 15)]
  assert v.snapshots() == []


def test_repairs_slow_down_while_they_do_not_help(venue):
  v = synced(venue)
  asked = []
  number = 100
  for second in range(300):
    number += 10
    v.say(STREAM, diff(number, number))
    v.later(1)
    for fetch in v.snapshots():
      asked.append(second)
      v.answer(fetch, snapshot(number))
  assert 8 <= len(asked) <= 14
  assert asked[-1] - asked[-2] >= 59


def test_a_book_that_held_is_repaired_at_once(venue):
  v = synced(venue)
  v.later(61)
  v.say(STREAM, diff(15, 16))
  assert len(v.snapshots()) == 1


def deep(last, price):
  """A full snapshot around a price, a level each 0.1."""
  bids = [[f"{price - i / 10:.1f}", "1"] for i in range(1, 1001)]
  asks = [[f"{price + i / 10:.1f}", "1"] for i in range(1, 1001)]
  return snapshot(last, bids, asks)


def test_a_book_looks_further_before_the_market_reaches_its_edge(venue):
  v = venue(SPOT)
  v.say(STREAM, diff(9, 12, bids=[["999.9", "1"]]))
  v.answer(v.snapshots()[0], deep(10, 1000.0))
  v.later(70)
  assert v.snapshots() == []
  # The market falls through 60 of the 100 that are known.
  gone = [[f"{1000.0 - i / 10:.1f}", "0"] for i in range(1, 600)]
  assert kinds(v.say(STREAM, diff(13, 20, bids=gone, asks=[["940.5", "3"]]))) == [(12, 20)]
  v.later(1)
  (fetch,) = v.snapshots()
  assert kinds(v.say(STREAM, diff(21, 22))) == [(20, 22)]
  # REST is ahead of the stream, so what it tells has to wait for its place.
  assert v.answer(fetch, deep(25, 940.0)) == []
  assert kinds(v.say(STREAM, diff(23, 24))) == [(22, 24)]
  events = v.say(STREAM, diff(25, 26, asks=[["941.0", "5"]]))
  assert kinds(events) == [(24, 26)]
  (event,) = events
  further = [(round(900.0 - i / 10, 1), 1.0) for i in range(1, 601)]
  # The level at 940.0 is gone at the venue, so it goes here.
  assert event.bids == [(940.0, 0.0), *further, (99.5, 26.0)]
  assert event.asks[:3] == [(940.1, 1.0), (940.2, 1.0), (940.3, 1.0)]
  assert (940.5, 1.0) in event.asks
  assert (941.0, 5.0) in event.asks
  assert len({price for price, _ in event.asks}) == len(event.asks)
  assert kinds(v.say(STREAM, diff(27, 28))) == [(26, 28)]
  v.later(120)
  assert v.snapshots() == []


def test_looking_further_never_goes_back(venue):
  v = venue(SPOT)
  v.say(STREAM, diff(9, 12, bids=[["999.9", "1"]]))
  v.answer(v.snapshots()[0], deep(10, 1000.0))
  v.later(70)
  gone = [[f"{1000.0 - i / 10:.1f}", "0"] for i in range(1, 600)]
  v.say(STREAM, diff(13, 20, bids=gone))
  v.later(1)
  (fetch,) = v.snapshots()
  # REST lags behind the stream.
  assert v.answer(fetch, deep(15, 950.0)) == []
  assert kinds(v.say(STREAM, diff(21, 22))) == [(20, 22)]
  v.later(15)
  (again,) = v.snapshots()
  # A refusal does no harm to a book that is right.
  assert v.answer(again, b"", 451) == []
  assert v.take(Reject) == []
  assert kinds(v.say(STREAM, diff(23, 24))) == [(22, 24)]


def test_a_symbol_that_is_none_ends_its_book(venue):
  v = venue(SPOT)
  v.say(STREAM, diff(9, 12))
  v.answer(v.snapshots()[0], {"code": -1121, "msg": "Invalid symbol."}, status=400)
  (reject,) = v.take(Reject)
  assert reject.subscription.instrument.symbol == "BTC/USDT"


@pytest.mark.parametrize(("status", "body"), [(400, b"{}"), (200, b"{}"), (200, b"\xff")])
def test_an_answer_that_is_no_snapshot_is_asked_for_again_and_readers_know(venue, status, body):
  v = venue(SPOT)
  v.say(STREAM, diff(9, 12))
  for _ in range(20):
    (fetch,) = v.snapshots()
    assert v.answer(fetch, body, status) == []
    v.later(61)
  assert v.take(Reject) == []
  assert len(v.take(Notice)) == 20
  v.say(STREAM, diff(13, 14))
  assert kinds(v.answer(v.snapshots()[0], snapshot(12))) != []
  assert [notice.reason for notice in v.take(Notice)] == [None]


def test_an_answer_for_a_book_that_nobody_reads_any_more_is_nothing(venue):
  v = venue(SPOT)
  v.say(STREAM, diff(9, 12))
  (fetch,) = v.snapshots()
  v.feed.on_change(1, [], SPOT.subscriptions(), v.now)
  assert v.answer(fetch, snapshot(10)) == []


def test_other_books_go_on_while_one_is_repaired(venue):
  v = venue(config.Books(symbols=["BTC/USDT", "ETH/USDT"]))
  for stream in (STREAM, "ethusdt@depth@100ms"):
    v.say(stream, diff(9, 12))
    v.answer(v.snapshots()[0], snapshot(10))
  v.say(STREAM, diff(50, 51))
  (event,) = v.say("ethusdt@depth@100ms", diff(13, 14))
  assert isinstance(event, OrderBook)
  assert event.symbol == "ETH/USDT"
  assert not [a for a in v.other if isinstance(a, Fetch) and "ETHUSDT&" in a.url]
