"""Parquet by DuckDB: TABLE/venue=…/symbol=…/date=…/part-N.parquet, one pinned schema a table."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from bond_core import EVENT_TYPES, BondError
from bond_recordings.exporting.columns import Column, Kind, columns_of, schema, table_of
from bond_recordings.exporting.tables import typed

if TYPE_CHECKING:
  from duckdb import DuckDBPyConnection

AT_ONCE: Final = 500_000
"""Lines of one type that become one file, or one for each partition."""

_SQL: Final[dict[Kind, str]] = {
  "text": "VARCHAR",
  "integer": "BIGINT",
  "number": "DOUBLE",
  "truth": "BOOLEAN",
  "levels": "DOUBLE[][]",
  "json": "VARCHAR",
}
_PLAIN: Final = ("integer", "truth")
_UNPARTED: Final = ("gap",)


class ParquetFiles:
  """Takes lines, and writes them by type. Call it from one thread at a time."""

  types = EVENT_TYPES

  def __init__(self, folder: Path) -> None:
    try:
      import duckdb
    except ImportError as exc:
      raise BondError("Parquet needs DuckDB; pip install 'bond-recordings[parquet]'") from exc
    self.folder = folder
    self._parts: dict[str, int] = {}
    self._held: dict[str, int] = {}
    self._files: dict[str, BinaryIO] = {}
    self._scratch = tempfile.TemporaryDirectory(prefix="bond-export-")
    self._duckdb: DuckDBPyConnection = duckdb.connect()
    # One file for each partition, in the order of the recording.
    self._duckdb.execute("SET threads = 1; SET preserve_insertion_order = true")

  def add(self, lines: Sequence[bytes]) -> None:
    """Takes lines of events, in order."""
    for kind, several in typed(lines).items():
      if kind not in EVENT_TYPES:
        continue
      file = self._files.get(kind)
      if file is None:
        file = self._files[kind] = (Path(self._scratch.name) / f"{kind}.ndjson").open("wb")
      file.write(b"\n".join(several) + b"\n")
      self._held[kind] = self._held.get(kind, 0) + len(several)
      if self._held[kind] >= AT_ONCE:
        self._write(kind)

  def described(self) -> dict[str, Any]:
    """How decimals stand in them, and the columns of all tables."""
    decimals = "NAME_text is the decimal as text, NAME the float64 of it"
    return {"decimals": decimals, "schema": schema()}

  def close(self) -> None:
    """Writes the rest. The table of gaps is there also where there was none."""
    for kind in list(self._files):
      self._write(kind)
    if "gap" not in self._parts:
      path = Path(self._scratch.name) / "gap.ndjson"
      path.touch()
      self._copy("gap", path)

  def discard(self) -> None:
    """Lets go of what is held."""
    for file in self._files.values():
      file.close()
    self._duckdb.close()
    self._scratch.cleanup()

  def _write(self, kind: str) -> None:
    file = self._files.pop(kind)
    file.close()
    self._held.pop(kind)
    self._copy(kind, Path(file.name))
    Path(file.name).unlink()

  def _copy(self, kind: str, path: Path) -> None:
    columns = columns_of(kind)
    read = ", ".join(f"{_quoted(source)}: '{sql}'" for source, sql in _read_as(columns).items())
    chosen = ", ".join(f"{_chosen(column)} AS {_name(column.name)}" for column in columns)
    part = self._parts[kind] = self._parts.get(kind, 0) + 1
    target = self.folder / table_of(kind)
    options = "FORMAT parquet, COMPRESSION zstd"
    if kind in _UNPARTED:
      target.mkdir(parents=True, exist_ok=True)
      where = target / f"part-{part}.parquet"
    else:
      target.parent.mkdir(parents=True, exist_ok=True)
      where = target
      moment = (
        f"{_name('window_start')}[:10]"
        if kind == "window"
        else f"strftime(make_timestamp({_name('ts_event')} * 1000), '%Y-%m-%d')"
      )
      venue = "'all'" if kind == "window" else _name("exchange")
      chosen += f", {venue} AS venue, {moment} AS date"
      options += (
        ", PARTITION_BY (venue, symbol, date), WRITE_PARTITION_COLUMNS true, OVERWRITE_OR_IGNORE, "
        f"FILENAME_PATTERN 'part-{part}-{{i}}'"
      )
    self._duckdb.execute(
      f"COPY (SELECT {chosen} FROM read_ndjson({_quoted(str(path))}, columns = {{{read}}}, "
      f"maximum_object_size = {64 * 1024 * 1024})) TO {_quoted(str(where))} ({options})"
    )


def _read_as(columns: Sequence[Column]) -> dict[str, str]:
  return {
    column.source: _SQL[column.kind] if column.kind in _PLAIN else "VARCHAR"
    for column in columns
    if not column.exact
  }


def _chosen(column: Column) -> str:
  source = _name(column.source)
  if column.exact or column.kind in (*_PLAIN, "text", "json"):
    return source
  if column.kind == "levels":
    return f"{source}::JSON::DOUBLE[][]"
  return f"{source}::DOUBLE"


def _name(text: str) -> str:
  return '"' + text.replace('"', '""') + '"'


def _quoted(text: str) -> str:
  return "'" + text.replace("'", "''") + "'"
