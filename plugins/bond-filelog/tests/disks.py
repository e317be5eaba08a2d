"""Disks that fail, and disks that remember their calls."""

import errno
import os
from pathlib import Path

from bond_filelog.disk import Disk

CALLS = "names open create size read write sync sync_folder truncate close remove rename".split()


class HastyDisk(Disk):
  """Syncs nothing: for what outlives nothing but the process."""

  def sync(self, file):
    os.fstat(file)

  def sync_folder(self, folder):
    folder.stat()


class FailingDisk(HastyDisk):
  """Raises at the calls whose numbers are in `failing`; a write takes half of its bytes first."""

  def __init__(self, failing=(), error=errno.EIO, only=CALLS):
    self.failing, self.error, self.only = frozenset(failing), error, frozenset(only)
    self.calls = self.raised = 0

  def _counted(self, name):
    if name in self.only:
      self.calls += 1
      if self.calls in self.failing:
        self.raised += 1
        return True
    return False

  def _fail(self):
    raise OSError(self.error, os.strerror(self.error))


def _failing(name):
  def call(self, *args, **kwargs):
    if self._counted(name):
      if name == "write":
        file, data, offset = args
        Disk.write(self, file, bytes(data)[: len(data) // 2], offset)
      if name == "close":
        # The system gives the file back even when it says that closing failed.
        Disk.close(self, *args)
      self._fail()
    return getattr(HastyDisk, name)(self, *args, **kwargs)

  return call


for _name in CALLS:
  setattr(FailingDisk, _name, _failing(_name))


class RecordingDisk(HastyDisk):
  """Remembers every change and every sync, in order, beside carrying it out."""

  def __init__(self):
    self.changes = []
    self._files = {}
    self._made = 0

  def note(self, *what):
    """Notes something that happened between the calls."""
    self.changes.append(what)

  def create(self, path):
    file = super().create(path)
    self._made += 1
    self._files[file] = self._made
    self.changes.append(("create", path.name, self._made))
    return file

  def write(self, file, data, offset):
    self.changes.append(("write", self._files[file], offset, bytes(data)))
    return super().write(file, data, offset)

  def truncate(self, file, size):
    self.changes.append(("truncate", self._files[file], size))
    super().truncate(file, size)

  def sync(self, file):
    self.changes.append(("sync", self._files[file]))
    super().sync(file)

  def sync_folder(self, folder):
    self.changes.append(("sync_folder",))
    super().sync_folder(folder)

  def remove(self, path):
    self.changes.append(("remove", path.name))
    super().remove(path)

  def open(self, path, *, write=False):
    file = super().open(path, write=write)
    if write:
      name = next(c for c in reversed(self.changes) if c[0] == "create" and c[1] == path.name)
      self._files[file] = name[2]
    return file


class Crash:
  """What a disk may hold when power is lost after some changes: what was synced, and of the rest
  whatever chance wants: each write whole, torn, in pieces, as zeros or not at all; each name and
  each cut there or not."""

  BLOCK = 64

  def __init__(self, changes, random):
    self._random = random
    files, names, pending, pending_names = {}, {}, {}, []
    for change in changes:
      kind = change[0]
      if kind == "create":
        files[change[2]] = b""
        pending[change[2]] = []
        pending_names.append(change)
      elif kind in ("write", "truncate"):
        pending[change[1]].append(change)
      elif kind == "sync":
        for done in pending[change[1]]:
          files[change[1]] = _applied(files[change[1]], done)
        pending[change[1]] = []
      elif kind == "sync_folder":
        for done in pending_names:
          _rename(names, done)
        pending_names = []
      elif kind == "remove":
        pending_names.append(change)
    for change in pending_names:
      if random.random() < 0.5:
        _rename(names, change)
    self.files = {}
    for name, file in names.items():
      data = files[file]
      for change in pending[file]:
        data = self._perhaps(data, change)
      self.files[name] = data

  def _perhaps(self, data, change):
    chance = self._random.random()
    if chance < 0.3:
      return data
    if chance < 0.6 or change[0] == "truncate":
      return _applied(data, change)
    _, file, offset, wrote = change
    if chance < 0.75:
      wrote = wrote[: self._random.randrange(len(wrote) + 1)]
    elif chance < 0.9:
      blocks = [wrote[at : at + self.BLOCK] for at in range(0, len(wrote), self.BLOCK)]
      wrote = b"".join(
        block if self._random.random() < 0.5 else bytes(len(block)) for block in blocks
      )
    else:
      wrote = bytes(len(wrote))
    return _applied(data, ("write", file, offset, wrote))

  def put(self, folder: Path):
    """Puts the files into an empty folder."""
    for path in folder.iterdir():
      path.unlink()
    for name, data in self.files.items():
      (folder / name).write_bytes(data)


def _applied(data, change):
  if change[0] == "truncate":
    return data[: change[2]].ljust(change[2], b"\0")
  _, _, offset, wrote = change
  return data[:offset].ljust(offset, b"\0") + wrote + data[offset + len(wrote) :]


def _rename(names, change):
  if change[0] == "create":
    names[change[1]] = change[2]
  else:
    names.pop(change[1], None)
