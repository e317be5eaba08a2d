"""The rows of a live table: a stream each, with its rate, age, state and losses."""

from collections import deque
from collections.abc import Iterator
from heapq import nlargest
from typing import TYPE_CHECKING

from bond_commandkit.columns import (
  Column,
  cell,
  in_columns,
  short_count,
  short_rate,
  short_time,
  sparkline,
)

from bond_builtin.sinks.latest import StreamKey, figure_of, is_simulated, said_of, stream_of
from bond_core import AnyEvent, Batch, Gap
from bond_core.config import counted

if TYPE_CHECKING:
  from rich.text import Text

MOST = 1_000
AT_ONCE = MOST // 10
"""Streams that are known; where there are more, those that were silent for longest make room, so
many at once, since to find them costs as much as all of them are."""
TREND = 8
"""Figures of a trend: of the last seconds in which something came, or how many came in each."""
RATE_OVER = 10
SELDOM_OVER = 60
"""Seconds that a rate is of, and that of a stream of less than one event a second."""
QUIET_AFTER = 10.0
QUIET_FACTOR = 3
"""How many times its usual interval a stream may be silent before it is quiet."""

COLUMNS = (
  Column("venue", 5),
  Column("symbol", 8),
  Column("market", 4),
  Column("channel", 6),
  Column("state", 5),
  Column("rate", 6, figures=True),
  Column("age", 4, figures=True),
  Column("trend", TREND, below=True),
  Column("gaps", 4, figures=True, below=True),
  Column("events", 6, figures=True, below=True),
  Column("latest", 1, below=True),
)
_STYLES = {"live": "green", "sim": "yellow", "quiet": "dim", "gap": "bold red"}


class Row:
  """One stream. Times are seconds of a clock that never goes back."""

  def __init__(self, now: float) -> None:
    self.event: AnyEvent | None = None
    self.count = 0
    self.gaps = 0
    self.lost = False
    """Whether a gap is the last that was heard of it."""
    self._first = self._last = now
    self._second = int(now)
    self._counts: deque[int] = deque([0], maxlen=SELDOM_OVER)
    self._figures: deque[float] = deque(maxlen=TREND)
    self._figures_of = -1

  def take(self, event: AnyEvent, now: float) -> None:
    """One more event."""
    self.event = event
    self.count += 1
    self.lost = False
    self._last = now
    self._move_to(now)
    self._counts[-1] += 1

  def note(self, gap: Gap) -> None:
    """A loss of this stream."""
    self.gaps += 1
    self.lost = True
    if self.event is None:
      self.event = gap

  def draw(self, figure: float) -> None:
    """One figure a second is drawn: the last."""
    if self._figures_of == self._second:
      self._figures[-1] = figure
    else:
      self._figures.append(figure)
      self._figures_of = self._second

  def age(self, now: float) -> float:
    """Seconds since the last event."""
    return now - self._last

  def rate(self, now: float) -> float:
    """Events a second."""
    self._move_to(now)
    over = RATE_OVER if self._usual() < 1.0 else SELDOM_OVER
    return sum(list(self._counts)[-over:]) / min(max(now - self._first, 1.0), over)

  def trend(self, now: float) -> str:
    """The figures of the last seconds as bars; where it has none, how many events came in each."""
    self._move_to(now)
    return sparkline(list(self._figures) or list(self._counts), TREND)

  def state(self, now: float) -> str:
    """gap: a loss is the last that was heard of it. quiet: nothing has come for longer than usual.
    Else live, or sim where it is simulated."""
    if self.lost:
      return "gap"
    if self.age(now) > max(QUIET_AFTER, QUIET_FACTOR * self._usual()):
      return "quiet"
    return "sim" if self.event is not None and is_simulated(self.event) else "live"

  def _usual(self) -> float:
    """Seconds between two events."""
    return (self._last - self._first) / (self.count - 1) if self.count > 1 else 0.0

  def _move_to(self, now: float) -> None:
    passed = int(now) - self._second
    if passed > 0:
      self._counts.extend([0] * min(passed, SELDOM_OVER))
      self._second = int(now)


class Rows:
  """All streams, in the order in which they came."""

  def __init__(self) -> None:
    self._rows: dict[StreamKey, Row] = {}
    self._gap: tuple[Gap, float] | None = None
    self._gaps = 0

  def take(self, batch: Batch, now: float) -> None:
    """Notes a batch."""
    for event in batch:
      key = stream_of(event)
      if isinstance(event, Gap):
        self._gap_of(event, key, now)
        continue
      row = self._rows.get(key)
      if row is None:
        row = self._rows[key] = self._new(now)
      row.take(event, now)
      if (figure := figure_of(event)) is not None:
        row.draw(figure)

  def _new(self, now: float) -> Row:
    if len(self._rows) >= MOST:
      for key in nlargest(AT_ONCE, self._rows, key=lambda key: self._rows[key].age(now)):
        del self._rows[key]
    return Row(now)

  def _gap_of(self, gap: Gap, key: StreamKey, now: float) -> None:
    self._gaps += 1
    self._gap = gap, now
    found = [row for other, row in self._rows.items() if _concerns(key, other)]
    if not found:
      row = self._rows[key] = self._new(now)
      found = [row]
    for row in found:
      row.note(gap)

  def lines(self, now: float, width: int, height: int) -> "list[Text]":
    """The table in a terminal of this size."""
    below = [cell(text) for text in self._below(now)]
    rows = list(self._rows.items())
    table = in_columns(COLUMNS, [self._cells(key, row, now) for key, row in rows[:height]], width)
    # The cursor has a line too, and so has what says that there are more.
    fit = max((height - len(below) - 2) // len(table[0]), 2)
    if (more := len(rows) - len(table[1:fit])) > 0:
      below.insert(0, cell(f"… and {counted(more, 'more stream')}"))
    for line in below:
      line.stylize("dim")
      line.truncate(width, overflow="ellipsis")
    return [*(line for lines in table[:fit] for line in lines), *below]

  @staticmethod
  def _cells(key: StreamKey, row: Row, now: float) -> "list[Text]":
    state = row.state(now)
    return [
      *map(cell, key),
      cell(state, _STYLES[state]),
      cell(short_rate(row.rate(now))),
      cell(short_time(row.age(now))),
      cell(row.trend(now).ljust(TREND), "cyan"),
      cell(short_count(row.gaps), "red" if row.gaps else ""),
      cell(short_count(row.count)),
      cell("" if row.event is None else said_of(row.event)),
    ]

  def _below(self, now: float) -> Iterator[str]:
    rate = sum(row.rate(now) for row in self._rows.values())
    figures = (counted(len(self._rows), "stream"), short_rate(rate), counted(self._gaps, "gap"))
    yield ", ".join(figures)
    if self._gap is not None:
      gap, at = self._gap
      what = " ".join(part for part in stream_of(gap) if part not in ("", "*")) or "everything"
      yield f"last gap {short_time(now - at)} ago, of {what}: {said_of(gap)}"
    if any(row.event is not None and is_simulated(row.event) for row in self._rows.values()):
      yield "sim: simulated, no venue stands behind it"


def _concerns(gap: StreamKey, stream: StreamKey) -> bool:
  """Whether a gap is of a stream; what it does not say may be any."""
  said = gap._replace(market=gap.market or "*")
  return all(part in ("*", has) for part, has in zip(said, stream, strict=True))
