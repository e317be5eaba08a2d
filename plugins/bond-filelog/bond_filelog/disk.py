"""The few calls with which the log reaches the disk, in one place so that tests can record them,
delay them and make them fail."""

import contextlib
import fcntl
import os
from pathlib import Path


class Disk:
  """What the operating system does with files. Every call may raise OSError."""

  def names(self, folder: Path) -> list[str]:
    """The names of what is in a folder."""
    return os.listdir(folder)

  def is_folder(self, path: Path) -> bool:
    """Whether there is a folder of this name."""
    return path.is_dir()

  def make(self, folder: Path) -> None:
    """Makes a folder that only its owner may enter."""
    folder.mkdir(mode=0o700)

  def create(self, path: Path) -> int:
    """A new file, empty also where one is there, that only its owner may read."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

  def open(self, path: Path, *, write: bool = False) -> int:
    """A file that is there."""
    return os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)

  def lock(self, path: Path) -> int:
    """A file that no other process can lock before it is closed, made where there is none. Raises
    BlockingIOError where one has locked it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      os.close(file)
      raise
    return file

  def size(self, file: int) -> int:
    """How long a file is."""
    return os.fstat(file).st_size

  def has(self, path: Path, file: int) -> bool:
    """Whether an open file is still the one that has this name."""
    try:
      found = path.stat()
    except FileNotFoundError:
      return False
    return os.path.samestat(found, os.fstat(file))

  def read(self, file: int, size: int, offset: int) -> bytes:
    """Bytes from an offset on; fewer than `size` at the end of the file."""
    return os.pread(file, size, offset)

  def write(self, file: int, data: bytes | memoryview, offset: int) -> int:
    """Writes at an offset; how many bytes were taken."""
    return os.pwrite(file, data, offset)

  def sync(self, file: int) -> None:
    """Returns when what was written, and the file's length, would survive a loss of power."""
    if hasattr(fcntl, "F_FULLFSYNC"):
      # On macOS fsync leaves the data in the drive's own cache.
      fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
      # fdatasync would not be faster on a file that grows, and need not keep that it was cut.
      os.fsync(file)

  def sync_folder(self, folder: Path) -> None:
    """Returns when the names in a folder would survive a loss of power."""
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
      os.fsync(file)
    finally:
      os.close(file)

  def truncate(self, file: int, size: int) -> None:
    """Cuts a file to a length."""
    os.ftruncate(file, size)

  def close(self, file: int) -> None:
    """Gives a file back."""
    os.close(file)

  def remove(self, path: Path) -> None:
    """Takes a file away; readers that have it open keep it."""
    path.unlink()

  def remove_folder(self, folder: Path) -> None:
    """Takes an empty folder away."""
    folder.rmdir()

  def rename(self, old: Path, new: Path) -> None:
    """Gives a file another name, in place of what has that name."""
    old.replace(new)


class Reading:
  """A file that is open for reading, a piece of it in memory."""

  AHEAD = 128 * 1024

  def __init__(self, disk: Disk, path: Path) -> None:
    self._disk = disk
    self._file = disk.open(path)
    self._start = 0
    self._piece = b""

  @property
  def size(self) -> int:
    """How long the file is now."""
    return self._disk.size(self._file)

  def at(self, offset: int, size: int) -> bytes:
    """The bytes at an offset; fewer than `size` at the end of the file."""
    begin = offset - self._start
    if begin < 0 or begin + size > len(self._piece):
      self._start, begin = offset, 0
      self._piece = self._disk.read(self._file, max(size, self.AHEAD), offset)
      while 0 < len(self._piece) < size:
        # One read gives at most 2 GiB, and less when a signal comes between.
        rest = size - len(self._piece)
        more = self._disk.read(self._file, rest, offset + len(self._piece))
        if not more:
          break
        self._piece += more
    return self._piece[begin : begin + size]

  def __enter__(self) -> "Reading":
    return self

  def __exit__(self, *_: object) -> None:
    # What was only read cannot be lost by closing.
    with contextlib.suppress(OSError):
      self._disk.close(self._file)
