"""The engine `core.file`: a Store in worker threads, so that no disk ever holds up trio."""

import contextlib
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

import trio

from bond_core.logs import Engine, EngineError, Record
from bond_filelog.config import FileLog
from bond_filelog.disk import Disk
from bond_filelog.folder import LOCK, folder_name, locked, make_folder, note_name
from bond_filelog.store import Store

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class FileEngine:
  """A log on the disk. What is written goes through one thread at a time, and so does what is read,
  each in its own turn: readers that go back hours never delay an acknowledgement."""

  def __init__(self, store: Store) -> None:
    self.epoch = store.epoch
    self._store = store
    self._writing = trio.CapacityLimiter(1)
    self._reading = trio.CapacityLimiter(1)

  @property
  def head(self) -> int:
    """The number of the last event that is stored, 0 when there is none."""
    return self._store.head

  @property
  def oldest(self) -> int:
    """The number of the first event that is stored; head + 1 when there is none."""
    return self._store.oldest

  @property
  def last_ts_ms(self) -> int:
    """When the last record was appended (epoch ms), 0 when there is none."""
    return self._store.last_ts_ms

  @property
  def finished(self) -> bool:
    """Whether the log was ended in order and nothing was written since."""
    return self._store.finished

  async def write(self, records: Sequence[Record]) -> None:
    """Returns when the records are with the operating system, or on the disk in mode power."""
    await self._in_thread(self._writing, "written", self._store.append, records)

  async def read(self, first: int, limit: int) -> list[Record]:
    """The stored records from a number on."""
    return await self._in_thread(self._reading, "read", self._store.read, first, limit)

  async def find(self, time_ms: int) -> int:
    """The number of the first event appended at or after a time."""
    return await self._in_thread(self._reading, "read", self._store.find, time_ms)

  async def finish(self) -> None:
    """Marks the orderly end, on the disk when this returns."""
    await self._in_thread(self._writing, "written", self._store.finish)

  async def _in_thread(
    self,
    limiter: trio.CapacityLimiter,
    done: str,
    function: Callable[[Unpack[Ts]], T],
    *args: *Ts,
  ) -> T:
    try:
      return await trio.to_thread.run_sync(function, *args, limiter=limiter)
    except OSError as exc:
      raise EngineError(explained(exc, self._store.folder, done)) from exc


@asynccontextmanager
async def open_file_log(
  config: FileLog, name: str, *, disk: Disk | None = None
) -> AsyncIterator[Engine]:
  """The log of a name, open for this process alone for as long as the block lasts."""
  disk = disk or Disk()
  lock, store = await trio.to_thread.run_sync(_opened, config, name, disk)
  try:
    yield FileEngine(store)
  finally:
    with trio.CancelScope(shield=True):
      await trio.to_thread.run_sync(_closed, lock, store, disk)


async def remove_file_log(config: FileLog, name: str, *, disk: Disk | None = None) -> None:
  """Takes the log of a name from the disk; nothing happens where there is none. Raises EngineError
  where a process has it open, or where the disk refuses: what is left is then the log's newer
  part."""
  await trio.to_thread.run_sync(_removed, config, name, disk or Disk())


def _removed(config: FileLog, name: str, disk: Disk) -> None:
  folder = Path(config.path).expanduser() / folder_name(name)
  if not disk.is_folder(folder):
    return
  lock = None
  try:
    lock = locked(folder, disk)
    # The oldest first: what a failure leaves is a log without a hole in it.
    for found in sorted(set(disk.names(folder)) - {LOCK}):
      disk.remove(folder / found)
    disk.remove(folder / LOCK)
    disk.remove_folder(folder)
    if config.mode == "power":
      disk.sync_folder(folder.parent)
  except OSError as exc:
    raise EngineError(explained(exc, folder, "removed")) from exc
  finally:
    if lock is not None:
      disk.close(lock)


def _opened(config: FileLog, name: str, disk: Disk) -> tuple[int, Store]:
  folder = Path(config.path).expanduser() / folder_name(name)
  power = config.mode == "power"
  lock = None
  try:
    make_folder(folder, disk, durable=power)
    lock = locked(folder, disk)
    note_name(folder, name, disk)
    store = Store(
      folder, keep_ms=int(config.keep * 1000), size=int(config.size), power=power, disk=disk
    )
  except BaseException as exc:
    if lock is not None:
      disk.close(lock)
    if isinstance(exc, OSError):
      raise EngineError(explained(exc, folder, "opened")) from exc
    raise
  return lock, store


def _closed(lock: int, store: Store, disk: Disk) -> None:
  # An error of the disk now was raised before, by a write that failed.
  with contextlib.suppress(OSError):
    store.close()
  disk.close(lock)


def explained(exc: OSError, folder: Path, done: str) -> str:
  """What an error of the disk means, and what to do about it."""
  if exc.errno in (errno.ENOSPC, errno.EDQUOT):
    return f"the disk is full; free some space for {folder}, or give the log a smaller `size`"
  error = exc.strerror or str(exc)
  if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
    return f"{folder} cannot be {done}: {error}; give the log a `path` that is yours to write"
  if exc.errno == errno.ENOENT:
    return (
      f"{folder} cannot be {done}: {error}; was the folder removed? It is made at the next start"
    )
  return f"{folder} cannot be {done}: {error}; look at the disk, or give the log another `path`"
