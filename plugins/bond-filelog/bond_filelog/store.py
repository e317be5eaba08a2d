"""A log in a folder: segments of records, appended to at the end, dropped at the beginning.

Everything here waits for the disk and runs in worker threads (bond_filelog.engine). One
thread at a time appends; another one may read meanwhile. What was appended is published in an order
in which a reader never meets half of it, so there is no lock: a reader takes the tuple of segments
as it is, first a place in a segment and then the segment's size, and opens the file for itself.
"""

import contextlib
import secrets
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bond_core.logs import EngineError, Record
from bond_filelog.disk import Disk, Reading
from bond_filelog.payload import Packed, packed, unpacked
from bond_filelog.record import FINISHED, HEADER, framed
from bond_filelog.recovery import recovered
from bond_filelog.segment import Segment, path_of, records
from bond_filelog.tail import Tail, cut

# Whole segments are dropped, so a log holds up to 1/64 less than its size and reaches back up to
# 1/32 longer than its time. The last segment is read through when a log is opened, which is why
# it has a largest size too.
PARTS_OF_SIZE: Final = 64
PARTS_OF_TIME: Final = 32
SMALLEST: Final = 64 * 1024
LARGEST: Final = 16 * 1024 * 1024


class Store:
  """The log of one folder, open. `power` syncs before anything counts. Every call raises OSError
  where the disk fails; what counted before stays, and the next call tries again."""

  def __init__(
    self,
    folder: Path,
    *,
    keep_ms: int,
    size: int,
    power: bool = False,
    disk: Disk | None = None,
    segment_size: int | None = None,
  ) -> None:
    self.folder = folder
    self._keep_ms = keep_ms
    self._size = size
    self._segment_size = segment_size or min(LARGEST, max(SMALLEST, size // PARTS_OF_SIZE))
    self._power = power
    self._disk = disk or Disk()
    found = recovered(self._disk, folder)
    self.head = found.head
    self.finished = found.finished
    self._epoch = found.epoch or secrets.token_bytes(8)
    self._segments = found.segments
    self._resumable = found.resumable
    self._tail: Tail | None = None
    self._marked: Segment | None = None
    self._closed = False

  @property
  def epoch(self) -> str:
    """16 hex digits."""
    return self._epoch.hex()

  @property
  def oldest(self) -> int:
    """The number of the first event that is stored; head + 1 when there is none."""
    segments = self._segments
    return segments[0].first if segments else self.head + 1

  @property
  def last_ts_ms(self) -> int:
    """When the last record was appended (epoch ms), 0 when there is none."""
    segments = self._segments
    return segments[-1].last_ts if segments else 0

  @property
  def stored(self) -> int:
    """How many bytes the segments take."""
    return sum(segment.stored for segment in self._segments)

  # Writing ---------------------------------------------------------------------------------------

  def append(self, given: Sequence[Record]) -> None:
    """Stores records; numbers that are stored already are passed over."""
    self._expect_open()
    try:
      if self._tail is not None:
        self._tail.check()
      self._unmark()
      for record in given:
        fresh = record.since(self.head + 1)
        for part in packed(fresh.first, fresh.events):
          self._append(part, fresh.ts_ms)
      self._commit()
    except BaseException:
      self._give_up_tail()
      raise
    if given:
      # Also those that have no wire form were given a number.
      self.head = max(self.head, given[-1].last)

  def finish(self) -> None:
    """Marks the end of the log, on the disk when this returns."""
    self._expect_open()
    if self.head and self._marked is None:
      try:
        tail = self._tail_for(self.head + 1)
        tail.mark(framed(FINISHED, self._epoch, self.head + 1, self.head, self.last_ts_ms))
        tail.sync()
        self._disk.sync_folder(self.folder)
      except BaseException:
        self._give_up_tail()
        raise
      self._marked = tail.segment
    self.finished = True

  def close(self) -> None:
    """Closes the files."""
    self._closed = True
    tail, self._tail = self._tail, None
    if tail is not None:
      tail.close()

  def _expect_open(self) -> None:
    if self._closed:
      raise EngineError(f"the log in {self.folder} is closed")

  def _unmark(self) -> None:
    """Takes the mark of an orderly end off, on the disk when this returns: from here on numbers are
    given that a kill would lose."""
    if self._marked is not None:
      with contextlib.suppress(FileNotFoundError):
        cut(self._disk, self._marked.path, self._marked.size)
      self._marked.stored = self._marked.size
      self._marked = None
    self.finished = False

  def _append(self, part: Packed, ts_ms: int) -> None:
    length = HEADER.size + len(part.payload)
    tail = self._tail_for(part.first)
    began = tail.began
    if began is not None and (
      tail.position + length > self._segment_size or ts_ms - began > self._keep_ms // PARTS_OF_TIME
    ):
      self._commit()
      self._seal(tail)
      tail = self._tail_for(part.first)
    self._retire(tail.position - tail.segment.stored + length, ts_ms)
    tail.write(part, ts_ms)
    if not self._power:
      self._commit()

  def _commit(self) -> None:
    """What was written counts from here on."""
    tail = self._tail
    if tail is None or not tail.pending:
      return
    if self._power:
      tail.sync()
    tail.commit()
    segment = tail.segment
    if not self._segments or self._segments[-1] is not segment:
      self._segments = (*self._segments, segment)
    self.head = segment.last

  def _seal(self, tail: Tail) -> None:
    tail.mark(tail.segment.sealed(self._epoch))
    if self._power:
      tail.sync()
    self._tail = None
    tail.close()

  def _tail_for(self, first: int) -> Tail:
    """The segment to append to, a new one if need be."""
    if self._tail is None:
      segment, self._resumable = self._resumable, None
      if segment is not None:
        file = self._disk.open(segment.path, write=True)
      else:
        segment = Segment(path_of(self.folder, first), first)
        file = self._disk.create(segment.path)
      self._tail = Tail(self._disk, file, segment, self._epoch)
      if self._power and segment.empty:
        self._disk.sync_folder(self.folder)
    return self._tail

  def _give_up_tail(self) -> None:
    """After a failure it is unknown what the file holds beyond what counts, and what the system
    still keeps of it in memory: the next record begins a new segment."""
    tail, self._tail = self._tail, None
    if tail is None:
      return
    tail.give_up()
    tail.segment.stored = tail.segment.size
    if tail.segment.empty:
      with contextlib.suppress(OSError):
        self._disk.remove(tail.segment.path)

  def _retire(self, coming: int, now_ms: int) -> None:
    """Drops the oldest segments that are too old, or too much together with what comes."""
    segments = self._segments
    total = self.stored + coming
    drop = 0
    while drop < len(segments) - 1 and (
      total > self._size or segments[drop].max_ts < now_ms - self._keep_ms
    ):
      total -= segments[drop].stored
      drop += 1
    for segment in segments[:drop]:
      with contextlib.suppress(FileNotFoundError):
        self._disk.remove(segment.path)
      self._segments = self._segments[1:]

  # Reading ---------------------------------------------------------------------------------------

  def read(self, first: int, limit: int) -> list[Record]:
    """The records from a number on with about `limit` events, what is damaged left out."""
    segments = self._segments
    begin = max(0, bisect_right(segments, first, key=lambda segment: segment.first) - 1)
    found: list[Record] = []
    for segment in segments[begin:]:
      if limit > 0 and segment.last >= first:
        with contextlib.suppress(FileNotFoundError):  # dropped just now
          part = self._read_segment(segment, first, limit)
          found += part
          limit -= sum(len(record.events) for record in part)
          first = found[-1].last + 1 if found else first
    return found

  def _read_segment(self, segment: Segment, first: int, limit: int) -> list[Record]:
    found: list[Record] = []
    with Reading(self._disk, segment.path) as file:
      for entry in records(file, segment, segment.index.offset_of(first), self._epoch):
        if entry.last < first:
          continue
        for record in unpacked(entry.first, entry.ts_ms, entry.payload):
          if record.last >= first:
            found.append(record.since(first))
            first = record.last + 1
            limit -= len(found[-1].events)
        if limit <= 0:
          break
    return found

  def find(self, time_ms: int) -> int:
    """The number of the first event of the first record appended at or after a time."""
    for segment in self._segments:
      if segment.max_ts < time_ms:
        continue
      with contextlib.suppress(FileNotFoundError), Reading(self._disk, segment.path) as file:
        offset = segment.index.offset_at(time_ms)
        for entry in records(file, segment, offset, self._epoch):
          if entry.ts_ms >= time_ms:
            return entry.first
    return self.head + 1
