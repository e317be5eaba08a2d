"""Lines of events, without decoding all of each: what type they are, whose, and when received."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import msgspec
from bond_recordkit.errors import RecordingError
from bond_recordkit.reader import Part, event_lines

from bond_core import EVENT_TYPES
from bond_recordings.moments import read_moment, shown_moment

LATE_MS = 10_000
"""Times of receipt may go back by so much where several connections are read."""

_NAMED = 10
"""Symbols that a message names."""

CHANNEL_OF = {name: str(getattr(kind, "channel", name)) for name, kind in EVENT_TYPES.items()}
CHANNEL_OF["gap"] = "gap"


class Key(msgspec.Struct, gc=False):
  """What is read of a line."""

  type: str
  exchange: str = ""
  symbol: str = ""
  channel: str = ""
  ts_event: int = 0
  seq_internal: int | None = None


_decode = msgspec.json.Decoder(Key).decode


def key_of(line: bytes) -> Key:
  """What is read of a line. Raises RecordingError where it is no event."""
  try:
    return _decode(line)
  except msgspec.DecodeError as exc:
    start = line[:60].decode(errors="replace")
    raise RecordingError(f"a line is no event: {exc}; it begins with {start!r}") from exc


@attrs.frozen
class Selection:
  """Which events are wanted: received from `since` on and before `until` (epoch ms), on these
  channels, of these symbols; what is empty leaves all. Gaps that concern any of it are among
  them."""

  since: int | None = None
  until: int | None = None
  channels: Collection[str] = ()
  symbols: Collection[str] = ()

  @property
  def everything(self) -> bool:
    """Whether nothing is left out."""
    return self == Selection()

  def takes(self, key: Key) -> bool:
    """Whether an event is wanted, its time aside."""
    if self.symbols and key.symbol not in self.symbols and key.symbol not in ("*", ""):
      return False
    if not self.channels:
      return True
    channel = key.channel if key.type == "gap" else CHANNEL_OF.get(key.type, key.type)
    return channel in self.channels or channel == "*"


class Reach:
  """When lines were received: a time never goes back, and a line without one, such as a window, was
  made when the one before it came."""

  def __init__(self) -> None:
    self.ms = 0

  def of(self, key: Key) -> int:
    """The time of one more line."""
    if key.ts_event > self.ms:
      self.ms = key.ts_event
    return self.ms


class Picker:
  """Picks the lines that are wanted, in order, with the time of receipt that each counts for."""

  def __init__(self, wanted: Selection) -> None:
    self.over = False
    """Whether the end of what is wanted was reached."""
    self._wanted = wanted
    self._reach = Reach()

  def skips(self, part: Part) -> bool:
    """Whether a frame lies before all that is wanted."""
    since = self._wanted.since
    return since is not None and part.ts is not None and part.ts[1] + LATE_MS < since

  def pick(self, lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Those of some more lines that are wanted."""
    wanted = self._wanted
    for line in lines:
      key = key_of(line)
      now = self._reach.of(key)
      if wanted.until is not None and now >= wanted.until:
        self.over = True
        return
      if (wanted.since is None or now >= wanted.since) and wanted.takes(key):
        yield now, line


def beginning(paths: Sequence[Path]) -> int:
  """When the first event of a recording was received (epoch ms), 0 where there is none."""
  for part in event_lines(paths):
    for line in part.lines:
      if received := key_of(line).ts_event:
        return received
  return 0


def span_of(
  paths: Sequence[Path] | None, since: str | None, until: str | None
) -> tuple[int | None, int | None]:
  """--from and --until as epoch ms; durations are from the beginning of a recording. Raises
  ValueError where one is no time, or where nothing can lie between them."""
  relative = any(text is not None and text.lstrip().startswith("+") for text in (since, until))
  if relative and paths is None:
    raise ValueError("times from the beginning (+5m) are for recordings; write the time itself")
  begin = beginning(paths) if relative and paths is not None else 0
  first, last = (None if text is None else read_moment(text, begin) for text in (since, until))
  if first is not None and last is not None and first >= last:
    raise ValueError(f"--until {until} is not after --from {since}: nothing lies between")
  return first, last


def require_some(paths: Sequence[Path], wanted: Selection) -> None:
  """Raises RecordingError where nothing of a recording is wanted, and says what there is."""
  if wanted.everything or any(
    not wanted.symbols or key_of(line).symbol in wanted.symbols
    for lines in selected(paths, wanted)
    for line in lines
  ):
    return
  reach, symbols, types = Reach(), set[str](), set[str]()
  for part in event_lines(paths):
    for key in map(key_of, part.lines):
      reach.of(key)
      types.add(CHANNEL_OF.get(key.type, key.type))
      symbols.add(key.symbol)
  named = sorted(symbols - {"", "*"})
  more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
  there = f"{', '.join(named[:_NAMED]) or 'no symbol'}{more} ({', '.join(sorted(types))})"
  times = f"received from {shown_moment(beginning(paths))} to {shown_moment(reach.ms)}"
  what = f"{there}, {times}" if types else "nothing"
  raise RecordingError(f"nothing in {paths[-1]} is as you ask; it has {what}")


def selected(paths: Sequence[Path], wanted: Selection) -> Iterator[list[bytes]]:
  """The lines that are wanted, frame by frame."""
  picker = Picker(wanted)
  for part in event_lines(paths):
    if wanted.everything:
      yield part.lines
    elif not picker.skips(part):
      yield [line for _, line in picker.pick(part.lines)]
    if picker.over:
      return
