"""core.map: a Python function of one's own, event by event."""

import importlib
import re
from collections.abc import Callable
from typing import Any

import attrs

from bond_core.components import Transform, TransformContext, TransformSpec
from bond_core.errors import Refused
from bond_core.events import EVENT_TYPES, AnyEvent, Batch, Gap, Heartbeat

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_EVENTS = frozenset(EVENT_TYPES.values())


def _check(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
  if not _REFERENCE.fullmatch(value):
    raise ValueError(f"{value!r} does not name a function; write package.module:function")


@attrs.frozen
class Map:
  """`function` takes an event and gives an event, None to leave it out, or a list of events. It
  must not change the event it is given. Gaps pass without it."""

  function: str = attrs.field(validator=_check)


def load(reference: str) -> Callable[[AnyEvent], Any]:
  """The function that package.module:function names; Refused says what is missing."""
  module, _, path = reference.partition(":")
  try:
    found: Any = importlib.import_module(module)
    for name in path.split("."):
      found = getattr(found, name)
  except (ImportError, AttributeError) as exc:
    raise Refused(f"core.map cannot load {reference}: {exc}") from exc
  if not callable(found):
    raise Refused(f"core.map cannot use {reference}: it is not a function")
  return found  # type: ignore[no-any-return]


def make(config: Map, ctx: TransformContext) -> Transform:
  """The function over a batch."""
  function = load(config.function)

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
  if type(made) is not list or any(type(event) not in _EVENTS for event in made):
    kind = type(made).__name__
    raise TypeError(f"{name} gave a {kind}; it must give an event, None, or a list of events")
  return made


SPEC = TransformSpec(
  name="core.map",
  summary="Calls a Python function for each event.",
  config=Map,
  make=make,
  trusted=True,
  example='{function: "mypackage.rules:enrich"}',
)
