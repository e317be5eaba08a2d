"""Finds an event of a recording by its position, and says what it was made of."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import attrs

from bond_core import AnyEvent, Batch, Registry, Spec, Window, decode, load_spec
from bond_core.specs import Components
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import Header
from bond_recordkit.kept import frames_at
from bond_recordkit.reader import event_lines, header_of, segments_of
from bond_recordkit.why import MOST_EVENTS, Why, epoch_of, moment_of, why_event, why_window

_POSITION = re.compile(r"(?:(?P<of>[0-9A-Za-z-]+):)?(?P<seq>\d{1,18})")

FORMS = "SEQ, EPOCH:SEQ for an event, or STREAM_ID:SEQ for a window"


class Position(NamedTuple):
  """A number, and the epoch or the stream that it is of where that was said."""

  seq: int
  of: str | None = None


def read_position(text: str) -> Position:
  """A position as users write it. Raises RecordingError, which shows the forms."""
  found = _POSITION.fullmatch(text.strip())
  if found is None:
    raise RecordingError(f"{text!r} is no position; write {FORMS}")
  return Position(int(found["seq"]), found["of"])


def why_recorded(path: Path, text: str, registry: Components | None = None) -> Why:
  """What the event or window at a position of a recording was made of. A number alone is that of an
  event; where there is none, of a window. Raises RecordingError where there is neither."""
  position = read_position(text)
  paths = segments_of(path)
  header = header_of(paths[-1])
  if not header.spec:
    raise RecordingError(
      f"{path} does not say which spec was recorded; `bond record` notes it, the sink core.jsonl "
      "does not"
    )
  spec: Spec = load_spec(
    json.dumps(header.spec), file=str(path), registry=registry or Registry(), trusted=True
  )
  if position.of not in (None, header.epoch, header.stream_id):
    raise RecordingError(
      f"{path} has the epoch {header.epoch} and the stream {header.stream_id}, not {position.of}"
    )
  found = _why(paths, position, spec, header)
  if not any(header_of(segment).raw for segment in paths):
    return found
  moments = map(moment_of, found.events[:MOST_EVENTS])
  return attrs.evolve(found, frames=list(frames_at(paths, moments)))


def _why(paths: list[Path], position: Position, spec: Spec, header: Header) -> Why:
  event = None
  if position.of != header.stream_id:
    event = _event_at(paths, position.seq)
  if event is None and (position.of is None or position.of == header.stream_id):
    return _window_at(paths, position.seq, spec, header.stream_id, header.versions)
  if event is None:
    raise RecordingError(f"{paths[-1]} has no event {position.seq}")
  return why_event(spec, event, f"{header.epoch}:{position.seq}", header.versions)


def _events(paths: list[Path]) -> Iterator[AnyEvent]:
  for part in event_lines(paths):
    for line in part.lines:
      yield decode(line)


def _event_at(paths: list[Path], seq: int) -> AnyEvent | None:
  needle = f'"seq_internal":{seq},'.encode()
  last = f'"seq_internal":{seq}}}'.encode()
  for part in event_lines(paths):
    for line in part.lines:
      if needle in line or last in line:
        event = decode(line)
        if not isinstance(event, Window) and event.seq_internal == seq:
          return event
  return None


def _window_at(
  paths: list[Path], seq: int, spec: Spec, stream: str, versions: dict[str, str]
) -> Why:
  events: Batch = []
  for event in _events(paths):
    if not isinstance(event, Window):
      events.append(event)
      continue
    if event.seq == seq:
      found = _explained(spec, event, events, f"{stream}:{seq}", versions)
      if found is None:
        break
      return found
  raise RecordingError(f"there is no window {seq} in {paths[-1]} that its spec makes")


def _explained(
  spec: Spec, row: Window, events: Batch, position: str, versions: dict[str, str]
) -> Why | None:
  span = epoch_of(row.window_end) - epoch_of(row.window_start)
  reached = max((getattr(event, "ts_event", 0) for event in events), default=0)

  def before(margin_ms: int | None) -> Batch:
    if margin_ms is None:
      return events
    return [e for e in events if getattr(e, "ts_event", 0) >= reached - span - margin_ms]

  return why_window(spec, row, position, before, versions)
