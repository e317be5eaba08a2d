"""Book: its levels always equal those of a dictionary that is sorted at every comparison."""

from zlib import crc32

import pytest
from bond_venuekit import digits_crc32, interleaved_crc32
from hypothesis import given, strategies as st

from bond_core._books.book import Book, Checksum

prices = st.integers(1, 30).map(lambda tick: tick / 4)
sizes = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.25])
levels = st.lists(st.tuples(prices, sizes), max_size=12)
deltas = st.lists(st.tuples(levels, levels), max_size=12)


class Naive:
  """A book as one would write it without a thought for speed."""

  def __init__(self):
    self.bids, self.asks = {}, {}

  def apply(self, bids, asks):
    for side, given_levels in ((self.bids, bids), (self.asks, asks)):
      for price, size in given_levels:
        side[price] = size
        if size == 0:
          del side[price]

  def levels(self):
    return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())

  def trim(self, count):
    bids, asks = self.levels()
    self.bids, self.asks = dict(bids[:count]), dict(asks[:count])


@given(levels, levels, deltas, st.integers(0, 25))
def test_equals_a_naive_book_after_every_delta(bids, asks, changes, depth):
  book, naive = Book(), Naive()
  book.snapshot(bids, asks)
  naive.apply(bids, asks)
  for change in [([], []), *changes]:
    assert book.apply(*change) == ([], [])
    naive.apply(*change)
    all_bids, all_asks = naive.levels()
    assert book.levels() == (all_bids, all_asks)
    assert book.top(depth) == (all_bids[:depth], all_asks[:depth])
    assert book.best_bid == (all_bids[0] if all_bids else None)
    assert book.best_ask == (all_asks[0] if all_asks else None)
    assert book.size == (len(all_bids), len(all_asks))
    assert book.crossed == bool(all_bids and all_asks and all_bids[0][0] >= all_asks[0][0])


@given(deltas, deltas)
def test_a_snapshot_forgets_what_was_before(before, after):
  book, naive = Book(), Naive()
  for change in before:
    book.apply(*change)
  book.snapshot([(1.0, 1.0)], [(2.0, 1.0)])
  naive.apply([(1.0, 1.0)], [(2.0, 1.0)])
  for change in after:
    book.apply(*change)
    naive.apply(*change)
  assert book.levels() == naive.levels()


@given(deltas, st.integers(1, 5))
def test_a_full_side_drops_its_worst_levels_and_says_which(changes, bound):
  book, naive, reader = Book(max_levels=bound), Naive(), Naive()
  dropped = 0
  for bids, asks in changes:
    removed_bids, removed_asks = book.apply(bids, asks)
    naive.apply(bids, asks)
    dropped += sum(max(0, len(side) - bound) for side in (naive.bids, naive.asks))
    naive.trim(bound)
    assert book.levels() == naive.levels()
    # A reader that applies the delta and then the removals has the same book without knowing the
    # bound.
    reader.apply(bids + removed_bids, asks + removed_asks)
    assert reader.levels() == naive.levels()
  assert book.dropped == dropped


@given(levels, levels, deltas)
def test_texts_are_those_of_the_last_rows(bids, asks, changes):
  checksum = Checksum(lambda book: 0, text=lambda row: " at ".join(row))
  book, naive = Book(checksum=checksum, max_levels=6), Naive()

  def rows(given_levels, turn):
    return [(f"{price}#{turn}", f"{size}") for price, size in given_levels]

  written = ({}, {})
  for turn, (new_bids, new_asks) in enumerate([(bids, asks), *changes]):
    texts = rows(new_bids, turn), rows(new_asks, turn)
    (book.snapshot if turn == 0 else book.apply)(new_bids, new_asks, *texts)
    naive.apply(new_bids, new_asks)
    naive.trim(6)
    for side, side_levels, side_rows in zip(written, (new_bids, new_asks), texts, strict=True):
      for (price, _), row in zip(side_levels, side_rows, strict=True):
        side[price] = " at ".join(row)
    assert book.levels() == naive.levels()
    for side in (book._bids, book._asks):
      assert side.texts.keys() == side.levels.keys(), "texts of levels that are gone are kept"
    assert book.texts(20) == tuple(
      [side[price] for price, _ in kept] for side, kept in zip(written, naive.levels(), strict=True)
    )


@pytest.mark.parametrize(
  "level",
  [
    (float("nan"), 1.0),
    (float("inf"), 1.0),
    (float("-inf"), 0.0),
    (float("nan"), 0.0),
    (1.0, float("nan")),
    (1.0, float("inf")),
    (1.0, -1.0),
  ],
)
@pytest.mark.parametrize("start", [[], [(1.0, 1.0)]], ids=["empty", "filled"])
@pytest.mark.parametrize("checksum", [None, interleaved_crc32()], ids=["plain", "texts"])
def test_what_is_no_price_or_size_is_refused(level, start, checksum):
  book = Book(checksum=checksum)
  book.snapshot(start, [], [("1", "1")] * len(start), [])
  with pytest.raises(ValueError, match="is not a price and a size"):
    book.apply([level], [], [("x", "y")], [])


def test_a_book_that_verifies_text_wants_text():
  book = Book(checksum=interleaved_crc32())
  with pytest.raises(ValueError, match="give the venue's row with each level"):
    book.apply([(1.0, 1.0)], [])
  with pytest.raises(ValueError, match="shorter"):
    book.apply([(1.0, 1.0)], [], [], [])


def test_a_book_needs_a_level():
  with pytest.raises(ValueError, match="at least one level"):
    Book(max_levels=0)


def test_a_book_without_a_checksum_has_none():
  assert Book().checksum() is None
  assert not Book().verifiable


def test_interleaved_checksum_goes_on_with_the_longer_side():
  book = Book(checksum=interleaved_crc32(depth=3))
  bids = [("9.90", "1.0"), ("9.80", "2")]
  asks = [("10.0", "3"), ("10.10", "4.50"), ("10.2", "5"), ("10.3", "6")]
  book.snapshot(
    [(float(p), float(s)) for p, s in bids], [(float(p), float(s)) for p, s in asks], bids, asks
  )
  unsigned = crc32(b"9.90:1.0:10.0:3:9.80:2:10.10:4.50:10.2:5")
  assert book.checksum() == (unsigned if unsigned < 2**31 else unsigned - 2**32)
  book.snapshot([(9.9, 1.0)], [], bids[:1], [])
  assert book.checksum() in (crc32(b"9.90:1.0"), crc32(b"9.90:1.0") - 2**32)
  assert -(2**31) <= book.checksum() < 2**31


def test_digits_checksum_is_that_of_the_venues_example():
  # The numbers of Kraken's "Book checksum (WebSocket v1)".
  asks = [(f"{0.05005 + i * 0.00005:.5f}", "0.00000500") for i in range(11)]
  bids = [(f"{0.05 - i * 0.00005:.5f}", "0.00000500") for i in range(12) if i != 3]
  book = Book(checksum=digits_crc32(), max_levels=10)
  book.snapshot(
    [(float(p), float(s)) for p, s in bids], [(float(p), float(s)) for p, s in asks], bids, asks
  )
  assert book.checksum() == 974947235
