"""One file of a log: the numbers and times that it holds, and how they are read from it again."""

import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bond_filelog.disk import Disk, Reading
from bond_filelog.index import NEVER, Index, unpacked
from bond_filelog.record import EVENTS, FINISHED, SEALED, Found, framed, record_at, walk

logger = logging.getLogger("bond.log")

SUFFIX: Final = ".log"

# What a seal says beside the index: last number, when the first and the last record were appended
# and the latest time of all, and at the very end of the file, where the seal itself begins.
_SEAL: Final = struct.Struct("<Qqqq")
_PLACE: Final = struct.Struct("<Q")


class Segment:
  """What readers need to know of a file: `first` to `last` are its numbers, `size` is where its
  records end, `stored` what it takes on the disk.

  One thread adds to it while another reads: what is added is complete before it can be found.
  """

  __slots__ = (
    *(
      "first",
      "first_ts",
      "index",
      "last",
      "last_ts",
      "max_ts",
      "path",
      "reported",
      "size",
      "stored",
    ),
  )

  def __init__(self, path: Path, first: int) -> None:
    self.path = path
    self.first = first
    self.last = first - 1
    self.first_ts = self.last_ts = 0
    self.max_ts = NEVER
    self.size = self.stored = 0
    self.index = Index()
    self.reported: set[int] = set()

  @property
  def empty(self) -> bool:
    """Whether it holds no record."""
    return not self.index.firsts

  def add(self, first: int, last: int, ts_ms: int, offset: int, stop: int) -> None:
    """Takes note of a record that is stored."""
    if self.empty:
      self.first, self.first_ts = first, ts_ms
    self.size = self.stored = stop
    self.last = max(self.last, last)
    self.last_ts = ts_ms
    before = self.max_ts
    self.max_ts = max(before, ts_ms)
    self.index.add(first, offset, before)

  def sealed(self, epoch: bytes) -> bytes:
    """The mark that goes behind the last record, so that they need not all be read again."""
    summary = _SEAL.pack(self.last, self.first_ts, self.last_ts, self.max_ts)
    payload = summary + self.index.packed() + _PLACE.pack(self.size)
    return framed(SEALED, epoch, self.last + 1, self.last, self.last_ts, payload)


class Loaded(NamedTuple):
  """A segment as it was found. `finished` is the last number that was given, where a mark at the
  very end says that the log was ended in order."""

  segment: Segment
  epoch: bytes | None
  sealed: bool = False
  finished: int | None = None


def path_of(folder: Path, first: int) -> Path:
  """Where the segment stands that begins with a number."""
  return folder / f"{first:020}{SUFFIX}"


def load(disk: Disk, path: Path, epoch: bytes | None) -> Loaded:
  """What a file holds of an epoch, None for the epoch that it has."""
  with Reading(disk, path) as file:
    end = file.size
    seal = _seal(file, end, epoch)
    if seal is not None:
      return _from_seal(path, end, seal)
    segment = Segment(path, int(path.name.removesuffix(SUFFIX)))
    finished = None
    for found in walk(file.at, 0, end, epoch):
      epoch = found.epoch
      finished = None
      if found.kind == EVENTS:
        segment.add(found.first, found.last, found.ts_ms, found.offset, found.stop)
      elif found.kind == FINISHED and found.stop == end:
        finished = found.last
    segment.stored = end
    return Loaded(segment, epoch, finished=finished)


def records(file: Reading, segment: Segment, offset: int, epoch: bytes) -> Iterator[Found]:
  """The records of a segment from an offset on; what is damaged is logged once and left out."""
  position, end = offset, segment.size
  for found in walk(file.at, offset, end, epoch):
    if found.offset != position:
      _report_damage(segment, position, found.offset)
    position = found.stop
    if found.kind == EVENTS:
      yield found
  if position < end:
    _report_damage(segment, position, end)


def _report_damage(segment: Segment, start: int, stop: int) -> None:
  if start not in segment.reported:
    segment.reported.add(start)
    message = "%s is damaged from byte %d to %d; the events that stood there are lost"
    logger.error(message, segment.path, start, stop)


def _seal(file: Reading, end: int, epoch: bytes | None) -> Found | None:
  if end < _PLACE.size:
    return None
  (offset,) = _PLACE.unpack(file.at(end - _PLACE.size, _PLACE.size))
  found = record_at(file.at, offset, end, epoch) if offset < end else None
  return found if found is not None and found.kind == SEALED and found.stop == end else None


def _from_seal(path: Path, end: int, seal: Found) -> Loaded:
  index = unpacked(seal.payload[_SEAL.size : -_PLACE.size])
  segment = Segment(path, index.firsts[0])
  segment.index = index
  segment.last, segment.first_ts, segment.last_ts, segment.max_ts = _SEAL.unpack_from(seal.payload)
  segment.size, segment.stored = seal.offset, end
  return Loaded(segment, seal.epoch, sealed=True)
