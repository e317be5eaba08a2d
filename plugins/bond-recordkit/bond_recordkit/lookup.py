"""Finds an event of a recording by its position, and says what it was made of."""

import json
import re
from collections import deque
from pathlib import Path
from typing import NamedTuple

import attrs

from bond_core import AnyEvent, Batch, Registry, Spec, SpecError, Window, decode, load_spec
from bond_core.specs import Components
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import Header
from bond_recordkit.kept import frames_at
from bond_recordkit.reader import Run, event_lines, runs_of, segments_of
from bond_recordkit.why import (
  MOST_EVENTS,
  MOST_READ,
  Why,
  epoch_of,
  moment_of,
  why_event,
  why_window,
)

_POSITION = re.compile(r"(?:(?P<of>[0-9A-Za-z-]+):)?(?P<seq>\d{1,18})")

_WINDOW = b'{"type":"window"'

FORMS = "SEQ, EPOCH:SEQ for an event, or STREAM_ID:SEQ for a window"


class Position(NamedTuple):
  """A number, and the epoch or the stream that it is of where that was said."""

  seq: int
  of: str | None = None


class _NotThere(RecordingError):
  """A run has neither an event nor a window of a number."""


def read_position(text: str) -> Position:
  """A position as users write it. Raises RecordingError, which shows the forms."""
  found = _POSITION.fullmatch(text.strip())
  if found is None:
    raise RecordingError(f"{text!r} is no position; write {FORMS}")
  return Position(int(found["seq"]), found["of"])


def recorded_spec(
  header: Header, file: str, registry: Components, *, trusted: bool = False
) -> Spec:
  """The spec that was recorded. Its transforms run where a window is computed again, and the file
  may be a stranger's: one that is not `trusted` has those only that a spec from outside may have.
  Nothing else of it runs, so that may be anything. Raises SpecError, or RecordingError for a
  transform that is not public."""
  text = json.dumps(header.spec)
  if not trusted:
    try:
      return load_spec(text, file=file, registry=registry, trusted=False)
    except SpecError as exc:
      closed = [one for one in exc.problems if one.path.startswith("transforms.")]
      if closed:
        raise RecordingError(
          f"the spec in {file} would run what a file from elsewhere may not: {closed[0].path}: "
          f"{closed[0].message}; where you made the recording yourself, say --trust"
        ) from exc
  return load_spec(text, file=file, registry=registry, trusted=True)


def why_recorded(
  path: Path, text: str, registry: Components | None = None, *, trusted: bool = False
) -> Why:
  """What the event or window at a position of a recording was made of. A number alone is that of an
  event; where there is none, of a window. `trusted` says that the recording is one's own, so that
  every transform of its spec may run. Raises RecordingError where there is neither."""
  position = read_position(text)
  runs = runs_of(segments_of(path))
  # Each run has numbers from 1 on; the newest that has this one is meant.
  named = [run for run in reversed(runs) if position.of in (None, *_names(run.header))]
  if not named:
    there = " or ".join(" and ".join(_names(run.header)) for run in runs)
    raise RecordingError(f"{path} has the epoch and the stream {there}, not {position.of}")
  missing: _NotThere | None = None
  for run in named:
    try:
      return _why_in(run, position, str(path), registry or Registry(), trusted=trusted)
    except _NotThere as exc:
      missing = missing or exc
  raise missing or _NotThere(f"{path} has no event {position.seq}")


def _names(header: Header) -> tuple[str, str]:
  return header.epoch, header.stream_id


def _why_in(run: Run, position: Position, file: str, registry: Components, *, trusted: bool) -> Why:
  paths, header = run
  if not header.spec:
    raise RecordingError(
      f"{file} does not say which spec was recorded; `bond record` notes it, the sink core.jsonl "
      "does not"
    )
  spec = recorded_spec(header, file, registry, trusted=trusted)
  found = _why(paths, position, spec, header)
  if not header.raw:
    return found
  moments = map(moment_of, found.events[:MOST_EVENTS])
  frames, left_out = frames_at(paths, moments)
  return attrs.evolve(found, frames=frames, frames_left_out=left_out)


def _why(paths: list[Path], position: Position, spec: Spec, header: Header) -> Why:
  event = None
  if position.of != header.stream_id:
    event = _event_at(paths, position.seq)
  if event is None and (position.of is None or position.of == header.stream_id):
    what = "window" if position.of else "event and no window"
    return _window_at(paths, position.seq, what, spec, header.stream_id, header.versions)
  if event is None:
    raise _NotThere(f"{paths[-1]} has no event {position.seq}")
  return why_event(spec, event, f"{header.epoch}:{position.seq}", header.versions)


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


class _Place(NamedTuple):
  """Where a window stands: in which part, behind how many lines of it, and when those were
  received at the latest."""

  row: Window
  part: int
  line: int
  reached_ms: int


def _place_of(paths: list[Path], seq: int, what: str) -> _Place:
  """Raises _NotThere where there is no window of this number, which says which there are."""
  first, last, reached = 0, 0, 0
  for number, part in enumerate(event_lines(paths)):
    reached = part.ts[1] if part.ts is not None else reached
    for place, line in enumerate(part.lines):
      if not line.startswith(_WINDOW):
        continue
      row = decode(line)
      if isinstance(row, Window) and row.seq is not None:
        if row.seq == seq:
          return _Place(row, number, place, reached)
        first, last = first or row.seq, row.seq
  there = (
    f"its windows have numbers from {first} to {last}, not each of them" if last else "it has none"
  )
  raise _NotThere(f"{paths[-1]} has no {what} {seq}; {there}")


def _window_at(
  paths: list[Path], seq: int, what: str, spec: Spec, stream: str, versions: dict[str, str]
) -> Why:
  place = _place_of(paths, seq, what)
  span = epoch_of(place.row.window_end) - epoch_of(place.row.window_start)

  def before(margin_ms: int | None) -> Batch:
    since = 0 if margin_ms is None else place.reached_ms - span - margin_ms
    return _events_before(paths, place, since)

  found = why_window(spec, place.row, f"{stream}:{seq}", before, versions)
  if found is None:
    raise RecordingError(f"the spec in {paths[-1]} does not make window {seq} of its events")
  return found


def _events_before(paths: list[Path], place: _Place, since_ms: int) -> Batch:
  """The events in front of a window that were received from a time on; of very many the newest."""
  found: deque[AnyEvent] = deque(maxlen=MOST_READ)
  for number, part in enumerate(event_lines(paths)):
    if number > place.part:
      break
    if part.ts is not None and part.ts[1] < since_ms:
      continue
    for line in part.lines[: place.line] if number == place.part else part.lines:
      if not line.startswith(_WINDOW):
        event = decode(line)
        if getattr(event, "ts_event", 0) >= since_ms:
          found.append(event)
  return list(found)
