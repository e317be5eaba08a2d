"""bond verify"""

import sys
from pathlib import Path

import click
import msgspec
from bond_commandkit import FAILED, fail
from bond_recordkit.errors import RecordingError
from bond_recordkit.reader import segments_of
from bond_recordkit.signing import read_public_key
from bond_recordkit.verify import Report, verify

from bond_core.config import counted


@click.command(name="verify")
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
  "--key",
  metavar="HEX|PEM",
  help="The recorder's public key. Without it, signatures are checked against the key that the "
  "recording names.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on standard output.")
def verify_command(recordings: tuple[str, ...], key: str | None, as_json: bool) -> None:
  """Prove that RECORDING is as it was written: every line, its order, and every segment after the
  one before. A line that was altered, removed, added or moved is named.

  The earlier segments beside RECORDING are checked with it; several files are checked as given.
  Exit code 0 when nothing is wrong, 1 when something is, 2 for a file that is no recording.

  \b
  bond verify btc.jsonl.zst
  bond verify btc.1.jsonl.zst btc.2.jsonl.zst --key recorder.pub.pem
  """
  paths = [Path(name) for name in recordings]
  try:
    report = verify(
      segments_of(paths[0]) if len(paths) == 1 else paths,
      None if key is None else read_public_key(key),
    )
  except RecordingError as exc:
    fail(str(exc))
  if as_json:
    click.echo(_json(report))
  else:
    for fault in report.faults:
      click.echo(str(fault))
    for note in report.notes:
      click.echo(f"note: {note}")
    signed = ", signed" if report.signed else ""
    found = counted(len(report.faults), "fault") if report.faults else "sound"
    click.echo(
      f"{found}: {counted(report.lines, 'line')} in {counted(report.segments, 'segment')}{signed}"
    )
  sys.exit(0 if report.sound else FAILED)


def _json(report: Report) -> bytes:
  return msgspec.json.encode(
    {
      "sound": report.sound,
      "segments": report.segments,
      "frames": report.frames,
      "lines": report.lines,
      "signed": report.signed,
      "digest": report.digest,
      "notes": report.notes,
      "faults": [
        {"path": str(fault.path), "line": fault.line, "message": fault.message}
        for fault in report.faults
      ],
    }
  )
