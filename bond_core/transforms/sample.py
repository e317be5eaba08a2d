"""core.sample: the latest of each stream, every so often."""

from typing import Any

import attrs

from bond_core.components import TransformContext, TransformSpec
from bond_core.events import AnyEvent, Batch, Gap, Heartbeat
from bond_core.spec.values import Duration


def _check_every(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0.01 <= value <= 86_400:
    raise ValueError("every is between 10ms and 1d")


@attrs.frozen
class Sample:
  """`every` is how often; with `repeat` streams without news are told again."""

  every: Duration = attrs.field(validator=_check_every)
  repeat: bool = False


class Sampler:
  """Keeps the latest event of each type and instrument and gives them at ticks aligned to the
  epoch. `conflated` counts what newer events replaced; gaps pass at once."""

  def __init__(self, config: Sample, ctx: TransformContext) -> None:
    self.conflated = 0
    self._clock = ctx.clock
    self._every_ms = round(config.every * 1000)
    self._repeat = config.repeat
    self._latest: dict[tuple[Any, ...], AnyEvent] = {}
    self._news: set[tuple[Any, ...]] = set()
    # Ticks are aligned by the wall clock and awaited by the steady one, so that a jump of the wall
    # clock neither delays nor repeats one.
    self._due_ns: int | None = None

  def __call__(self, batch: Batch) -> Batch:
    """Gaps and heartbeats; everything else waits for the tick."""
    out: Batch = []
    for event in batch:
      if isinstance(event, (Gap, Heartbeat)):
        out.append(event)
        continue
      key = (
        type(event),
        getattr(event, "exchange", None),
        getattr(event, "market_type", None),
        event.symbol,
        getattr(event, "expiry", None),
      )
      self.conflated += key in self._news
      self._latest[key] = event
      self._news.add(key)
    if self._due_ns is None and self._latest:
      self._arm()
    return out

  def next_timer(self) -> int | None:
    """The next tick, while there is something to give."""
    if self._due_ns is None:
      return None
    left = max(0, self._due_ns - self._clock.mono_ns())
    return self._clock.now_ms() + -(-left // 1_000_000)

  def on_timer(self, now_ms: int) -> Batch:
    """The latest of each stream, in the order in which the streams were first seen."""
    if self._due_ns is None or self._clock.mono_ns() < self._due_ns:
      return []
    out = [e for key, e in self._latest.items() if self._repeat or key in self._news]
    self._news.clear()
    self._due_ns = None
    if self._repeat:
      self._arm()
    else:
      self._latest.clear()
    return out

  def finish(self) -> Batch:
    """What has not been given yet."""
    out = [event for key, event in self._latest.items() if key in self._news]
    self._latest.clear()
    self._news.clear()
    self._due_ns = None
    return out

  def _arm(self) -> None:
    left_ms = self._every_ms - self._clock.now_ms() % self._every_ms
    self._due_ns = self._clock.mono_ns() + left_ms * 1_000_000


def make(config: Sample, ctx: TransformContext) -> Sampler:
  """A sampler that has seen nothing."""
  return Sampler(config, ctx)


SPEC = TransformSpec(
  name="core.sample",
  summary="The latest event of each stream, every so often.",
  config=Sample,
  make=make,
  example="{every: 1s}",
)
