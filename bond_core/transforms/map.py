"""core.map: a Python function of one's own, event by event."""

import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import attrs

from bond_core.components import Transform, TransformContext, TransformSpec
from bond_core.errors import Refused
from bond_core.events import EVENT_TYPES, Batch, Gap, Heartbeat

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_EVENTS = frozenset(EVENT_TYPES.values())


def _check(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
  if not _REFERENCE.fullmatch(value):
    raise ValueError(f"{value!r} does not name a function; write package.module:function")


@attrs.frozen
class Map:
  """`function` takes an event and gives an event, None to leave it out, or a list of events. It
  must not change the event it is given. Gaps and heartbeats pass without it."""

  function: str = attrs.field(validator=_check)


def load(reference: str, user: str = "core.map") -> Callable[..., Any]:
  """The function that package.module:function names, looked for also in the current folder. Refused
  says what is missing, and to whom (`user`)."""
  module, _, path = reference.partition(":")
  if os.getcwd() not in sys.path and "" not in sys.path:
    # A console script's path begins at the script, not where the user is.
    sys.path.append(os.getcwd())
  try:
    found: Any = importlib.import_module(module)
  except ModuleNotFoundError as error:
    if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
      raise Refused(
        f"{user}: there is no module {error.name!r} for {reference}; "
        "install it, or run in the folder that holds it"
      ) from error
    raise Refused(f"{user}: {module} needs {error.name!r}, which is not installed") from error
  except Exception as error:
    raise Refused(f"{user}: importing {module} raised {type(error).__name__}: {error}") from error
  for name in path.split("."):
    try:
      found = getattr(found, name)
    except AttributeError as error:
      raise Refused(f"{user}: {module} has no {path!r}; write module:function") from error
  if not callable(found):
    raise Refused(f"{user}: {reference} is a {type(found).__name__} and not a function")
  if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found):
    raise Refused(f"{user}: {reference} is async; a transform is a plain function")
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
  if type(made) is not list:
    kind = type(made).__name__
    raise TypeError(f"{name} gave a {kind}; it must give an event, None, or a list of events")
  for event in made:
    if type(event) not in _EVENTS:
      kind = type(event).__name__
      raise TypeError(f"{name} gave a list that holds a {kind}; it must hold events only")
  return made


SPEC = TransformSpec(
  name="core.map",
  summary="Calls a Python function for each event.",
  config=Map,
  make=make,
  trusted=True,
  example='{function: "mypackage.rules:enrich"}',
)
