"""bond why"""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import click
from bond_commandkit import FAILED, fail
from bond_commandkit.plain_text import one_line
from bond_recordkit.errors import RecordingError
from bond_recordkit.lookup import read_position, why_recorded

from bond_core import BondError
from bond_core.config import counted

_SHOWN = 20
_CHARACTERS = 300
_WITHIN = 60.0


@click.command(name="why")
@click.argument("position", metavar="SEQ|EPOCH:SEQ|STREAM_ID:SEQ")
@click.option(
  "--in",
  "recording",
  type=click.Path(path_type=Path),
  metavar="RECORDING",
  help="Look into a recording; else a running server answers.",
)
@click.option(
  "--url",
  default="http://localhost:8000",
  show_default=True,
  metavar="URL",
  help="The control plane of the server.",
)
@click.option("--key", envvar="BOND_API_KEY", metavar="KEY", help="An API key of the server.")
@click.option(
  "--trust",
  "trusted",
  is_flag=True,
  help="The recording is your own: run also those of its transforms that a file from elsewhere may "
  "not, such as core.map.",
)
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON on standard output.")
def why_command(
  position: str,
  recording: Path | None,
  url: str,
  key: str | None,
  trusted: bool,
  as_json: bool,
) -> None:
  """Say what an event or a window was made of: the events in it with the venue's ids and times, the
  transforms and their settings, the gaps in its time, the versions that computed it. The window is
  computed again from those events, and whether that gives the same is said.

  Exit code 0 where the answer holds, 1 where a window does not come out the same.

  \b
  bond why 1042 --in btc.jsonl.zst
  bond why 1042 --in btc.jsonl.zst --json
  """
  try:
    read_position(position)
    found = (
      why_recorded(recording, position, trusted=trusted).as_data()
      if recording is not None
      else _served(url, key, position)
    )
  except BondError as exc:
    fail(str(exc))
  if as_json:
    click.echo(json.dumps(found, ensure_ascii=False))
  else:
    for line in _lines(found):
      click.echo(line)
  if found.get("equal") is False:
    raise SystemExit(FAILED)


def _served(url: str, key: str | None, position: str) -> dict[str, Any]:
  parts = urlsplit(url)
  if parts.scheme not in ("http", "https"):
    raise RecordingError(f"{url!r} is no URL of a control plane; write http://localhost:8000")
  path = f"{parts.path.rstrip('/')}/v1/why/{quote(position)}"
  headers = {} if key is None else {"X-API-Key": key}
  asked = urllib.request.Request(urlunsplit((*parts[:2], path, "", "")), headers=headers)
  try:
    with urllib.request.urlopen(asked, timeout=_WITHIN) as answer:
      found: dict[str, Any] = json.load(answer)
  except urllib.error.HTTPError as exc:
    with exc:
      try:
        reason = json.load(exc)["detail"]
      except (ValueError, KeyError):
        reason = f"HTTP {exc.code}"
    raise RecordingError(f"the server says: {reason}") from exc
  except (OSError, ValueError) as exc:
    hint = "name a recording with --in, or a server with --url"
    raise RecordingError(f"no server answers at {url}; {hint}") from exc
  return found


def _lines(found: dict[str, Any]) -> list[str]:
  event = found["event"]
  what = f"{event['type']} of {event.get('exchange') or 'all'} {event.get('symbol', '')}"
  if event["type"] == "window":
    what = f"window of {event['symbol']}, {event['window_start']} to {event['window_end']}"
  lines = [f"{found['position']}: {what}"]
  for key, node in found["nodes"].items():
    settings = ", ".join(
      f"{name}: {value}" for name, value in (node["with"] or {}).items() if value not in (None, [])
    )
    reads = f" reads {', '.join(node['from'])};" if node.get("from") else ""
    lines.append(f"  {key}: {node['use']}{reads} {settings}")
  if "equal" in found:
    same = "computed again from them it is the same" if found["equal"] else "it does NOT come out"
    lines.append(f"made of {counted(found['count'], 'event')}; {same}")
    if found["late"]:
      lines.append(f"{counted(found['late'], 'event')} came too late for it")
    lines += [f"  {_event(one)}" for one in found["events"][:_SHOWN]]
    if found["count"] > _SHOWN:
      lines.append(f"  … {found['count'] - _SHOWN} more; --json has them")
  else:
    lines.append(f"  {_event(event)}")
  lines += [f"  frame: {_frame(one)}" for one in found["frames"][:_SHOWN]]
  lines += [
    f"  gap: {gap['reason']} of {gap['exchange']} {gap['symbol']} {gap['cause']}"
    for gap in found["gaps"]
  ]
  return [one_line(line) for line in lines]


def _frame(frame: dict[str, Any]) -> str:
  """The beginning of a venue's own message."""
  text = frame.get("data") or json.dumps(frame.get("frame", ""), ensure_ascii=False)
  return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}… (--json has all of it)"


def _event(event: dict[str, Any]) -> str:
  left_out = ("type", "exchange", "symbol", "seq_internal", "raw", "ts_internal")
  rest = " ".join(f"{k}={v}" for k, v in event.items() if k not in left_out and v is not None)
  return f"{event.get('seq_internal')} {event['type']} {event.get('exchange')} {rest}"
