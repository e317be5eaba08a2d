"""bond export"""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import attrs
import click
import msgspec
import trio
from bond_commandkit import FAILED, fail, sentences, set_up_logging
from bond_recordkit.errors import RecordingError
from bond_recordkit.sink import versions

from bond_core import CHANNELS, BondError
from bond_core.config import counted, one_of
from bond_recordings.exporting.columns import schema
from bond_recordings.exporting.csvs import CsvFiles
from bond_recordings.exporting.hft import HftFiles
from bond_recordings.exporting.parquet import ParquetFiles
from bond_recordings.exporting.tables import Counts
from bond_recordings.lines import Selection, beginning
from bond_recordings.moments import FORMS, read_moment
from bond_recordings.sources import (
  Origin,
  log_in,
  open_log_folder,
  open_recording,
  open_server,
  recording_at,
)

MANIFEST = "_manifest.json"


class Files(Protocol):
  """What takes lines and makes files of them."""

  def add(self, lines: Sequence[bytes]) -> None: ...
  def close(self) -> None: ...
  def discard(self) -> None: ...


_TO: dict[str, type[ParquetFiles] | type[CsvFiles] | type[HftFiles]] = {
  "parquet": ParquetFiles,
  "csv": CsvFiles,
  "hftbacktest": HftFiles,
}


@click.command(name="export")
@click.argument("recording", required=False, type=click.Path(path_type=Path))
@click.option(
  "--to",
  "form",
  required=True,
  type=click.Choice(list(_TO)),
  help="Parquet (with DuckDB), CSV, or the records of hftbacktest (with numpy).",
)
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--url", metavar="URL", help="Read a running server: ws://localhost:8080.")
@click.option("--from", "since", metavar="TIME", help=f"Received from here on: {FORMS}.")
@click.option("--until", metavar="TIME", help="Received before.")
@click.option("--channels", default="", metavar="A,B", help="Only these: trades,orderbook.")
@click.option("--symbols", default="", metavar="A,B", help="Only these: BTC/USDT,ETH/USDT.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
def export_command(
  recording: Path | None,
  form: str,
  folder: Path | None,
  url: str | None,
  since: str | None,
  until: str | None,
  channels: str,
  symbols: str,
  quiet: bool,
) -> None:
  """Export RECORDING to files in FOLDER. RECORDING is one of `bond record`, or a folder: that of a
  server which is stopped (bond serve --data), or of one of its logs; with --url what a running
  server's log has.

  Each type of event is a table with the same columns always. Gaps are a table too, and
  _manifest.json says what was written.

  \b
  bond export btc.jsonl.zst --to parquet out
  bond export btc.jsonl.zst --to csv out --channels trades --from +1s
  bond export --url ws://localhost:8080 --to parquet out
  """
  set_up_logging(0, quiet)
  if url is not None and folder is None:
    recording, folder = None, recording
  if folder is None or (recording is None) == (url is None):
    fail("name a recording and a folder to write to, or --url and a folder")
  if folder.is_dir() and any(folder.iterdir()):
    fail(f"{folder} is not empty; name a new folder, so that nothing of before is read with it")
  try:
    opened = _opened(recording, url, since, until, channels, symbols)
    files = _TO[form](folder)
  except (BondError, ValueError) as exc:
    fail(str(exc))
  began = time.monotonic()
  try:
    counts, described = trio.run(_copy, opened, files)
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)
  manifest = {
    "format": form,
    "source": described,
    "written_by": versions(),
    "rows": counts.rows,
    "tables": counts.as_data(),
    "left_out": counts.left_out,
    "decimals": "NAME_text is the decimal as text, NAME the float64 of it",
    "schema": schema() if form == "parquet" else None,
  }
  (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
  for kind, count in counts.left_out.items():
    click.echo(
      f"warning: {counted(count, 'event')} of the type {kind!r}, which this Bond does not know, "
      "left out",
      err=True,
    )
  if not quiet:
    seconds = time.monotonic() - began
    click.echo(
      f"{folder}: {counted(counts.rows, 'event')} in {seconds:.1f} s"
      + "".join(f"\n  {name}: {table['rows']:,}" for name, table in counts.as_data().items()),
      err=True,
    )


def _opened(
  recording: Path | None,
  url: str | None,
  since: str | None,
  until: str | None,
  channels: str,
  symbols: str,
) -> AbstractAsyncContextManager[Origin]:
  """What is to be read. Raises ValueError or BondError for what is not there or not valid."""
  named = _listed(channels)
  known = (*CHANNELS, "gap")
  if wrong := [name for name in named if name not in known]:
    raise ValueError(f"--channels: {wrong[0]!r} is none; there are {one_of(known)}")
  wanted = Selection(channels=named, symbols=_listed(symbols))
  paths = None if recording is None else recording_at(recording)
  begin = beginning(paths) if paths and "+" in f"{since}{until}" else 0
  if paths is None and any(text is not None and text.startswith("+") for text in (since, until)):
    raise ValueError("times from the beginning (+5m) are for recordings; write the time itself")
  wanted = attrs.evolve(
    wanted,
    since=None if since is None else read_moment(since, begin),
    until=None if until is None else read_moment(until, begin),
  )
  if url is not None:
    return open_server(url, wanted)
  if paths is not None:
    return open_recording(paths, wanted)
  if recording is None:
    raise RecordingError("nothing to read was named")
  log_in(recording)
  return open_log_folder(recording, wanted)


def _listed(text: str) -> tuple[str, ...]:
  return tuple(part.strip() for part in text.split(",") if part.strip())


async def _copy(
  opened: AbstractAsyncContextManager[Origin], files: Files
) -> tuple[Counts, dict[str, object]]:
  counts = Counts()

  def take(lines: list[bytes]) -> None:
    counts.add(lines)
    files.add(lines)

  try:
    async with opened as origin:
      async for lines in origin.lines:
        if lines:
          await trio.to_thread.run_sync(take, lines)
    await trio.to_thread.run_sync(files.close)
  finally:
    files.discard()
  return counts, origin.described
