"""core.merge: one stream in the order in which things happened."""

import heapq
from itertools import count

import attrs

from bond_core.components import TransformContext, TransformSpec
from bond_core.events import AnyEvent, Batch, Gap, Heartbeat, Window
from bond_core.spec.values import Duration
from bond_core.transforms.late import Late
from bond_core.transforms.timeline import Timeline

_PASSING = (Gap, Heartbeat, Window)


def _check_lateness(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0 <= value <= 3600:
    raise ValueError("lateness is between 0s and 1h")


@attrs.frozen
class Merge:
  """`lateness` is how long the stream waits for slower sources; what comes later than that is left
  out and declared. At most `max_events` wait."""

  lateness: Duration = attrs.field(default=Duration(0.5), validator=_check_lateness)
  max_events: int = attrs.field(default=100_000, validator=attrs.validators.ge(1))


class Merger:
  """Holds events until the watermark has passed them. Equal times keep the order of arrival; gaps
  and heartbeats do not wait. `early` counts events that had to go before their time because too
  many waited."""

  def __init__(self, config: Merge, ctx: TransformContext) -> None:
    self.early = 0
    self._timeline = Timeline(ctx.clock, int(config.lateness * 1000))
    self._max_events = config.max_events
    self._heap: list[tuple[int, int, AnyEvent]] = []
    self._order = count()
    self._emitted = 0
    self._late = Late(ctx.clock)

  def __call__(self, batch: Batch) -> Batch:
    """What the watermark has passed now."""
    out: Batch = []
    self._timeline.begin()
    for event in batch:
      if isinstance(event, _PASSING):
        out.append(event)
        continue
      when = self._timeline.event_time(event)
      if when < self._emitted:
        self._late.add(event)
      else:
        heapq.heappush(self._heap, (when, next(self._order), event))
    return out + self._flush(self._timeline.watermark())

  def next_timer(self) -> int | None:
    """When the first that waits is due."""
    return self._timeline.when(self._heap[0][0]) if self._heap else None

  def on_timer(self, now_ms: int) -> Batch:
    """What is due by now."""
    return self._flush(self._timeline.watermark())

  def finish(self) -> Batch:
    """Everything that still waits, in order."""
    return self._flush(1 << 62)

  def _flush(self, watermark: int) -> Batch:
    heap = self._heap
    out: Batch = self._late.declare("the stream had gone on")
    while heap and (heap[0][0] <= watermark or len(heap) > self._max_events):
      self.early += heap[0][0] > watermark
      self._emitted, _, event = heapq.heappop(heap)
      out.append(event)
    return out


def make(config: Merge, ctx: TransformContext) -> Merger:
  """An empty merger."""
  return Merger(config, ctx)


SPEC = TransformSpec(
  name="core.merge",
  summary="One stream in order of event time, across instruments and sources.",
  config=Merge,
  make=make,
  example="{lateness: 500ms}",
)
