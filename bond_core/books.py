"""Order books, without I/O: copies that are proven right, views of them, many venues as one."""

from bond_core._books.book import MAX_LEVELS, Book, Checksum
from bond_core._books.checksum import digits_crc32, interleaved_crc32
from bond_core._books.consolidated import MAX_AGE_MS, ConsolidatedBook
from bond_core._books.replica import BookKey, ReplicaBook, concerns, may_concern
from bond_core._books.sequence import (
  Ids,
  SequenceRule,
  Verdict,
  contiguous,
  linked_ranges,
  previous_id,
)
from bond_core._books.skew import Skew
from bond_core._books.sync import BookSync, Need, Update
from bond_core._books.throttle import NEVER, Throttle
from bond_core._books.view import BookView

__all__ = [
  "MAX_AGE_MS",
  "MAX_LEVELS",
  "NEVER",
  "Book",
  "BookKey",
  "BookSync",
  "BookView",
  "Checksum",
  "ConsolidatedBook",
  "Ids",
  "Need",
  "ReplicaBook",
  "SequenceRule",
  "Skew",
  "Throttle",
  "Update",
  "Verdict",
  "concerns",
  "contiguous",
  "digits_crc32",
  "interleaved_crc32",
  "linked_ranges",
  "may_concern",
  "previous_id",
]
