"""Lines by type, and what a manifest says of them."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import attrs

from bond_recordings.exporting.columns import table_of
from bond_recordings.lines import key_of

_START = b'{"type":"'


class Files(Protocol):
  """What takes lines and makes files of them in a folder."""

  @property
  def types(self) -> Collection[str]:
    """The types of the events that it has a place for."""
    ...

  def add(self, lines: Sequence[bytes]) -> None: ...
  def close(self) -> None: ...
  def discard(self) -> None: ...

  def described(self) -> dict[str, Any]:
    """What a manifest says of the files."""
    ...


def typed(lines: Sequence[bytes]) -> dict[str, list[bytes]]:
  """The lines by their type, in order."""
  found: dict[str, list[bytes]] = {}
  for line in lines:
    name = line[len(_START) : line.find(b'"', len(_START))] if line.startswith(_START) else b""
    found.setdefault(name.decode(errors="replace"), []).append(line)
  return found


@attrs.define
class Counted:
  """What went into one table."""

  rows: int = 0
  first_seq: int | None = None
  last_seq: int | None = None
  first_ts: int | None = None
  last_ts: int | None = None


class Counts:
  """Counts lines by type; the `types` are those that were written. `missing` are the symbols that
  none of them is of yet."""

  def __init__(self, types: Collection[str], symbols: Collection[str] = ()) -> None:
    self.by_type: dict[str, Counted] = {}
    self.missing = set(symbols)
    self._types = types

  def add(self, lines: Sequence[bytes]) -> None:
    """Counts these; of each type the first and the last is looked at, and of symbols that are
    missing each."""
    if self.missing:
      self.missing -= {key_of(line).symbol for line in lines}
    for kind, several in typed(lines).items():
      counted = self.by_type.setdefault(kind, Counted())
      counted.rows += len(several)
      first, last = key_of(several[0]), key_of(several[-1])
      if counted.first_seq is None:
        counted.first_seq = first.seq_internal
      if counted.first_ts is None:
        counted.first_ts = first.ts_event or None
      counted.last_seq = last.seq_internal if last.seq_internal is not None else counted.last_seq
      counted.last_ts = last.ts_event or counted.last_ts

  @property
  def rows(self) -> int:
    """How many in all tables."""
    return sum(counted.rows for kind, counted in self.by_type.items() if kind in self._types)

  @property
  def left_out(self) -> dict[str, int]:
    """How many of each type that there is no place for."""
    found = self.by_type.items()
    return {kind: counted.rows for kind, counted in found if kind not in self._types}

  def as_data(self) -> dict[str, Any]:
    """By table, for the manifest."""
    found = self.by_type.items()
    return {table_of(kind): attrs.asdict(counted) for kind, counted in found if kind in self._types}
