"""Order books, without I/O: a venue's updates joined to a book that is proven right."""

from bond_core._books.book import MAX_LEVELS, Book, Checksum
from bond_core._books.checksum import digits_crc32, interleaved_crc32
from bond_core._books.sequence import (
  Ids,
  SequenceRule,
  Verdict,
  contiguous,
  linked_ranges,
  previous_id,
)
from bond_core._books.sync import BookSync, Need, Update

__all__ = [
  "MAX_LEVELS",
  "Book",
  "BookSync",
  "Checksum",
  "Ids",
  "Need",
  "SequenceRule",
  "Update",
  "Verdict",
  "contiguous",
  "digits_crc32",
  "interleaved_crc32",
  "linked_ranges",
  "previous_id",
]
