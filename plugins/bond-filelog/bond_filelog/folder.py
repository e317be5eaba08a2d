"""The folder of one log: its name, its rights, and the lock that keeps it to one process."""

import contextlib
import re
from pathlib import Path
from typing import Final

from bond_core.logs import EngineError
from bond_filelog.disk import Disk, Reading

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


def make_folder(path: Path, disk: Disk, *, durable: bool) -> None:
  """Makes a folder and what is missing above it. It and what Bond makes above it are for their
  owner alone; a folder that is there stays as it is."""
  missing = []
  while not disk.is_folder(path):
    missing.append(path)
    path = path.parent
  for folder in reversed(missing):
    with contextlib.suppress(FileExistsError):
      disk.make(folder)
    if durable:
      disk.sync_folder(folder.parent)


def locked(folder: Path, disk: Disk) -> int:
  """The open file that keeps other processes from writing here; to be closed at the end, and closed
  by the system when the process ends in any way."""
  try:
    return disk.lock(folder / LOCK)
  except BlockingIOError:
    message = (
      f"{folder} is in use by another process; stop that one, or give this log another `path`"
    )
    raise EngineError(message) from None


def note_name(folder: Path, name: str, disk: Disk) -> None:
  """Notes whose log the folder holds, on the disk when this returns. Raises EngineError where it is
  another's, as when the folder of a log of simulators stands in the place of one of the venues."""
  note = folder / NAME
  noted = ""
  if NAME in disk.names(folder):
    with Reading(disk, note) as reading:
      noted = reading.at(0, reading.size).decode(errors="backslashreplace")
  if not noted:
    # A part of a name, as a loss of power may leave it, would be another's.
    beside = folder / f"{NAME}.new"
    file, data, written = disk.create(beside), name.encode(), 0
    try:
      while written < len(data):
        written += disk.write(file, data[written:], written)
      disk.sync(file)
    finally:
      disk.close(file)
    disk.rename(beside, note)
    disk.sync_folder(folder)
  elif noted != name:
    raise EngineError(
      f"{folder} holds the log {noted!r}, which is not {name!r}: what was simulated and what was "
      "not stay apart; move it back, or give this log another `path`"
    )
