"""bond export"""

import shutil
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import click
import msgspec
import trio
from bond_commandkit import FAILED, fail, sentences, set_up_logging
from bond_recordkit.errors import RecordingError
from bond_recordkit.sink import versions

from bond_core import CHANNELS, EVENT_TYPES, BondError
from bond_core.config import counted, one_of
from bond_recordings.exporting.csvs import CsvFiles
from bond_recordings.exporting.hft import HftFiles
from bond_recordings.exporting.parquet import ParquetFiles
from bond_recordings.exporting.tables import Counts, Files
from bond_recordings.lines import Selection, require_some, span_of
from bond_recordings.moments import FORMS
from bond_recordings.sources import (
  Origin,
  log_in,
  open_log_folder,
  open_recording,
  open_server,
  recording_at,
)

MANIFEST = "_manifest.json"


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
@click.argument("folder", required=False, type=click.Path(path_type=Path))
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
  if folder.is_file():
    fail(f"{folder} is a file; name a folder: a recording is exported into one of its own")
  if folder.is_dir() and any(folder.iterdir()):
    fail(f"{folder} is not empty; name a new folder, so that nothing of before is read with it")
  # What stands under its name is whole.
  part = folder.with_name(f"{folder.name}.part")
  if part.exists():
    fail(f"{part} is there, of an export that did not end; remove it, or name another folder")
  try:
    opened, wanted = _opened(recording, url, since, until, channels, symbols)
    files: Files = _TO[form](part)
  except (BondError, ValueError) as exc:
    fail(str(exc))
  began = time.monotonic()
  counts = Counts(files.types, wanted.symbols)
  try:
    described = trio.run(_copy, opened, files, counts)
    none_named = bool(wanted.symbols) and counts.missing == set(wanted.symbols)
    if none_named or not (counts.rows or wanted.everything):
      raise RecordingError("nothing that is there is as you ask; leave options out to see what is")
    manifest = {
      "format": form,
      "source": described,
      "written_by": versions(),
      "rows": counts.rows,
      "tables": counts.as_data(),
      "left_out": counts.left_out,
      **files.described(),
    }
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (part / MANIFEST).write_bytes(text)
    part.replace(folder)
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)
  finally:
    shutil.rmtree(part, ignore_errors=True)
  for kind, count in counts.left_out.items():
    why = f"{form} has no place for" if kind in EVENT_TYPES else "this Bond does not know"
    click.echo(
      f"warning: {counted(count, 'event')} of the type {kind!r}, which {why}, left out", err=True
    )
  for symbol in sorted(counts.missing):
    click.echo(f"warning: --symbols: there was nothing of {symbol}", err=True)
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
) -> tuple[AbstractAsyncContextManager[Origin], Selection]:
  """What is to be read. Raises ValueError or BondError for what is not there or not valid."""
  named = _listed(channels)
  known = (*CHANNELS, "gap")
  if wrong := [name for name in named if name not in known]:
    raise ValueError(f"--channels: {wrong[0]!r} is none; there are {one_of(known)}")
  paths = None if recording is None else recording_at(recording)
  first, last = span_of(paths, since, until)
  wanted = Selection(since=first, until=last, channels=named, symbols=_listed(symbols))
  if url is not None:
    return open_server(url, wanted), wanted
  if paths is not None:
    require_some(paths, wanted)
    return open_recording(paths, wanted), wanted
  if recording is None:
    raise RecordingError("nothing to read was named")
  log_in(recording)
  return open_log_folder(recording, wanted), wanted


def _listed(text: str) -> tuple[str, ...]:
  return tuple(part.strip() for part in text.split(",") if part.strip())


async def _copy(
  opened: AbstractAsyncContextManager[Origin], files: Files, counts: Counts
) -> dict[str, Any]:
  """Writes what is read; what a manifest says of where it came from."""

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
  return origin.described
