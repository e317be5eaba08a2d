"""core.project: new fields computed from events."""

from datetime import datetime
from typing import Any

import attrs
from bond_expressions.language import compile_value
from msgspec import UNSET

from bond_core import (
  EVENT_TYPES,
  AnyEvent,
  Batch,
  Custom,
  Gap,
  Heartbeat,
  TransformContext,
  TransformType,
  Window,
  epoch_ms,
)

MAX_FIELDS = 50
_PASSING = (Gap, Heartbeat)
_TYPES = tuple(kind for kind in EVENT_TYPES.values() if kind not in _PASSING)


def _check(
  instance: object, attribute: "attrs.Attribute[dict[str, str]]", value: dict[str, str]
) -> None:
  if not 1 <= len(value) <= MAX_FIELDS:
    raise ValueError(f"give 1 to {MAX_FIELDS} fields, such as {{notional: price * size}}")
  for name, source in value.items():
    if not name.isidentifier():
      raise ValueError(f"{name!r} is not a field name; use letters, digits and _")
    compile_value(source, _TYPES)


@attrs.frozen
class Project:
  """`fields` are expressions by name; `name` becomes the event_type of the custom events."""

  fields: dict[str, str] = attrs.field(validator=_check, metadata={"public": True})
  name: str = attrs.field(
    default="projected", validator=attrs.validators.min_len(1), metadata={"public": True}
  )


class Projection:
  """Turns events into custom events that hold the computed fields, null where an expression has no
  value. Events of a type that none of the expressions can be computed for are left out; gaps
  pass."""

  def __init__(self, config: Project) -> None:
    self._name = config.name
    self._fields = {name: compile_value(s, _TYPES) for name, s in config.fields.items()}
    self._types = frozenset().union(*(value.types for value in self._fields.values()))

  @property
  def errors(self) -> int:
    """How many values were left null because of arithmetic without a result."""
    return sum(value.errors for value in self._fields.values())

  def __call__(self, batch: Batch) -> Batch:
    """The projected batch."""
    types = self._types
    sources = [event for event in batch if type(event) in types]
    columns = [values(sources) for values in self._fields.values()]
    rows = iter(zip(*columns, strict=True))
    out: Batch = []
    for event in batch:
      if type(event) in types:
        out.append(self._event(event, next(rows)))
      elif type(event) in _PASSING:
        out.append(event)
    return out

  def _event(self, event: Any, row: tuple[Any, ...]) -> AnyEvent:
    data = dict(zip(self._fields, row, strict=True))
    if type(event) is Window:
      # A window belongs to no exchange; what it says was known at its end.
      ended = epoch_ms(datetime.fromisoformat(event.window_end))
      return Custom(
        exchange="",
        symbol=event.symbol,
        ts_event=ended,
        simulated=True if event.raw_data.get("simulated") else UNSET,
        event_type=self._name,
        data=data,
      )
    return Custom(
      exchange=event.exchange,
      symbol=event.symbol,
      ts_event=event.ts_event,
      ts_exchange=event.ts_exchange,
      market_type=event.market_type,
      ts_internal=event.ts_internal,
      seq_internal=event.seq_internal,
      simulated=event.simulated,
      event_type=self._name,
      data=data,
    )


def make(config: Project, ctx: TransformContext) -> Projection:
  """The compiled projection."""
  return Projection(config)


TYPE = TransformType(
  name="core.project",
  summary="Computes fields from events: custom events with what the expressions give.",
  config=Project,
  emits=(Custom, Gap, Heartbeat),
  make=make,
  public=True,
  example="{fields: {notional: price * size, side: side}}",
)
