"""bond record"""

import os
import re
import sys
import time
from pathlib import Path

import click
import trio
from bond_commandkit import (
  FAILED,
  DurationType,
  fail,
  is_request,
  read_spec,
  say,
  sentences,
  set_up_logging,
)
from bond_commandkit.last_resort import last_resort
from bond_commandkit.recording_words import recording_request
from bond_commandkit.signals import on_signals
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import suffix_of
from bond_recordkit.reader import header_of
from bond_recordkit.signing import read_signer
from bond_recordkit.sink import Progress
from bond_recordkit.writer import Rotation, read_rotation

from bond_core import BondError, RunResult, Spec, run
from bond_core.config import counted
from bond_recordings.figures import size_text
from bond_recordings.recorder import Target, recorded
from bond_recordings.tapping import untapped

STOP_WITHIN = 12.0
"""Seconds for everything to end after a signal."""

SHOW_EVERY = 0.5


class RotationType(click.ParamType[Rotation]):
  """1h, 1GiB, or both."""

  name = "rotation"

  def convert(
    self, value: object, param: click.Parameter | None, ctx: click.Context | None
  ) -> Rotation:
    try:
      return read_rotation(str(value))
    except ValueError as exc:
      self.fail(str(exc), param, ctx)


@click.command(name="record")
@click.argument("spec")
@click.option(
  "-o",
  "--output",
  "path",
  type=click.Path(path_type=Path, dir_okay=False),
  metavar="FILE",
  help="The recording, NAME.jsonl.zst; by default the spec's name, here.",
)
@click.option("--duration", type=DurationType(), help="Stop after this time, e.g. 20s or 5m.")
@click.option(
  "--rotate",
  type=RotationType(),
  metavar="1h|1GiB",
  help="Begin a new file after this time or size, or both: 1h,1GiB. Earlier ones become NAME.1, "
  "NAME.2, …",
)
@click.option("--keep", type=click.IntRange(0), default=0, help="How many earlier files; 0 = all.")
@click.option(
  "--sign",
  "key",
  type=click.Path(path_type=Path, dir_okay=False),
  metavar="KEY.pem",
  help="Sign with this ed25519 key.",
)
@click.option(
  "--raw",
  is_flag=True,
  help="Keep the venues' own messages too; bond sim VENUE --capture plays them.",
)
@click.option("--sim", is_flag=True, help="Record simulated venues, without a network.")
@click.option("-v", "--verbose", count=True, help="Say what happens; twice for tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors, and no progress.")
def record_command(
  spec: str,
  path: Path | None,
  duration: float | None,
  rotate: Rotation | None,
  keep: int,
  key: Path | None,
  raw: bool,
  sim: bool,
  verbose: int,
  quiet: bool,
) -> None:
  """Record SPEC, a YAML or JSON file (- for standard input) or a request in plain English, until
  Ctrl-C: all events of its sources, gaps among them, and what its transforms make. Its own sinks
  do not run.

  The file is JSON lines in Zstandard frames, each with a digest. A frame is written at least every
  second, so a recorder that is killed loses no more than that. Where FILE is a recording already,
  it is gone on with, in a new segment.

  \b
  bond record btc-pulse.yaml -o btc.jsonl.zst --sim --duration 20s
  bond record btc-pulse.yaml -o hours.jsonl.zst --rotate 1h --keep 48 --sim --duration 5s
  bond record "BTC price on binance" -o price.jsonl.zst --sim --duration 5s
  bond record "BTC trades on binance to btc.jsonl.zst for 5s" --sim
  bond record btc-pulse.yaml -o raw.jsonl.zst --raw --sim --duration 5s
  """
  set_up_logging(verbose, quiet)
  # The command is the verb: a request may say it again, and the file and how long with it.
  requested = recording_request(spec) or recording_request(f"record {spec}")
  if requested is not None and is_request(spec):
    spec, path = requested.request, path or (Path(requested.path) if requested.path else None)
    if requested.duration:
      duration = duration or DurationType().convert(requested.duration, None, None)
  checked = read_spec(spec)
  path = path or Path(f"{_file_name(checked.name)}.jsonl.zst")
  if not suffix_of(path.name):
    fail(f"{path}: a recording is called NAME.jsonl.zst")
  rotate = rotate or Rotation()
  try:
    signer = None if key is None else read_signer(key)
  except RecordingError as exc:
    fail(str(exc))
  try:
    if path.exists() and path.stat().st_size:
      header_of(path)
  except RecordingError as exc:
    fail(f"{exc}; give another name, or move the file away")
  rotation = Rotation(rotate.size, rotate.seconds, keep)
  target = Target(path=path, rotation=rotation, signer=signer, raw=raw)
  bare = untapped(checked) if raw else []
  kept = [f"{', '.join(bare)}: only a venue's feed has messages that --raw keeps"] if bare else []
  for warning in (*checked.warnings, *kept):
    click.echo(f"warning: {warning}", err=True)
  shows = not quiet and sys.stderr.isatty()
  try:
    result = trio.run(_run, recorded(checked, target), duration, sim, target.progress, shows)
  except* BondError as group:
    fail("\n".join(sentences(group)), FAILED)
  done = target.progress
  if not quiet:
    gaps = f", {counted(done.gaps, 'gap')} among them" if done.gaps else ""
    click.echo(
      f"{path}: {counted(done.events, 'event')}{gaps}, {size_text(done.bytes)} in "
      f"{result.seconds:.1f} s",
      err=True,
    )
  for failure in result.failures:
    click.echo(f"failed: {failure}", err=True)
  sys.exit(FAILED if result.failures else 0)


def _file_name(name: str) -> str:
  return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "recording"


async def _run(
  spec: Spec, duration: float | None, sim: bool, progress: Progress, shows: bool
) -> RunResult:
  stop = trio.Event()
  async with trio.open_nursery() as nursery:
    await nursery.start(on_signals, stop.set)
    if shows:
      nursery.start_soon(_show, progress)
    with last_resort(STOP_WITHIN, _leave):
      result = await run(spec, duration=duration, simulate=sim, stop=stop, give_up=_give_up)
    nursery.cancel_scope.cancel()
  if shows:
    click.echo("\r\x1b[K", nl=False, err=True)
  return result


async def _show(progress: Progress) -> None:
  began, before = trio.current_time(), 0
  last = began
  while True:
    await trio.sleep(SHOW_EVERY)
    now = trio.current_time()
    rate, before = (progress.events - before) / (now - last), progress.events
    last = now
    age = f"{time.time() - progress.newest_ms / 1000:.1f} s old" if progress.newest_ms else "none"
    click.echo(
      f"\r\x1b[K{progress.events:,} events, {rate:,.0f}/s, {size_text(progress.bytes)}, "
      f"{counted(progress.gaps, 'gap')}, newest {age}",
      nl=False,
      err=True,
    )


def _leave() -> None:
  sys.stderr.write(f"not everything ended within {STOP_WITHIN:.0f} s\n")
  sys.stderr.flush()
  os._exit(FAILED)


def _give_up(names: list[str]) -> None:
  say(f"{' and '.join(names)} did not stop within 5 s of being cancelled")
  os._exit(FAILED)
