"""A disk in memory: what was written, what the medium has, and what a loss of power leaves."""

import errno
import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path

from bond_filelog.disk import Disk

from tests.chaos.network import host

TORN = 0.5
"""Share of losses of power in which the first write that is lost is there in part."""
SHORT = 5
"""One change in so many is a write of which only the first half is taken."""


class SimulatedFile:
  """What the system shows of a file, what the medium has, and the changes between the two."""

  def __init__(self) -> None:
    self.data = bytearray()
    self.medium = bytearray()
    self.changes: list[tuple[int, bytes | None]] = []
    """Writes (offset, bytes) and cuts (size, None) that no sync has followed."""

  def change(self, offset: int, data: bytes | None) -> None:
    """Writes at an offset, or cuts there."""
    _apply(self.data, offset, data)
    self.changes.append((offset, data))

  def sync(self) -> None:
    """The medium has everything."""
    self.medium = bytearray(self.data)
    self.changes.clear()

  def lose_power(self, rng: random.Random) -> None:
    """Of the changes the first ones are there, and perhaps a part of the next."""
    kept = rng.randint(0, len(self.changes))
    data = bytearray(self.medium)
    for change in self.changes[:kept]:
      _apply(data, *change)
    if kept < len(self.changes) and rng.random() < TORN:
      offset, torn = self.changes[kept]
      if torn:
        _apply(data, offset, torn[: rng.randint(0, len(torn))])
    self.data, self.medium = data, bytearray(data)
    self.changes.clear()


def _apply(to: bytearray, offset: int, data: bytes | None) -> None:
  if data is None:
    del to[offset:]
    to.extend(bytes(max(0, offset - len(to))))
    return
  to.extend(bytes(max(0, offset - len(to))))
  to[offset : offset + len(data)] = data


class SimulatedDisk(Disk):
  """The disk of one machine. What a killed process still does has no effect. `trouble` is an error
  that every change meets at the moment, `full` says that nothing more can be written."""

  def __init__(self) -> None:
    self.full = False
    self.trouble: int | None = None
    self.calls = 0
    self._files: dict[Path, SimulatedFile] = {}
    self._named: dict[Path, SimulatedFile] = {}
    """The names that the medium has."""
    self._folders: set[Path] = {Path("/")}
    self._open: dict[int, SimulatedFile] = {}
    self._locks: dict[int, Path] = {}
    self._numbers = itertools.count(100)

  # What happens to it ----------------------------------------------------------------------------

  @property
  def open_files(self) -> int:
    """How many files are open."""
    return len(self._open)

  def released(self) -> None:
    """Its process was killed: the system closes what it had open."""
    self._open.clear()
    self._locks.clear()

  def lose_power(self, rng: random.Random) -> None:
    """What no sync has followed may be lost, or be there in part; names as well."""
    self.released()
    for path in sorted({*self._files, *self._named}):
      if self._files.get(path) is not self._named.get(path) and rng.random() < 0.5:
        # The change of the name had not reached the medium.
        if path in self._named:
          self._files[path] = self._named[path]
        else:
          del self._files[path]
    for path in sorted(self._files):
      self._files[path].lose_power(rng)
    self._named = dict(self._files)

  # As the log uses it ----------------------------------------------------------------------------

  def names(self, folder: Path) -> list[str]:
    if folder not in self._folders:
      raise _error(errno.ENOENT)
    return sorted(path.name for path in self._files if path.parent == folder)

  def is_folder(self, path: Path) -> bool:
    return path in self._folders

  def make(self, folder: Path) -> None:
    if folder in self._folders:
      raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    self._changing(lambda: self._folders.add(folder))

  def create(self, path: Path) -> int:
    file = self._files.get(path) or SimulatedFile()

    def create() -> None:
      self._files[path] = file
      file.change(0, None)

    self._changing(create)
    return self._opened(file)

  def open(self, path: Path, *, write: bool = False) -> int:
    if path not in self._files:
      raise _error(errno.ENOENT)
    return self._opened(self._files[path])

  def lock(self, path: Path) -> int:
    if path in self._locks.values():
      raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    file = self._files.setdefault(path, SimulatedFile())
    number = self._opened(file)
    if _alive():
      self._locks[number] = path
    return number

  def size(self, file: int) -> int:
    return len(self._of(file).data)

  def has(self, path: Path, file: int) -> bool:
    return not _alive() or self._files.get(path) is self._open.get(file)

  def read(self, file: int, size: int, offset: int) -> bytes:
    return bytes(self._of(file).data[offset : offset + size])

  def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
    found = self._of(file)
    if self.full and _alive():
      raise _error(errno.ENOSPC)
    # A system may take a part only: the rest is another call.
    taken = len(data) if self.calls % SHORT else max(1, len(data) // 2)
    self._changing(lambda: found.change(offset, bytes(data[:taken])))
    return taken

  def sync(self, file: int) -> None:
    self._changing(self._of(file).sync)

  def sync_folder(self, folder: Path) -> None:
    def sync() -> None:
      for path in sorted({*self._files, *self._named}):
        if path.parent != folder:
          continue
        if path in self._files:
          self._named[path] = self._files[path]
        else:
          self._named.pop(path, None)

    self._changing(sync)

  def truncate(self, file: int, size: int) -> None:
    found = self._of(file)
    self._changing(lambda: found.change(size, None))

  def close(self, file: int) -> None:
    if _alive():
      self._open.pop(file, None)
      self._locks.pop(file, None)

  def remove(self, path: Path) -> None:
    if path not in self._files:
      raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    self._changing(lambda: self._files.pop(path, None))

  def remove_folder(self, folder: Path) -> None:
    if self.names(folder):
      raise _error(errno.ENOTEMPTY)
    self._changing(lambda: self._folders.discard(folder))

  def rename(self, old: Path, new: Path) -> None:
    def rename() -> None:
      self._files[new] = self._files.pop(old)

    if old not in self._files:
      raise _error(errno.ENOENT)
    self._changing(rename)

  # Itself ----------------------------------------------------------------------------------------

  def _changing(self, change: Callable[[], object]) -> None:
    if not _alive():
      return
    self.calls += 1
    if self.trouble is not None:
      raise _error(self.trouble)
    change()

  def _opened(self, file: SimulatedFile) -> int:
    number = next(self._numbers)
    if _alive():
      self._open[number] = file
    return number

  def _of(self, file: int) -> SimulatedFile:
    # Of a killed process nothing is open any more.
    found = self._open.get(file)
    if found is None:
      if not _alive():
        return SimulatedFile()
      raise _error(errno.EBADF)
    return found


def _alive() -> bool:
  process = host.get()
  return process is None or process.alive


def _error(number: int) -> OSError:
  return OSError(number, os.strerror(number))
