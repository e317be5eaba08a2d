"""Views of recorded books show what a reader of the events has, and recorded books as one equal
merging them anew."""

import gzip
import json
import os
from heapq import nlargest, nsmallest
from pathlib import Path

import pytest
from bond_bookkit import BookView, ConsolidatedBook
from bond_venuekit import BookSync, Ids, Update, contiguous, linked_ranges

from bond_core import Instrument

DATA = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[4] / "shared")) / "data"
RECORDINGS = {
  "spot": ("binance-2024/spot_btcusdt_20240808.gz", contiguous),
  "perp": ("binance-2024/usdm_btcusdt_20240808.gz", linked_ranges),
}


def numbers(rows):
  return [(float(price), float(size)) for price, size in rows]


def book_events(market_type):
  """The events of a recorded book: a snapshot and the deltas that continue it."""
  name, rule = RECORDINGS[market_type]
  if not (DATA / name).exists():
    pytest.skip(f"{name} is not beside the project; set BOND_SHARED to where it is")
  sync = BookSync(Instrument("binance", market_type, "BTC/USDT"), rule)
  with gzip.open(DATA / name, "rb") as lines:
    for line in lines:
      frame = line.partition(b" ")[2]
      if b"lastUpdateId" in frame[:60]:
        body = json.loads(frame)
        ids = Ids(body["lastUpdateId"])
        bids, asks = numbers(body["bids"]), numbers(body["asks"])
        yield from sync.on_snapshot(Update(bids=bids, asks=asks, ids=ids))
      elif b"depth@" in frame[:60]:
        body = json.loads(frame)["data"]
        ids = Ids(body["u"], body["U"], body.get("pu"))
        bids, asks = numbers(body["b"]), numbers(body["a"])
        yield from sync.on_delta(Update(bids=bids, asks=asks, ids=ids))
  assert sync.resyncs == 0


def follow(side, levels):
  for price, size in levels:
    if size:
      side[price] = size
    else:
      side.pop(price, None)


@pytest.mark.parametrize(("market_type", "updates"), [("spot", 3450), ("perp", 6548)])
def test_a_view_shows_each_update_of_a_recorded_book(market_type, updates):
  view = BookView(depth=20, speed_ms=0)
  bids, asks = {}, {}
  count = 0
  for event in book_events(market_type):
    follow(bids, event.bids)
    follow(asks, event.asks)
    (shown,) = view([event])
    assert shown.sequence == event.sequence
    assert all(bids[price] == size for price, size in shown.bids)
    assert all(asks[price] == size for price, size in shown.asks)
    if count % 25 == 0:
      assert [price for price, _ in shown.bids] == nlargest(20, bids)
      assert [price for price, _ in shown.asks] == nsmallest(20, asks)
    count += 1
  assert count == updates


def test_recorded_books_as_one_equal_merging_them_anew():
  """Spot and perpetual of the same hours, which is two venues whose prices interleave."""
  whole = ConsolidatedBook("BTC/USDT", max_age_ms=1_000_000)
  books = {name: ({}, {}) for name in RECORDINGS}
  events = {name: book_events(name) for name in RECORDINGS}
  checked = crossed = 0
  for turn in range(1_500):
    for name, book in books.items():
      event = next(events[name])
      follow(book[0], event.bids)
      follow(book[1], event.asks)
      assert whole.take(name, event, turn)
    if turn % 30 == 0:
      checked += 1
      view = whole.view(50, turn)
      for levels, side, pick in ((view.bids, 0, nlargest), (view.asks, 1, nsmallest)):
        prices = pick(50, {price for book in books.values() for price in book[side]})
        assert [level[0] for level in levels] == prices
        for price, size, shares in levels:
          assert shares == {
            name: book[side][price] for name, book in books.items() if price in book[side]
          }
          assert size == pytest.approx(sum(shares.values()))
      crossed += view.bbo.state == "crossed"
      assert (view.bbo.state == "open") is (view.bids[0][0] < view.asks[0][0])
  assert checked == 50
  # A naive merge of two products is crossed at times; that is why consolidate keeps them apart.
  assert crossed > 0
