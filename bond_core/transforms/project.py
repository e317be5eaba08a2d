"""core.project: new fields computed from events."""

from typing import Any

import attrs

from bond_core.components import TransformContext, TransformSpec
from bond_core.events import EVENT_TYPES, Batch, Custom, Gap, Heartbeat, Window
from bond_core.expr import compile_value

MAX_FIELDS = 50
# A window has no receive time or venue of its own to give to the projected event.
_PASSING = (Gap, Heartbeat, Window)
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

  fields: dict[str, str] = attrs.field(validator=_check)
  name: str = "projected"


class Projection:
  """Turns each event into a custom event that holds the computed fields; one that has no value is
  null. Gaps and windows pass."""

  def __init__(self, config: Project) -> None:
    self._name = config.name
    self._fields = {name: compile_value(s, _TYPES) for name, s in config.fields.items()}

  def __call__(self, batch: Batch) -> Batch:
    """The projected batch."""
    sources = [event for event in batch if type(event) not in _PASSING]
    columns = [values(sources) for values in self._fields.values()]
    rows = iter(zip(*columns, strict=True))
    return [event if type(event) in _PASSING else self._event(event, next(rows)) for event in batch]

  def _event(self, event: Any, row: tuple[Any, ...]) -> Custom:
    return Custom(
      exchange=event.exchange,
      symbol=event.symbol,
      ts_event=event.ts_event,
      ts_exchange=event.ts_exchange,
      market_type=event.market_type,
      ts_internal=event.ts_internal,
      seq_internal=event.seq_internal,
      event_type=self._name,
      data=dict(zip(self._fields, row, strict=True)),
    )


def make(config: Project, ctx: TransformContext) -> Projection:
  """The compiled projection."""
  return Projection(config)


SPEC = TransformSpec(
  name="core.project",
  summary="Computes fields from events: custom events with what the expressions give.",
  config=Project,
  make=make,
  example="{fields: {notional: price * size, side: side}}",
)
