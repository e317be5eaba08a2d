"""The stored streams: a table in the data folder, so that they outlast the process."""

import os
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import msgspec
import trio
from bond_server.access.private_file import make_private_folder

from bond_core import BondError

_Value = TypeVar("_Value")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (
  id TEXT PRIMARY KEY, document TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS owners (
  stream TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE, owner TEXT NOT NULL,
  PRIMARY KEY (stream, owner));
CREATE TABLE IF NOT EXISTS joined (
  stream TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE, owner TEXT NOT NULL,
  PRIMARY KEY (stream, owner));
"""


_LOST = (
  "the streams that were stored in it are lost; put a copy back, or delete it to begin without "
  "stored streams"
)


@attrs.frozen
class StoredStream:
  """A stream as it is stored: its spec as plain data, and who owns it. Those who `joined` came when
  it ran for others already, so their tokens name them."""

  id: str
  document: Mapping[str, Any]
  created_at: float
  owners: frozenset[str]
  joined: frozenset[str] = frozenset()

  def named(self, owner: str) -> bool:
    """Whether the tokens of an owner name it: tokens that name no holder are those of one owner
    only, or end with the stream."""
    return self.owners - self.joined != {owner}


class Store:
  """The streams of a server, in a file, or in memory without a path. Every method waits for a disk,
  in a thread of its own."""

  def __init__(self, path: Path | None) -> None:
    self._path = path
    self._connection: sqlite3.Connection | None = None
    # SQLite writes alone anyway; and one connection is not for two threads at once.
    self._alone = trio.CapacityLimiter(1)

  async def open(self) -> None:
    """Opens the file, or makes it. Raises BondError where that fails, and for a file that is there
    and has lost what it held."""
    try:
      await self._in_thread(self._open)
    except BondError:
      if self._connection is not None:
        await self.close()
      raise

  async def close(self) -> None:
    """Closes the file."""
    with trio.CancelScope(shield=True):
      await self._in_thread(lambda: self._there.close())

  async def add(self, stored: StoredStream, owner: str) -> None:
    """Stores a stream, and one more owner of it."""
    row = stored.id, msgspec.json.encode(stored.document).decode(), stored.created_at

    def write() -> None:
      with self._writable as connection:
        connection.execute("INSERT OR IGNORE INTO streams VALUES (?, ?, ?)", row)
        connection.execute("INSERT OR IGNORE INTO owners VALUES (?, ?)", (stored.id, owner))
        if owner in stored.joined:
          connection.execute("INSERT OR IGNORE INTO joined VALUES (?, ?)", (stored.id, owner))

    await self._in_thread(write)

  async def drop(self, stream: str, owner: str) -> bool:
    """Removes an owner of a stream; returns True where it was the last, so the stream is gone."""

    def write() -> bool:
      with self._writable as connection:
        for table in ("owners", "joined"):
          connection.execute(f"DELETE FROM {table} WHERE stream = ? AND owner = ?", (stream, owner))
        left = connection.execute("SELECT 1 FROM owners WHERE stream = ?", (stream,)).fetchone()
        if left is None:
          connection.execute("DELETE FROM streams WHERE id = ?", (stream,))
        return left is None

    return await self._in_thread(write)

  async def all(self) -> list[StoredStream]:
    """Every stream, the oldest first."""

    def read() -> list[StoredStream]:
      owners: defaultdict[str, set[str]] = defaultdict(set)
      joined: defaultdict[str, set[str]] = defaultdict(set)
      for found, table in ((owners, "owners"), (joined, "joined")):
        for stream, owner in self._there.execute(f"SELECT stream, owner FROM {table}"):
          found[stream].add(owner)
      rows = self._there.execute("SELECT id, document, created_at FROM streams ORDER BY created_at")
      return [
        StoredStream(
          *(stream, msgspec.json.decode(text), created),
          frozenset(owners[stream]),
          frozenset(joined[stream]),
        )
        for stream, text, created in rows
      ]

    return await self._in_thread(read)

  async def check(self) -> None:
    """Raises sqlite3.Error where nothing can be written."""

    def probe() -> None:
      self._writable.execute("BEGIN IMMEDIATE")
      self._there.rollback()

    await self._in_thread(probe)

  @property
  def _writable(self) -> sqlite3.Connection:
    """The connection, if the file still has its name. SQLite would go on writing into one that has
    none, of which nothing is left after the process."""
    if self._path is not None and not self._path.exists():
      raise sqlite3.OperationalError(f"{self._path} is gone")
    return self._there

  @property
  def _there(self) -> sqlite3.Connection:
    assert self._connection is not None
    return self._connection

  def _open(self) -> None:
    path = self._path
    if path is None:
      self._connection = sqlite3.connect(":memory:", check_same_thread=False)
      self._connection.executescript(_SCHEMA)
      return
    try:
      make_private_folder(path.parent)
      if not path.exists():
        _make(path)
      elif not path.stat().st_size:
        raise BondError(f"{path} is empty, so {_LOST}")
      self._connection = sqlite3.connect(path, check_same_thread=False, timeout=5)
      path.chmod(0o600)
      self._connection.execute("PRAGMA foreign_keys = ON")
      self._connection.execute("PRAGMA journal_mode = WAL")
      # What was answered is there after a power failure, too.
      self._connection.execute("PRAGMA synchronous = FULL")
      [found] = self._connection.execute("PRAGMA quick_check(1)").fetchone()
      tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
      if {"streams", "owners"} <= tables:
        # A file of an earlier version has fewer.
        self._connection.executescript(_SCHEMA)
    except (OSError, sqlite3.Error) as exc:
      raise BondError(f"{path} cannot be opened: {exc}; see --data") from exc
    if found != "ok" or not {"streams", "owners"} <= tables:
      raise BondError(f"{path} is damaged, so {_LOST}")

  async def _in_thread(self, work: Callable[[], _Value]) -> _Value:
    return await trio.to_thread.run_sync(work, limiter=self._alone)


def _make(path: Path) -> None:
  """Makes an empty table beside its place and then moves it there: a file that is there and empty
  was never written so, not even by a crash at this moment."""
  beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
  try:
    connection = sqlite3.connect(beside)
    try:
      connection.executescript(_SCHEMA)
    finally:
      connection.close()
    beside.chmod(0o600)
    with beside.open("rb") as file:
      os.fsync(file.fileno())
    beside.replace(path)
  finally:
    beside.unlink(missing_ok=True)
