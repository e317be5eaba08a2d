"""Messages and lists of several rows, one of which cannot be read: the others count all the
same."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec

from bond_core import Batch
from bond_core.feeds import own_words
from bond_core.venues import UNREADABLE

_read = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode


class Reads(Protocol):
  """A subscription's state, or a topic."""

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the events of one message."""

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares that a message could not be read."""


T = TypeVar("T")


class Rows(Protocol[T]):
  """A decoded message."""

  data: list[T]


def rows_of(
  reads: Reads,
  decode: Callable[[bytes], Rows[T]],
  frame: bytes,
  ts_ms: int,
  mono_ns: int,
  out: Batch,
) -> list[T]:
  """The rows in `data` of a message; where it cannot be read, its rows are taken one by one instead
  (`take_apart`), and there is none."""
  try:
    return decode(frame).data
  except UNREADABLE as exc:
    take_apart(reads, frame, exc, ts_ms, mono_ns, out)
    return []


def take_apart(
  reads: Reads, frame: bytes, cause: Exception, ts_ms: int, mono_ns: int, out: Batch
) -> None:
  """Takes the rows in `data` of a message that could not be read, each as a message of its own, and
  declares those that still cannot be. Raises `cause` where there are no several."""
  rows = rows_apart(frame)
  if len(rows) < 2:
    raise cause
  for row in rows:
    try:
      reads.take(row, ts_ms, mono_ns, out)
    except UNREADABLE as exc:
      reads.unreadable(str(exc), ts_ms, mono_ns, out)


def rows_apart(frame: bytes) -> list[bytes]:
  """The message again and again, with one row of its `data` each; none where it has no rows."""
  try:
    message = _read(frame)
    rows = _read_rows(message["data"])
  except (*UNREADABLE, KeyError):
    return []
  return [msgspec.json.encode({**message, "data": [row]}) for row in rows]


def readable(
  rows: Iterable[msgspec.Raw], decode: Callable[[msgspec.Raw], T], name: str
) -> tuple[list[T], dict[str, str]]:
  """The rows of a list that can be read, and why others cannot, by what they have as `name`. One
  without a name is left out: nobody can mean it."""
  found: list[T] = []
  unread: dict[str, str] = {}
  for row in rows:
    try:
      found.append(decode(row))
    except UNREADABLE as exc:
      with suppress(*UNREADABLE, KeyError):
        unread[_read_text(_read(row)[name])] = own_words(str(exc), 200)
  return found, unread
