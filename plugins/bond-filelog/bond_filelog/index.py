"""A sparse index of one segment: where to begin reading for a number or a time."""

import struct
from array import array
from bisect import bisect_left, bisect_right
from typing import Final

EVERY: Final = 64 * 1024
"""So many bytes of a segment stand between two marks, about."""

NEVER: Final = -(1 << 63)
"""Earlier than every time."""

_MARK: Final = struct.Struct("<QQq")


class Index:
  """Marks at some records: number of the first event, offset, and the latest time that the records
  before it in this segment were appended at.

  The clock may be set back, so times are no order; the latest time so far is one.
  """

  __slots__ = ("before", "firsts", "offsets")

  def __init__(self) -> None:
    self.firsts = array("Q")
    self.offsets = array("Q")
    self.before = array("q")

  def add(self, first: int, offset: int, before: int) -> None:
    """Takes note of a record; marks it where the last mark is far enough away."""
    if self.firsts and offset - self.offsets[-1] < EVERY:
      return
    # Readers on another thread look at firsts or before, and then at offsets.
    self.offsets.append(offset)
    self.firsts.append(first)
    self.before.append(before)

  def offset_of(self, number: int) -> int:
    """Where to begin reading for the record that holds a number or comes after it."""
    return self.offsets[max(0, bisect_right(self.firsts, number) - 1)]

  def offset_at(self, time_ms: int) -> int:
    """Where to begin reading for the first record appended at or after a time."""
    return self.offsets[max(0, bisect_left(self.before, time_ms) - 1)]

  def packed(self) -> bytes:
    """The marks as bytes."""
    marks = zip(self.firsts, self.offsets, self.before, strict=True)
    return b"".join([_MARK.pack(*mark) for mark in marks])


def unpacked(data: bytes) -> Index:
  """The index that these bytes describe."""
  index = Index()
  for first, offset, before in _MARK.iter_unpack(data):
    index.firsts.append(first)
    index.offsets.append(offset)
    index.before.append(before)
  return index
