"""How often each stream was deleted. A token is signed for one generation of its stream, so raising
the generation ends it, even if a stream of that id is made again.

A deletion is remembered for a year, which is longer than any token that Bond makes: `bond token`
makes none that lasts longer. So what is stored is bounded by what was deleted within a year, and by
MOST in any case.
"""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from bond_core import AuthError, BondError
from bond_server.access.private_file import make_private_folder, read_private, replace_private

logger = logging.getLogger("bond")

FILE: Final = "generations.json"
"""The name of the file in the data folder."""

REMEMBERED: Final = 366 * 86_400
"""Seconds for which a deletion is remembered at least."""

MOST: Final = 200_000
"""Deletions that are remembered; the file has about 40 bytes for each."""

LOOK_AGAIN: Final = 0.25
"""Seconds after which a file is read again: another process may have deleted a stream."""


class Deleted(NamedTuple):
  """The generation of a stream, and when it was last raised (epoch seconds)."""

  generation: int = 0
  at: int = 0


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
    # The one that was raised last stands last.
    self._current: dict[str, int] = {}

  def current(self, stream: str) -> int:
    return self._current.get(stream, 0)

  def advance(self, stream: str) -> int:
    self._current[stream] = raised = self._current.pop(stream, 0) + 1
    if len(self._current) > MOST:
      _warn_of_forgotten()
      del self._current[next(iter(self._current))]
    return raised


def _warn_of_forgotten() -> None:
  logger.warning(
    "more than %d streams were deleted within a year; the deletions before the last ones are "
    "forgotten",
    MOST,
  )


def _raised(known: Mapping[str, Deleted], stream: str, used: Collection[str]) -> dict[str, Deleted]:
  """The generations with that of one stream raised, and without those that count no more: tokens of
  the streams `used`, which were made again, are of theirs."""
  now = int(time.time())
  since = now - REMEMBERED
  kept = {name: one for name, one in known.items() if one.at > since or name in used}
  kept[stream] = Deleted(known.get(stream, Deleted()).generation + 1, now)
  if len(kept) > MOST:
    _warn_of_forgotten()
    kept = dict(sorted(kept.items(), key=lambda item: item[1].at)[-MOST:])
  return kept


class FileGenerations:
  """Generations in a file that several processes of one machine share. What one of them raises,
  the others see within LOOK_AGAIN seconds."""

  def __init__(self, path: Path) -> None:
    """Reads the file. Raises AuthError where it is damaged or others may read it."""
    self._path = path
    self._current: dict[str, Deleted] = {}
    self._used: set[str] = set()
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
    if stream not in self._current:
      return 0
    self._used.add(stream)
    return self._current[stream].generation

  def advance(self, stream: str) -> int:
    with self._raising:
      try:
        with self._alone():
          if self._stamp() != self._seen:
            self._read()
          raised = _raised(self._current, stream, self._used)
          replace_private(self._path, msgspec.json.encode(raised))
          self._current, self._seen = raised, self._stamp()
      except (OSError, AuthError) as exc:
        self._current = _raised(self._current, stream, self._used)
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise BondError(
          f"the tokens of stream {stream} are dead until the next start only: {self._path} could "
          f"not be written ({why}); mend that and delete the stream again"
        ) from exc
      return self._current[stream].generation

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
      stored = msgspec.json.decode(data, type=dict[str, Deleted | int])
    except msgspec.DecodeError:
      raise AuthError(
        f"{self._path} is damaged; put a copy back, or delete it and choose a new BOND_SECRET, "
        "because tokens of deleted streams would be valid again"
      ) from None
    # An earlier version did not store when.
    now = int(time.time())
    known = {
      stream: Deleted(one, now) if isinstance(one, int) else one for stream, one in stored.items()
    }
    # Never back: a file that was put back or lost revives no token while this process lives.
    self._current = {
      stream: max(known.get(stream, Deleted()), self._current.get(stream, Deleted()))
      for stream in known.keys() | self._current.keys()
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
