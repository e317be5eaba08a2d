"""How often each stream was deleted. A token is signed for one generation of its stream, so raising
the generation ends it for good, even if a stream of that id is made again."""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import msgspec

from bond_core import AuthError, BondError
from bond_server.access.private_file import make_private_folder, read_private, replace_private

logger = logging.getLogger("bond")

FILE: Final = "generations.json"
"""The name of the file in the data folder."""

LOOK_AGAIN: Final = 0.25
"""Seconds after which a file is read again: another process may have deleted a stream."""


class Generations(Protocol):
  """The generation of every stream; 0 for those that were never deleted."""

  def current(self, stream: str) -> int:
    """The generation of a stream. Called for every open connection once a second: never slow."""

  def advance(self, stream: str) -> int:
    """Ends every token of a stream and returns its new generation, once that is stored. May wait
    for a disk, so a server calls it in a thread."""


class MemoryGenerations:
  """Generations that last as long as the process."""

  def __init__(self) -> None:
    self._current: dict[str, int] = {}

  def current(self, stream: str) -> int:
    return self._current.get(stream, 0)

  def advance(self, stream: str) -> int:
    self._current[stream] = self.current(stream) + 1
    return self._current[stream]


class FileGenerations:
  """Generations in a file that several processes of one machine share. What one of them raises,
  the others see within LOOK_AGAIN seconds."""

  def __init__(self, path: Path) -> None:
    """Reads the file. Raises AuthError where it is damaged or others may read it."""
    self._path = path
    self._current: dict[str, int] = {}
    self._seen: tuple[int, int, int] | None = None
    self._look_at = 0.0
    self._raising = threading.Lock()
    make_private_folder(path.parent)
    self._read()

  def current(self, stream: str) -> int:
    now = time.monotonic()
    if now >= self._look_at:
      self._look_at = now + LOOK_AGAIN
      self._look()
    return self._current.get(stream, 0)

  def advance(self, stream: str) -> int:
    with self._raising:
      try:
        with self._alone():
          self._read()
          raised = self._current | {stream: self._current.get(stream, 0) + 1}
          replace_private(self._path, msgspec.json.encode(raised))
        self._current = raised
      except (OSError, AuthError) as exc:
        self._current = self._current | {stream: self._current.get(stream, 0) + 1}
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise BondError(
          f"the tokens of stream {stream} are dead until the next start only: {self._path} could "
          f"not be written ({why}); mend that and delete the stream again"
        ) from exc
      return self._current[stream]

  def _look(self) -> None:
    # While a thread of this process raises one, that thread reads the file.
    if self._stamp() == self._seen or not self._raising.acquire(blocking=False):
      return
    try:
      self._read()
    except AuthError as exc:
      # What is known goes on to count; a file that is replaced as a whole is not damaged by that.
      logger.error("%s", exc)
    finally:
      self._raising.release()

  def _read(self) -> None:
    self._seen = self._stamp()
    data = read_private(self._path)
    if data is None:
      return
    try:
      stored = msgspec.json.decode(data, type=dict[str, int])
    except msgspec.DecodeError:
      raise AuthError(
        f"{self._path} is damaged; put a copy back, or delete it and choose a new BOND_SECRET, "
        "because tokens of deleted streams would be valid again"
      ) from None
    # Never back: a file that was put back or lost revives no token while this process lives.
    self._current = {
      stream: max(stored.get(stream, 0), self._current.get(stream, 0))
      for stream in stored.keys() | self._current.keys()
    }

  def _stamp(self) -> tuple[int, int, int] | None:
    try:
      found = self._path.stat()
    except OSError:
      return None
    return found.st_ino, found.st_mtime_ns, found.st_size

  @contextlib.contextmanager
  def _alone(self) -> Iterator[None]:
    """Among processes, one at a time reads, raises and writes."""
    beside = self._path.with_name(f"{self._path.name}.lock")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
    try:
      fcntl.flock(descriptor, fcntl.LOCK_EX)
      yield
    finally:
      os.close(descriptor)
