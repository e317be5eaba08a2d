"""Transforms: functions over batches."""

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from bond_core._clock import Clock
from bond_core._events import AnyEvent, Batch
from bond_core._types.config import NoConfig


class Transform(Protocol):
  """A function over a batch. An object may have more: `on_timer`, `next_timer`, `finish`, `cut`."""

  def __call__(self, batch: Batch) -> Batch:
    """Returns the events that go on. The given batch is shared with other readers: never change
    it."""


class TimedTransform(Transform, Protocol):
  """A transform that also acts when time passes or the input ends."""

  def next_timer(self) -> int | None:
    """Returns when `on_timer` has to be called (epoch ms on the pipeline's clock), None for
    never."""

  def on_timer(self, now_ms: int) -> Batch:
    """Returns the events that are due at `now_ms`."""

  def finish(self) -> Batch:
    """Returns the rest of a recording, after it has ended."""

  def cut(self, rest: Batch) -> Batch:
    """Returns what a live feed leaves where it is cut off: whole events that were held back, and a
    Gap for those that were left out and not yet declared. `rest` is what the transforms before
    this one leave. Without this method the transform is called with `rest`."""


@attrs.frozen
class TransformContext:
  """What the core hands to a transform when it is made. `trace` is there where somebody looks into
  what was made: it takes an event that the transform made, and those that it made it of."""

  name: str
  clock: Clock
  trace: Callable[[AnyEvent, Batch], None] | None = None


@attrs.frozen(kw_only=True)
class TransformType:
  """A type of transform. `accepts` are the types of event that it is given (None: all); gaps and
  heartbeats pass by one that does not accept them. `emits` are those it gives (None: what it
  reads). Times are not copied for it: an event that it makes has the times that it gives it.
  Specs from outside may use `public` ones only, as for SourceType. `held(config)` is how many
  events or keys are kept in memory at most; those of a spec from outside, and those of all specs of
  one caller of a server, are bounded together."""

  name: str
  summary: str
  config: type = NoConfig
  accepts: tuple[type[AnyEvent], ...] | None = None
  emits: tuple[type[AnyEvent], ...] | None = None
  make: Callable[[Any, TransformContext], Transform]
  held: Callable[[Any], int] | None = None
  public: bool = False
  example: str = ""
