"""core.filter: keeps the events that a condition is true of."""

import attrs
from bond_expressions.language import compile_predicate

from bond_core import EVENT_TYPES, Gap, Heartbeat, Transform, TransformContext, TransformType

_PASSING = (Gap, Heartbeat)
_TYPES = tuple(kind for kind in EVENT_TYPES.values() if kind not in _PASSING)


def _check(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
  compile_predicate(value, _TYPES)


@attrs.frozen
class Filter:
  """`where` is an expression over the fields of events, such as price * size > 100000. Events that
  lack a field it needs do not match; gaps always pass."""

  where: str = attrs.field(validator=_check, metadata={"public": True})


def make(config: Filter, ctx: TransformContext) -> Transform:
  """The compiled condition."""
  return compile_predicate(config.where, _TYPES, passing=_PASSING)


TYPE = TransformType(
  name="core.filter",
  summary="Keeps the events that an expression is true of.",
  config=Filter,
  make=make,
  public=True,
  example='{where: "price * size > 100000"}',
)
