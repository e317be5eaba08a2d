"""core.map: a Python function of the user's, event by event."""

import re
from typing import Any

import attrs

from bond_core import (
  EVENT_TYPES,
  Batch,
  BondError,
  Gap,
  Heartbeat,
  Transform,
  TransformContext,
  TransformType,
)
from bond_core.config import load_function

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_EVENTS = frozenset(EVENT_TYPES.values())


def _check(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
  if not _REFERENCE.fullmatch(value):
    raise ValueError(f"{value!r} does not name a function; write package.module:function")


@attrs.frozen
class Map:
  """`function` takes an event and returns an event, None to leave it out, or a list of events. It
  must not change the event it is given. Gaps and heartbeats pass without it."""

  function: str = attrs.field(validator=_check)

  def missing(self) -> str | None:
    """Why there is no such function here; None where there is one."""
    try:
      load_function(self.function)
    except BondError as exc:
      return str(exc)
    return None


def make(config: Map, ctx: TransformContext) -> Transform:
  """The function over a batch."""
  function = load_function(config.function)

  def each(batch: Batch) -> Batch:
    out: Batch = []
    for event in batch:
      if type(event) in (Gap, Heartbeat):
        out.append(event)
        continue
      made = function(event)
      if type(made) in _EVENTS:
        out.append(made)
      elif made is not None:
        out += _listed(made, config.function)
    return out

  return each


def _listed(made: Any, name: str) -> Batch:
  if type(made) is not list:
    kind = type(made).__name__
    raise TypeError(f"{name} gave a {kind}; it must give an event, None, or a list of events")
  for event in made:
    if type(event) not in _EVENTS:
      kind = type(event).__name__
      raise TypeError(f"{name} gave a list that holds a {kind}; it must hold events only")
  return made


TYPE = TransformType(
  name="core.map",
  summary="Calls a Python function for each event.",
  config=Map,
  make=make,
  example='{function: "mypackage.rules:enrich"}',
)
