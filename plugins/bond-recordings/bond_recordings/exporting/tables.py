"""Lines by type, and what a manifest says of them."""

from collections.abc import Sequence
from typing import Any

import attrs

from bond_core import EVENT_TYPES
from bond_recordings.exporting.columns import table_of
from bond_recordings.lines import key_of

_START = b'{"type":"'


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
  """Counts lines by type."""

  def __init__(self) -> None:
    self.by_type: dict[str, Counted] = {}

  def add(self, lines: Sequence[bytes]) -> None:
    """Counts these; of each type the first and the last is looked at."""
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
    return sum(counted.rows for kind, counted in self.by_type.items() if kind in EVENT_TYPES)

  @property
  def left_out(self) -> dict[str, int]:
    """How many of each type that this Bond does not know, for which there is no table."""
    found = self.by_type.items()
    return {kind: counted.rows for kind, counted in found if kind not in EVENT_TYPES}

  def as_data(self) -> dict[str, Any]:
    """By table, for the manifest."""
    found = self.by_type.items()
    return {table_of(kind): attrs.asdict(counted) for kind, counted in found if kind in EVENT_TYPES}
