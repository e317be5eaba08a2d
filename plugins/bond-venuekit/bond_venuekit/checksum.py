"""Checksums that venues send with their books, as plug-in functions for a Book that keeps texts."""

from collections.abc import Sequence
from itertools import chain
from zlib import crc32

from bond_core.books import Book, Checksum


def interleaved_crc32(depth: int = 25) -> Checksum:
  """The signed CRC32 of "bid:size:ask:size:bid:…" over the best `depth` levels; where one side is
  shorter, the rest of the other follows.

  Sources: OKX "WS / Order book channel", section "Checksum"; Bitget "Depth Channel" has the same.
  """

  def compute(book: Book) -> int:
    bids, asks = book.texts(depth)
    both = min(len(bids), len(asks))
    texts = [""] * (2 * both)
    texts[::2] = bids[:both]
    texts[1::2] = asks[:both]
    texts += bids[both:]
    texts += asks[both:]
    unsigned = crc32(":".join(texts).encode())
    return unsigned - 0x1_0000_0000 if unsigned & 0x8000_0000 else unsigned

  return Checksum(compute, _price_and_size)


def digits_crc32(depth: int = 10) -> Checksum:
  """The unsigned CRC32 over the digits of the best `depth` asks, then bids: each price and size
  without its point and leading zeros.

  Sources: Kraken "Book checksum (WebSocket v1)" and "(v2)". The venue's copy is cut to the
  subscribed depth after each message, so the book's `max_levels` must be that depth.
  """

  def compute(book: Book) -> int:
    bids, asks = book.texts(depth)
    return crc32("".join(chain(asks, bids)).encode())

  return Checksum(compute, _digits)


def _price_and_size(row: Sequence[str]) -> str:
  return f"{row[0]}:{row[1]}"


def _digits(row: Sequence[str]) -> str:
  return row[0].replace(".", "").lstrip("0") + row[1].replace(".", "").lstrip("0")
