"""Runs the transforms of a spec over recorded events again, and notes what each window was made of.

A window depends on what was received when, and on nothing else, so the same events give the same
window (docs/decisions). Nothing has to be carried on the live path to explain it later.
"""

from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

from bond_core import (
  AnyEvent,
  Batch,
  Candle,
  DataClock,
  Gap,
  Heartbeat,
  Spec,
  TransformContext,
  Window,
)
from bond_core.hosting import Stage
from bond_core.specs import SourceNode


class Made(NamedTuple):
  """A window, the key of the transform that made it, and the events that it was made of."""

  key: str
  window: Window
  events: Batch


class Rerun:
  """The transforms of a spec, on the time of what they are given. `simulated` are the exchanges
  whose events came from simulators."""

  def __init__(self, spec: Spec, simulated: frozenset[str] = frozenset()) -> None:
    self.made: list[Made] = []
    """The windows that came since it was emptied."""
    self._clock = DataClock()
    self._takes = {key: takes(node) for key, node in spec.sources.items()}
    self._stages: dict[str, Stage] = {}
    self._feeds: dict[str, str] = {}
    for key, source in spec.sources.items():
      view = None if source.type.view is None else source.type.view(source.config)
      if view is not None:
        self._feeds[key] = f"{key} (feed)"
        context = TransformContext(f"sources.{key}", self._clock)
        self._stages[key] = Stage.of_view(view, context, (self._feeds[key],), source.type.name)
    for key, node in spec.transforms.items():
      context = TransformContext(f"transforms.{key}", self._clock, self._noted(key))
      self._stages[key] = Stage(node.type, node.config, context, node.inputs, simulated)
    inputs = {key: stage.inputs for key, stage in self._stages.items()}
    order = TopologicalSorter(inputs).static_order()
    self._order = [key for key in order if key in self._stages]
    self._traced: dict[tuple[str, str, str], tuple[str, Batch]] = {}

  def _noted(self, key: str) -> Callable[[AnyEvent, Batch], None]:
    def note(made: AnyEvent, events: Batch) -> None:
      if isinstance(made, Window):
        self._traced[made.symbol, made.window_start, made.window_end] = key, events

    return note

  def push(self, events: Sequence[AnyEvent]) -> None:
    """Takes events in order, moment by moment, with the timers between them."""
    part: Batch = []
    for event in events:
      now = getattr(event, "ts_event", 0)
      if now > self._clock.now_ms():
        if part:
          self._run(part)
          part = []
        self._pass(now)
        self._clock.advance(now)
      part.append(event)
    if part:
      self._run(part)

  def wait(self, until_ms: int) -> None:
    """Lets time pass in which nothing comes."""
    self._pass(until_ms)
    self._clock.advance(until_ms)

  def finish(self) -> None:
    """Ends the input."""
    given: dict[str, Batch] = {}
    for key in self._order:
      stage = self._stages[key]
      parts = [event for name in stage.inputs for event in given.get(name, ())]
      given[key] = self._took(key, (stage.run(parts) if parts else []) + stage.finish())

  def _pass(self, now: int) -> None:
    while True:
      timers = [t for stage in self._stages.values() if (t := stage.next_timer()) is not None]
      timer = min(timers, default=None)
      if timer is None or timer > now:
        return
      self._clock.advance(timer)
      given: dict[str, Batch] = {}
      for key in self._order:
        stage = self._stages[key]
        parts = [event for name in stage.inputs for event in given.get(name, ())]
        out = stage.run(parts) if parts else []
        due = stage.next_timer()
        if due is not None and due <= timer:
          out = out + stage.on_timer(timer)
        given[key] = self._took(key, out)

  def _run(self, events: Batch) -> None:
    given: dict[str, Batch] = {}
    for key, takes_it in self._takes.items():
      given[self._feeds.get(key, key)] = [event for event in events if takes_it(event)]
    for key in self._order:
      stage = self._stages[key]
      parts = [event for name in stage.inputs for event in given.get(name, ())]
      if parts:
        given[key] = self._took(key, stage.run(_once(parts)))

  def _took(self, key: str, out: Batch) -> Batch:
    for event in out:
      if type(event) is Window:
        place = event.symbol, event.window_start, event.window_end
        found = self._traced.get(place)
        if found is not None and found[0] == key:
          del self._traced[place]
          self.made.append(Made(key, event, found[1]))
    return out


def _once(events: Batch) -> Batch:
  """The events, with a gap that several inputs carry once."""
  out: Batch = []
  gaps: set[int] = set()
  for event in events:
    if type(event) is Gap:
      if id(event) in gaps:
        continue
      gaps.add(id(event))
    out.append(event)
  return out


def takes(node: SourceNode) -> Callable[[AnyEvent], bool]:
  """Whether an event of a recording came through this source of its spec."""
  kinds = frozenset((*node.type.emits, Gap))
  exchange = node.type.exchange_of(node.config)
  if node.type.replay:
    return lambda event: not isinstance(event, Window | Heartbeat)
  if node.type.subscriptions is None:
    return lambda event: type(event) in kinds and getattr(event, "exchange", "") in (exchange, "*")
  keys: set[tuple[object, ...]] = set()
  channels = set()
  for subscription in node.type.subscriptions(node.config):
    instrument = subscription.instrument
    interval = dict(subscription.options).get("interval")
    keys.add((subscription.channel, *instrument[1:], interval))
    channels.add(subscription.channel)

  def taken(event: AnyEvent) -> bool:
    if isinstance(event, Window | Heartbeat) or event.exchange not in (exchange, "*"):
      return False
    if type(event) is Gap:
      return event.channel in channels or event.channel == "*"
    interval = event.interval if type(event) is Candle else None
    place = event.channel, event.market_type, event.symbol, getattr(event, "expiry", None), interval
    return place in keys

  return taken
