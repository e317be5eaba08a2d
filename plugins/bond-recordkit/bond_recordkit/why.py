"""What a recorded event or window was made of."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import attrs
import msgspec

from bond_core import AnyEvent, Batch, Gap, Heartbeat, Spec, Window
from bond_recordkit.format import NOT_RECORDED
from bond_recordkit.kept import KeptFrame
from bond_recordkit.rerun import Made, Rerun, takes

MARGINS_MS: tuple[int, ...] = (90_000, 900_000)
"""How far before a window events are read at first, so that clocks and sources are known as they
were; where the window does not come out equal, all that there is is read."""

_WAIT_MS = 3_700_000
"""A window closes at most so long after its last event: lateness is up to an hour."""

MOST_EVENTS = 1000

MOST_READ = 200_000
"""Events that are read for one answer."""

_SKIPPED = ("raw", "ts_internal")
_IDS = ("trade_id", "agg_trade_id", "match_id", "sequence", "order_id")


@attrs.frozen
class Why:
  """The answer for one event or window.

  `events` are those that a window was made of, in order; of anything else, itself. `made_by` is the
  key of the transform, or of the source where the spec is known. `equal` says that the window was
  computed again from them and came out as it was; None where there was nothing to compute. `frames`
  are the venues' messages that were received at the times of the events, but for `frames_left_out`
  of them, which are too large together.
  """

  position: str
  event: AnyEvent
  made_by: tuple[str, ...]
  spec: Spec | None
  events: Sequence[AnyEvent]
  gaps: Sequence[Gap]
  equal: bool | None = None
  versions: dict[str, str] = attrs.field(factory=dict)
  frames: Sequence[KeptFrame] = ()
  frames_left_out: int = 0

  def as_data(self, limit: int = MOST_EVENTS) -> dict[str, Any]:
    """The answer as plain data. `seqs` are the numbers of all events as [first, last] ranges; the
    first `limit` events are shown."""
    found: dict[str, Any] = {
      "position": self.position,
      "event": msgspec.to_builtins(self.event),
      "made_by": list(self.made_by),
      "nodes": nodes_of(self.spec, self.made_by),
      "count": len(self.events),
      "seqs": ranges([seq for e in self.events if (seq := number_of(e)) is not None]),
      "events": [_shown(event) for event in self.events[:limit]],
      "frames": [
        *(
          {"seq": number_of(event), "frame": event.raw}  # type: ignore[union-attr]
          for event in self.events[:limit]
          if getattr(event, "raw", None) is not None
        ),
        *_kept_of(self.events[:limit], self.frames),
      ],
      "gaps": [msgspec.to_builtins(gap) for gap in self.gaps],
      "versions": self.versions,
    }
    if self.frames_left_out:
      found["frames_left_out"] = self.frames_left_out
    if isinstance(self.event, Window):
      found["equal"] = self.equal
      found["late"] = self.event.raw_data.get("late", 0)
    return found


def moment_of(event: AnyEvent) -> tuple[str, int]:
  """Whose an event is, and when it was received."""
  return getattr(event, "exchange", ""), getattr(event, "ts_event", 0)


def _kept_of(events: Sequence[AnyEvent], frames: Sequence[KeptFrame]) -> list[dict[str, Any]]:
  """The messages that the events were made of, each with their numbers. Which one of those that
  came together an event is of shows by the venue's own id, where it has one."""
  together: dict[tuple[str, int], list[KeptFrame]] = {}
  for frame in frames:
    together.setdefault((frame.exchange, frame.ts_event), []).append(frame)
  numbers: dict[int, list[int | None]] = {}
  for event in events:
    found = together.get(moment_of(event), [])
    ids = [str(value) for name in _IDS if (value := getattr(event, name, None)) is not None]
    named = ([frame for frame in found if text in frame.data] for text in ids)
    for frame in next(filter(None, named), found):
      numbers.setdefault(id(frame), []).append(number_of(event))
  return [
    {"seqs": numbers[id(frame)], **msgspec.to_builtins(frame)}
    for frame in frames
    if id(frame) in numbers
  ]


def number_of(event: AnyEvent) -> int | None:
  """The number of an event in the log of all events."""
  return None if isinstance(event, Window) else event.seq_internal


def ranges(numbers: Sequence[int]) -> list[list[int]]:
  """Numbers as ranges, both ends included."""
  found: list[list[int]] = []
  for number in sorted(numbers):
    if found and number == found[-1][1] + 1:
      found[-1][1] = number
    elif not found or number > found[-1][1]:
      found.append([number, number])
  return found


def nodes_of(spec: Spec | None, keys: Sequence[str]) -> dict[str, Any]:
  """The nodes of a spec that these stand on, with their settings, and themselves."""
  open_, found = list(keys), dict[str, Any]()
  while open_ and spec is not None:
    key = open_.pop()
    if key in found:
      continue
    if key in spec.transforms:
      node = spec.transforms[key]
      found[key] = {"use": node.use, "with": _settings(node.config), "from": list(node.inputs)}
      open_ += node.inputs
    elif key in spec.sources:
      source = spec.sources[key]
      found[key] = {"use": source.use, "with": _settings(source.config)}
  return found


def _settings(config: Any) -> Any:
  """The settings as plain data; a secret shows nothing of itself."""
  if attrs.has(type(config)):
    names = [field.name for field in attrs.fields(type(config))]
    return {name: _settings(getattr(config, name)) for name in names}
  if isinstance(config, list | tuple):
    return [_settings(value) for value in config]
  if isinstance(config, dict):
    return {str(key): _settings(value) for key, value in config.items()}
  if config is None or isinstance(config, bool):
    return config
  for plain in (int, float):
    if isinstance(config, plain):
      # A duration or a size, say, which JSON does not know.
      return plain(config)
  return str(config)


def _shown(event: AnyEvent) -> dict[str, Any]:
  data: dict[str, Any] = msgspec.to_builtins(event)
  return {k: v for k, v in data.items() if v is not None and k not in _SKIPPED}


def why_window(
  spec: Spec,
  row: Window,
  position: str,
  before: Callable[[int | None], Batch],
  versions: dict[str, str] | None = None,
  *,
  margins: Sequence[int | None] = (*MARGINS_MS, None),
) -> Why | None:
  """What a window was made of; None where no transform of the spec makes it of what there is.

  `before(margin_ms)` gives the events, in order, that were received before the window came, from
  that long before it began on; all that there are for None.
  """
  best: tuple[Made, Batch, bool] | None = None
  for margin in margins:
    events = before(margin)
    made = _again(spec, row, events)
    if made is None:
      continue
    equal = _same(made.window, row)
    best = made, events, equal
    if equal:
      break
  if best is None:
    return None
  made, events, equal = best
  return Why(
    position=position,
    event=row,
    made_by=(made.key,),
    spec=spec,
    events=made.events,
    gaps=_gaps_of(row, made, events),
    equal=equal,
    versions=versions or {},
  )


def _again(spec: Spec, row: Window, events: Batch) -> Made | None:
  place = row.symbol, row.window_start, row.window_end
  told = [event for event in events if not isinstance(event, Window | Heartbeat)]
  real = {e.exchange for e in told if not isinstance(e, Gap) and not e.simulated}
  simulated = {e.exchange for e in told if e.simulated is True}
  if simulated and not real:
    simulated |= {"", "*"}
  rerun = Rerun(spec, frozenset(simulated))
  rerun.push([e for e in events if not isinstance(e, Gap) or e.cause != NOT_RECORDED])
  if (found := _found(rerun, place, row)) is None and events:
    newest = max((getattr(event, "ts_event", 0) for event in events), default=0)
    rerun.wait(newest + _WAIT_MS)
    found = _found(rerun, place, row)
  if found is None:
    rerun.finish()
    found = _found(rerun, place, row)
  return found


def _found(rerun: Rerun, place: tuple[str, str, str], row: Window) -> Made | None:
  found: Made | None = None
  for made in rerun.made:
    window = made.window
    if (window.symbol, window.window_start, window.window_end) == place:
      if _same(window, row):
        return made
      found = found or made
  return found


def _same(one: Window, other: Window) -> bool:
  """Whether they are one row: its number is of the log that it is in, and that it is played again
  is no part of it."""
  return _bare(one) == _bare(other)


def _bare(row: Window) -> Window:
  raw = {name: value for name, value in row.raw_data.items() if name != "replay"}
  return msgspec.structs.replace(row, seq=None, raw_data=raw)


def _gaps_of(row: Window, made: Made, events: Batch) -> list[Gap]:
  """The gaps that were declared while the window was open, and those that say that they concern its
  time."""
  start, end = epoch_of(row.window_start), epoch_of(row.window_end)
  times = [event.ts_event for event in made.events if not isinstance(event, Window)]
  first, last = min([start, *times]), max([end, *times])
  return [
    event
    for event in events
    if type(event) is Gap
    and event.symbol in ("*", "", row.symbol)
    and (
      first <= event.ts_event <= last
      or ((event.ts_from or event.ts_event) <= last and (event.ts_to or event.ts_event) >= first)
    )
  ]


def epoch_of(text: str) -> int:
  """Epoch ms of a window's time."""
  return round(datetime.fromisoformat(text).timestamp() * 1000)


def why_event(
  spec: Spec | None, event: AnyEvent, position: str, versions: dict[str, str] | None = None
) -> Why:
  """Where an event of a source came from."""
  sources = {} if spec is None else spec.sources
  keys = tuple(key for key, node in sources.items() if takes(node)(event))
  gaps = [event] if isinstance(event, Gap) else []
  return Why(position, event, keys, spec, [event], gaps, None, versions or {})
