"""core.merge: one stream in the order in which things happened."""

import heapq
from bisect import bisect_left, bisect_right, insort

import attrs

from bond_builtin.transforms.late import Late
from bond_builtin.transforms.timeline import Timeline
from bond_core import (
  AnyEvent,
  Batch,
  Duration,
  Event,
  Gap,
  MarketEvent,
  TransformContext,
  TransformType,
)

# Late events are declared together, at most this long after the first (ms).
_DECLARE_MS = 1_000

_NEVER = -(1 << 62)

_FEW = 16
"""Events that are put into their lane one by one."""

_Lane = list[tuple[int, int, AnyEvent]]


def _check_lateness(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0 <= value <= 3600:
    raise ValueError("lateness is between 0s and 1h")


@attrs.frozen
class Merge:
  """`lateness` is how long the stream waits for slower sources; what comes later than that is left
  out and declared. At most `max_events` wait."""

  lateness: Duration = attrs.field(default=Duration(0.5), validator=_check_lateness)
  max_events: int = attrs.field(
    default=100_000,
    validator=[attrs.validators.ge(1), attrs.validators.le(10_000_000)],
  )


class Merger:
  """Holds events until the watermark has passed them. Equal times keep the order of arrival. A gap
  goes where its exchange had come to, heartbeats and windows pass at once.

  `early` counts events that had to go before their time because too many waited; what should have
  come before them is then late.
  """

  def __init__(self, config: Merge, ctx: TransformContext) -> None:
    self.early = 0
    self._line = Timeline(ctx.clock, round(config.lateness * 1000))
    self._most = config.max_events
    # One lane a source: each is almost in order by itself, so an event seldom moves far.
    self._lanes: dict[tuple[str, str | None], _Lane] = {}
    # What does not fit at the end of its lane, until the lane is needed in order.
    self._astray: dict[tuple[str, str | None], _Lane] = {}
    self._held = 0
    self._arrivals = 0
    self._gone = _NEVER
    self._late = Late()
    self._declare_at = 0

  @property
  def late(self) -> int:
    """How many events came too late so far."""
    return self._late.total

  def __call__(self, batch: Batch) -> Batch:
    """What the watermark has passed now, in order."""
    out: Batch = []
    line = self._line
    arrival = line.arrival
    arrival.begin()
    for event in batch:
      if not isinstance(event, Event):
        if isinstance(event, Gap):
          self._hold_gap(event, out)
        else:
          self._drain(line.watermark(), out)
          out.append(event)
        continue
      arrived = line.arrive(event)
      if line.ready:
        self._hold_ready()
      if self._late.count and arrival.now >= self._declare_at:
        self._declare(out)
      if line.joins(event):
        # It never goes back, so what it is before that counts.
        line.watermark()
      when = line.place(event, arrived)
      if line.ready:
        self._hold_ready()
      if when is not None:
        self._hold(when, event)
    self._drain(line.watermark(), out)
    if self._held > self._most:
      self._shed(out)
    return out

  def next_timer(self) -> int | None:
    """When the first that waits is due."""
    line = self._line
    self._in_order()
    first = min((lane[0][0] for lane in self._lanes.values() if lane), default=None)
    # Without events there is nothing to wait for but the first skew.
    due = line.due(_NEVER if first is None else first) if first is not None or line.waits else None
    if self._late.count:
      due = self._declare_at if due is None else min(due, self._declare_at)
    return None if due is None else line.arrival.wall(due)

  def on_timer(self, now_ms: int) -> Batch:
    """What is due by now."""
    out: Batch = []
    line = self._line
    line.tick(now_ms)
    self._hold_ready()
    if self._late.count and line.arrival.now >= self._declare_at:
      self._declare(out)
    self._drain(line.watermark(), out)
    return out

  def finish(self) -> Batch:
    """Everything that still waits, in order."""
    out: Batch = []
    self._line.hurry()
    self._hold_ready()
    self._drain(-_NEVER, out)
    self._declare(out)
    return out

  def cut(self, rest: Batch) -> Batch:
    """The same where a live feed was cut off: what waited is whole."""
    return self(rest) + self.finish()

  def _hold(self, when: int, event: MarketEvent) -> None:
    line = self._line
    if when < line.mark or when < self._gone or (when < line.ceiling and when < line.watermark()):
      if not self._late.count:
        self._declare_at = line.arrival.now + _DECLARE_MS
      self._late.add(event)
      return
    self._put((event.exchange, event.market_type), when, event)

  def _hold_ready(self) -> None:
    """Takes what waited for the first skew; nothing was emitted before."""
    ready = self._line.ready
    while ready:
      when, event = ready.popleft()
      self._put((event.exchange, event.market_type), when, event)

  def _hold_gap(self, gap: Gap, out: Batch) -> None:
    line = self._line
    when = max(line.reached(gap.exchange), line.watermark(), self._gone)
    if when == _NEVER:
      out.append(gap)
    else:
      self._put((gap.exchange, gap.market_type), when, gap)

  def _put(self, key: tuple[str, str | None], when: int, event: AnyEvent) -> None:
    lane = self._lanes.get(key)
    if lane is None:
      lane = self._lanes[key] = []
    self._arrivals += 1
    row = when, self._arrivals, event
    if lane and when < lane[-1][0]:
      self._astray.setdefault(key, []).append(row)
    else:
      lane.append(row)
    self._held += 1

  def _in_order(self) -> None:
    """Puts what came out of order into its lanes."""
    for key, rows in self._astray.items():
      lane = self._lanes[key]
      if len(rows) <= _FEW:
        for row in rows:
          insort(lane, row)
      else:
        # Each insertion moves what lies behind it: sorting what is nearly sorted costs less, from
        # the first place that changes.
        place = bisect_right(lane, min(rows))
        lane[place:] = sorted(lane[place:] + rows)
    self._astray.clear()

  def _drain(self, mark: int, out: Batch) -> None:
    """Emits what happened at `mark` or before."""
    self._in_order()
    due: _Lane = []
    for lane in self._lanes.values():
      if lane and lane[0][0] <= mark:
        # A tuple of one is less than any longer one that begins alike.
        cut = bisect_left(lane, (mark + 1,))
        due += lane[:cut]
        del lane[:cut]
    if due:
      due.sort()
      self._let_out(due, out)

  def _shed(self, out: Batch) -> None:
    """Emits what is over the bound, and an eighth of the bound more: finding the oldest costs as
    much for one as for many."""
    self._in_order()
    rows = list(heapq.merge(*self._lanes.values()))
    cut = len(rows) - self._most + self._most // 8
    self.early += cut
    self._let_out(rows[:cut], out)
    for lane in self._lanes.values():
      del lane[: bisect_left(lane, rows[cut]) if cut < len(rows) else len(lane)]

  def _let_out(self, rows: _Lane, out: Batch) -> None:
    out += [row[2] for row in rows]
    self._gone = rows[-1][0]
    self._held -= len(rows)

  def _declare(self, out: Batch) -> None:
    # Its place is after all that was due by then, however late the timer is.
    self._drain(self._line.watermark(self._declare_at), out)
    out += self._late.declare("the merged stream had gone on past them")


def make(config: Merge, ctx: TransformContext) -> Merger:
  """A merger that holds nothing."""
  return Merger(config, ctx)


TYPE = TransformType(
  name="core.merge",
  summary="One stream in order of event time, across instruments and sources.",
  config=Merge,
  make=make,
  held=lambda config: config.max_events,
  public=True,
  example="{lateness: 500ms}",
)
