"""The segment at the end of a log, which records are appended to."""

import contextlib
import errno
import os
from pathlib import Path

from bond_filelog.disk import Disk
from bond_filelog.payload import Packed
from bond_filelog.record import EVENTS, framed
from bond_filelog.segment import Segment


class Tail:
  """An open segment. What is written counts once it is committed."""

  def __init__(self, disk: Disk, file: int, segment: Segment, epoch: bytes) -> None:
    self.segment = segment
    self.position = segment.size
    self._disk = disk
    self._file = file
    self._epoch = epoch
    self._pending: list[tuple[int, int, int, int, int]] = []

  @property
  def began(self) -> int | None:
    """When its first record was appended (epoch ms), None where there is none."""
    if not self.segment.empty:
      return self.segment.first_ts
    return self._pending[0][2] if self._pending else None

  @property
  def pending(self) -> bool:
    """Whether records were written that do not count yet."""
    return bool(self._pending)

  def check(self) -> None:
    """Raises FileNotFoundError where the file has lost its name: what is written to it would be
    gone when it is closed."""
    if not self._disk.has(self.segment.path, self._file):
      raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

  def write(self, part: Packed, ts_ms: int) -> None:
    """Appends a record."""
    offset = self.position
    self._put(framed(EVENTS, self._epoch, part.first, part.last, ts_ms, part.payload))
    self._pending.append((part.first, part.last, ts_ms, offset, self.position))

  def sync(self) -> None:
    """Returns when what was written would survive a loss of power."""
    self._disk.sync(self._file)

  def commit(self) -> None:
    """Commits what was written: from here on it counts, and readers see it."""
    for record in self._pending:
      self.segment.add(*record)
    self._pending.clear()

  def mark(self, mark: bytes) -> None:
    """Puts a mark at the end. It is no part of what the segment holds: the next record takes its
    place."""
    self._put(mark)
    self.segment.stored = self.position
    self.position = self.segment.size

  def give_up(self) -> None:
    """Ends the segment after a failure, with what counts. Where the rest cannot be cut off, the log
    finds it when it is next opened: whole records are what was to be written and are welcome, all
    else is passed over."""
    self._pending.clear()
    with contextlib.suppress(OSError):
      self._disk.truncate(self._file, self.segment.size)
    with contextlib.suppress(OSError):
      self.close()

  def close(self) -> None:
    """Closes the file, once."""
    file, self._file = self._file, -1
    if file >= 0:
      self._disk.close(file)

  def _put(self, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
      taken = self._disk.write(self._file, rest, self.position)
      self.position += taken
      rest = rest[taken:]


def cut(disk: Disk, path: Path, size: int) -> None:
  """Takes off what a file holds beyond a size, on the disk when this returns."""
  file = disk.open(path, write=True)
  try:
    disk.truncate(file, size)
    disk.sync(file)
  finally:
    disk.close(file)
