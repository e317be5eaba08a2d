"""CSV: a file for each table, with the columns of Parquet."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from bond_core import EVENT_TYPES
from bond_recordings.exporting.columns import Column, columns_of, shown, table_of
from bond_recordings.exporting.tables import typed

_decode = msgspec.json.decode


class CsvFiles:
  """Takes lines, and writes them by type."""

  types = EVENT_TYPES

  def __init__(self, folder: Path) -> None:
    self.folder = folder
    folder.mkdir(parents=True, exist_ok=True)
    self._open: dict[str, tuple[TextIO, Any, list[Column]]] = {}
    self._of("gap")

  def _of(self, kind: str) -> tuple[TextIO, Any, list[Column]]:
    found = self._open.get(kind)
    if found is None:
      file = (self.folder / f"{table_of(kind)}.csv").open("w", newline="", encoding="utf-8")
      # The text is the number here.
      columns = [column for column in columns_of(kind) if not column.exact]
      writer = csv.writer(file)
      writer.writerow([column.name for column in columns])
      found = self._open[kind] = file, writer, columns
    return found

  def add(self, lines: Sequence[bytes]) -> None:
    """Takes lines of events, in order."""
    for kind, several in typed(lines).items():
      if kind not in EVENT_TYPES:
        continue
      _, writer, columns = self._of(kind)
      sources = [column.source for column in columns]
      for line in several:
        event = _decode(line)
        writer.writerow([shown(event.get(source)) for source in sources])

  def described(self) -> dict[str, Any]:
    """How decimals stand in them."""
    return {"decimals": "a number of a venue is the text of its decimal"}

  def close(self) -> None:
    """Ends the files."""
    self.discard()

  def discard(self) -> None:
    """Lets go of what is open."""
    for file, _, _ in self._open.values():
      file.close()
