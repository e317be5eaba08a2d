"""core.sample: the latest of each stream, every so often."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, get_args

import attrs

from bond_builtin.transforms.arrival import ArrivalClock
from bond_core import (
  AnyEvent,
  Batch,
  Candle,
  ChainEvent,
  Custom,
  DataClock,
  Duration,
  Event,
  MarketEvent,
  OrderBook,
  TransformContext,
  TransformType,
  Window,
)

MAX_KEYS = 20_000
"""Streams of which the latest is kept, until it is given; with `repeat`, those that are remembered:
the ones that were quiet longest are forgotten."""

MAX_REPEATS = 1_000
"""How often a recording's streams are repeated while nothing comes."""

_NEVER = 1 << 62

# What tells the streams of one instrument apart, besides the expiry of its contract.
_STREAMS = {Candle: ["interval"], Custom: ["event_type"], ChainEvent: ["chain", "kind"]}


def _key_of(kind: type[AnyEvent]) -> Callable[[Any], Any]:
  names = ["exchange", "market_type", "symbol", "expiry", *_STREAMS.get(kind, ())]
  return attrgetter(*(name for name in names if name in kind.__struct_fields__))


# The stream that an event is the latest of, within its type.
_KEYS = {kind: _key_of(kind) for kind in (*get_args(MarketEvent), Window)}


def _check_every(instance: object, attribute: "attrs.Attribute[Duration]", value: float) -> None:
  if not 0.01 <= value <= 86_400:
    raise ValueError("every is between 10ms and 1d")


@attrs.frozen
class Sample:
  """`every` is how often; with `repeat` streams without news are repeated."""

  every: Duration = attrs.field(validator=_check_every)
  repeat: bool = False


class Sampler:
  """Keeps the latest event of each type and instrument and gives them at ticks aligned to the
  epoch, in the order in which they arrived. `conflated` counts what newer events replaced.

  Gaps and heartbeats pass at once, and so do the updates of a book and the snapshots that start its
  chain: a link left out would break it.
  """

  def __init__(self, config: Sample, ctx: TransformContext) -> None:
    self.conflated = 0
    self._arrival = ArrivalClock(ctx.clock)
    self._every = round(config.every * 1000)
    self._repeat = config.repeat
    self._news: dict[tuple[Any, ...], AnyEvent] = {}
    self._emitted: dict[tuple[Any, ...], AnyEvent] = {}
    self._tick = _NEVER
    # Live, streams are repeated for as long as they are quiet. A recording may pause for a year,
    # which passes in no time.
    self._recorded = isinstance(ctx.clock, DataClock)
    self._idle = 0

  def __call__(self, batch: Batch) -> Batch:
    """What passes at once, and the samples of the ticks that the batch's times have passed."""
    out: Batch = []
    arrival = self._arrival
    arrival.begin()
    news = self._news
    for event in batch:
      if isinstance(event, Event):
        arrival.of(event.ts_event, event.ts_internal)
      elif isinstance(event, Window):
        arrival.of(0, None)
      else:
        out.append(event)
        continue
      if arrival.now >= self._tick:
        self._give(out)
      kind = type(event)
      key = kind, _KEYS[kind](event)
      if type(event) is OrderBook and (event.update_type != "snapshot" or event.is_reset):
        news.pop(key, None)
        out.append(event)
        continue
      if news.pop(key, None) is not None:
        self.conflated += 1
      news[key] = event
      if self._tick == _NEVER:
        self._arm()
      if len(news) >= MAX_KEYS:
        self._give(out)
    return out

  def next_timer(self) -> int | None:
    """The next tick, while there is something to give."""
    return None if self._tick == _NEVER else self._arrival.wall(self._tick)

  def on_timer(self, now_ms: int) -> Batch:
    """The samples, if it is time."""
    out: Batch = []
    if self._arrival.tick(now_ms) >= self._tick:
      self._give(out)
    return out

  def finish(self) -> Batch:
    """What has not been given yet."""
    out: Batch = list(self._news.values())
    self._news.clear()
    self._emitted.clear()
    self._tick = _NEVER
    return out

  def _give(self, out: Batch) -> None:
    self._tick = _NEVER
    if self._repeat:
      emitted = self._emitted
      for key, event in self._news.items():
        emitted.pop(key, None)
        emitted[key] = event
      while len(emitted) > MAX_KEYS:
        del emitted[next(iter(emitted))]
      out += emitted.values()
      self._idle = self._idle + 1 if self._recorded and not self._news else 0
      if self._idle < MAX_REPEATS:
        self._arm()
    else:
      out += self._news.values()
    self._news.clear()

  def _arm(self) -> None:
    self._tick = self._arrival.now - self._arrival.now % self._every + self._every


def make(config: Sample, ctx: TransformContext) -> Sampler:
  """A sampler that has seen nothing."""
  return Sampler(config, ctx)


TYPE = TransformType(
  name="core.sample",
  summary="The latest event of each stream, every so often.",
  config=Sample,
  make=make,
  held=lambda config: MAX_KEYS,
  public=True,
  example="{every: 1s}",
)
