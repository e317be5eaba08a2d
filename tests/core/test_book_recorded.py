"""Books on recorded streams: equal to an independent reconstruction at each update, and to what the
venue's own checksum says."""

import gzip
import json
import os
from pathlib import Path

import pytest
from bond_venuekit import (
  BookSync,
  Ids,
  Update,
  contiguous,
  digits_crc32,
  interleaved_crc32,
  linked_ranges,
)

from bond_core._books.book import Book
from bond_core._instruments import Instrument

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BOND_SHARED", ROOT.parent / "shared")) / "data"


def recorded(name):
  path = DATA / name
  if not path.exists():
    pytest.skip(f"{path.name} is not beside the project; set BOND_SHARED to where it is")
  return gzip.open(path, "rb")


def numbers(rows):
  return [(float(row[0]), float(row[1])) for row in rows]


def follow(side, levels):
  for price, size in levels:
    if size:
      side[price] = size
    else:
      side.pop(price, None)


def depth_frames(name):
  """(receive time in ms, parsed frame) of the depth stream and the snapshot within it."""
  with recorded(name) as lines:
    for line in lines:
      received, _, frame = line.partition(b" ")
      if b"depth@" in frame[:60] or b"lastUpdateId" in frame[:60]:
        body = json.loads(frame)
        yield int(received) // 1_000_000, body.get("data", body)


def reconstructed(name):
  """(last update id, bids, asks, prices touched) after each event, by the venue's recipe word
  for word: buffer, drop what the snapshot holds, demand that the first event spans it and each
  other one follows."""
  buffered, bids, asks, last, fresh = [], None, None, None, True
  for _, frame in depth_frames(name):
    if "lastUpdateId" in frame:
      last = frame["lastUpdateId"]
      bids, asks = dict(numbers(frame["bids"])), dict(numbers(frame["asks"]))
      yield last, bids, asks, [*bids, *asks]
    else:
      buffered.append(frame)
    if last is None:
      continue
    for event in buffered:
      futures = "pu" in event
      if fresh:
        if event["u"] < last if futures else event["u"] <= last:
          continue
        assert event["U"] <= last + (not futures)
        assert event["u"] >= last + (not futures)
      else:
        assert event["pu"] == last if futures else event["U"] == last + 1
      fresh, last = False, event["u"]
      changed_bids, changed_asks = numbers(event["b"]), numbers(event["a"])
      follow(bids, changed_bids)
      follow(asks, changed_asks)
      yield last, bids, asks, [price for price, _ in changed_bids + changed_asks]
    buffered = []


@pytest.mark.parametrize(
  ("name", "market_type", "rule", "updates"),
  [
    ("binance-2024/spot_btcusdt_20240808.gz", "spot", contiguous, 3450),
    ("binance-2024/usdm_btcusdt_20240808.gz", "perp", linked_ranges, 6548),
  ],
)
def test_binance_equals_an_independent_reconstruction_at_each_update(
  name, market_type, rule, updates
):
  sync = BookSync(Instrument("binance", market_type, "BTC/USDT"), rule)
  reference = reconstructed(name)
  reader_bids, reader_asks = {}, {}
  sequence, count = None, 0

  def check(event):
    nonlocal sequence, count
    number, bids, asks, touched = next(reference)
    assert event.sequence == number
    assert event.prev_sequence == sequence
    sequence = number
    follow(reader_bids, event.bids)
    follow(reader_asks, event.asks)
    for side, ours, theirs in ((event.bids, reader_bids, bids), (event.asks, reader_asks, asks)):
      # All that either of them changed is equal, and so is the number of what neither did.
      prices = {*touched, *(price for price, _ in side)}
      assert [ours.get(price) for price in prices] == [theirs.get(price) for price in prices]
      assert len(ours) == len(theirs)
    if count % 25 == 0:
      assert reader_bids == bids
      assert reader_asks == asks
    count += 1

  for received, frame in depth_frames(name):
    if "lastUpdateId" in frame:
      events = sync.on_snapshot(
        Update(
          bids=numbers(frame["bids"]),
          asks=numbers(frame["asks"]),
          ids=Ids(frame["lastUpdateId"]),
          ts_event=received,
        )
      )
    else:
      ids = Ids(frame["u"], frame["U"], frame.get("pu"))
      events = sync.on_delta(
        Update(bids=numbers(frame["b"]), asks=numbers(frame["a"]), ids=ids, ts_event=received)
      )
    for event in events:
      check(event)
    if events and len(events) == 1 and count % 50 == 0:
      bids, asks = sync.book.levels()
      assert bids == sorted(reader_bids.items(), reverse=True)
      assert asks == sorted(reader_asks.items())
  assert next(reference, None) is None
  assert (count, sync.resyncs, sync.needs_snapshot) == (updates, 0, False)
  bids, asks = sync.book.levels()
  assert dict(bids) == reader_bids
  assert dict(asks) == reader_asks


def okx_books():
  """(instrument, action, data) of each books message."""
  with recorded("captures/OKX.ws.1.0.gz") as lines:
    for line in lines:
      _, found, frame = line.partition(b": ")
      if found and b'"channel":"books"' in frame and b'"action"' in frame:
        body = json.loads(frame)
        yield body["arg"]["instId"], body["action"], body["data"][0]


def okx_update(data):
  return Update(
    bids=numbers(data["bids"]),
    asks=numbers(data["asks"]),
    checksum=data["checksum"],
    ts_event=int(data["ts"]),
    bid_texts=data["bids"],
    ask_texts=data["asks"],
  )


def okx_sync(name):
  return BookSync(Instrument("okx", None, name), None, Book(checksum=interleaved_crc32()))


def test_okx_checksums_all_verify():
  syncs, counts = {}, {"snapshot": 0, "update": 0}
  for name, action, data in okx_books():
    sync = syncs.setdefault(name, okx_sync(name))
    if action == "snapshot":
      events = sync.on_snapshot(okx_update(data), in_stream=True)
    else:
      events = sync.on_delta(okx_update(data))
    assert len(events) == 1
    assert sync.book.checksum() == data["checksum"]
    counts[action] += 1
  assert counts == {"snapshot": 3, "update": 287}
  assert all(sync.resyncs == 0 for sync in syncs.values())


def flipped(text):
  """The text with its last digit changed."""
  return text[:-1] + str((int(text[-1]) + 1) % 10)


@pytest.mark.parametrize("column", [0, 1], ids=["price", "size"])
def test_a_flipped_digit_near_the_top_of_okxs_book_is_found(column):
  """Each seventh message in turn has a digit of one changed level flipped."""
  history = {}
  tried = 0
  for name, action, data in okx_books():
    history.setdefault(name, []).append(data)
    if action == "snapshot" or len(history[name]) % 7:
      continue
    sync = okx_sync(name)
    first, *rest, last = history[name]
    sync.on_snapshot(okx_update(first), in_stream=True)
    for before in rest:
      sync.on_delta(okx_update(before))
    whole = okx_sync(name)
    whole.on_snapshot(okx_update(first), in_stream=True)
    for unchanged in (*rest, last):
      whole.on_delta(okx_update(unchanged))
    bids, asks = whole.book.top(25)
    near = {price for price, _ in bids + asks}
    for side in ("bids", "asks"):
      hits = [i for i, row in enumerate(last[side]) if float(row[0]) in near and float(row[1])]
      if not hits:
        continue
      rows = [list(row) for row in last[side]]
      rows[hits[0]][column] = flipped(rows[hits[0]][column])
      assert sync.on_delta(okx_update({**last, side: rows})) == []
      need = sync.take_need()
      assert need is not None
      assert need.gap
      assert sync.needs_snapshot
      assert "checksum" in need.reason or "crossed" in need.reason
      tried += 1
      break
  assert tried > 20


def test_kraken_checksums_all_verify():
  syncs, verified = {}, 0
  with recorded("captures/KRAKEN.ws.50.0.gz") as lines:
    for line in lines:
      _, found, frame = line.partition(b": ")
      if not found or b'"book-1000"' not in frame or not frame.startswith(b"["):
        continue
      _, *parts, _, pair = json.loads(frame)
      fields = {name: value for part in parts for name, value in part.items()}
      if "as" in fields:
        book = Book(max_levels=1000, checksum=digits_crc32())
        syncs[pair] = BookSync(Instrument("kraken", "spot", pair), None, book)
      # The venue numbers nothing; the checksum alone proves the chain.
      bids, asks = (
        fields.get("bs") or fields.get("b", []),
        fields.get("as") or fields.get("a", []),
      )
      update = Update(
        bids=numbers(bids),
        asks=numbers(asks),
        checksum=int(fields["c"]) if "c" in fields else None,
        bid_texts=bids,
        ask_texts=asks,
      )
      sync = syncs[pair]
      if "as" in fields:
        assert len(sync.on_snapshot(update, in_stream=True)) == 1
      else:
        assert len(sync.on_delta(update)) == 1, sync.take_need()
        verified += 1

  assert (len(syncs), verified) == (10, 4269)
