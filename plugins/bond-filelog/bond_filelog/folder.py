"""The folder of one log: its name, its rights, and the lock that keeps it to one process."""

import contextlib
import fcntl
import os
import re
from pathlib import Path
from typing import Final

from bond_core.logs import EngineError

LOCK: Final = "lock"
NAME: Final = "name"
"""The file that holds the log's name."""

_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9_.-]|^\.")


def folder_name(name: str) -> str:
  """A log's name as the name of a folder, different for different names: what is not a letter, a
  digit, `_`, `-` or a `.` inside becomes % and two hex digits for each of its bytes."""
  if not name:
    raise ValueError("a log needs a name")
  return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}".encode(), name.encode()).decode()


def make_folder(path: Path, *, durable: bool) -> None:
  """Makes a folder and what is missing above it. It and what Bond makes above it are for their
  owner alone; a folder that is there stays as it is."""
  missing = []
  while not path.is_dir():
    missing.append(path)
    path = path.parent
  for folder in reversed(missing):
    with contextlib.suppress(FileExistsError):
      folder.mkdir(mode=0o700)
    if durable:
      _sync(folder.parent)


def locked(folder: Path) -> int:
  """The open file that keeps other processes from writing here; to be closed at the end, and closed
  by the system when the process ends in any way."""
  file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except OSError as exc:
    os.close(file)
    if not isinstance(exc, BlockingIOError):
      raise
    message = (
      f"{folder} is in use by another process; stop that one, or give this log another `path`"
    )
    raise EngineError(message) from None
  return file


def note_name(folder: Path, name: str) -> None:
  """Notes whose log the folder holds. Raises EngineError where it is another's, as when the folder
  of a log of simulators stands in the place of one of the venues."""
  note = folder / NAME
  noted = note.read_text(encoding="utf-8", errors="backslashreplace") if note.exists() else ""
  if not noted:
    note.touch(mode=0o600)
    note.write_text(name, encoding="utf-8")
  elif noted != name:
    raise EngineError(
      f"{folder} holds the log {noted!r}, which is not {name!r}: what was simulated and what was "
      "not stay apart; move it back, or give this log another `path`"
    )


def _sync(folder: Path) -> None:
  file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
  try:
    os.fsync(file)
  finally:
    os.close(file)
