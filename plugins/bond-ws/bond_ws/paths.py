"""Paths into JSON: `data.price`, `[0].p`, `["a.b"]`; `$.ts` from the message's own root, `^.s` from
what holds the list that an item is of, `@.symbol` from the message that opened the item's channel.
"""

import re
from typing import Any, Final, NamedTuple, TypeAlias

MAX_STEPS = 16
MAX_LENGTH = 200
MISSING: Final = object()

MOST_ITEMS = 40_000
"""Of one message, by all rules together: nothing else runs while they are read."""

_STEP = re.compile(
  r"""\.?(?P<name>[^\s.\[\]"'$]+)|\[(?P<index>-?\d{1,6})\]|\["(?P<quoted>[^"]+)"\]"""
)
_PREFIX = re.compile(r"(\$|@|\^+)(?=[.\[]|$)")
_EACH = re.compile(r"(\[\*\]|\{\*\})")

Scope: TypeAlias = tuple[Any, ...]
"""Where paths begin: the current item, what holds the list that it is of, and so on up to the whole
message; last the message that opened the channel (MISSING for none)."""

_ROOT, _OPENING = -2, -1


class Path(NamedTuple):
  """Where a value is: names and indices, from one of the places of a scope."""

  steps: tuple[str | int, ...]
  origin: int

  def read(self, scope: Scope) -> Any:
    """The value there; None where there is none."""
    value = self.find(scope)
    return None if value is MISSING else value

  def find(self, scope: Scope) -> Any:
    """The value there; MISSING where there is none."""
    value = scope[self.origin]
    for step in self.steps:
      if type(step) is int:
        if type(value) is not list or not -len(value) <= step < len(value):
          return MISSING
        value = value[step]
      elif type(value) is dict and step in value:
        value = value[step]
      else:
        return MISSING
    return value


def parse_path(text: str, depth: int = 0) -> Path:
  """The path that a text writes, where items are so deep within lists. ValueError says what is
  wrong with it."""
  if len(text) > MAX_LENGTH:
    raise ValueError(f"a path of {len(text)} characters is longer than {MAX_LENGTH}")
  rest = text.strip()
  prefix = _PREFIX.match(rest)
  start = position = prefix.end() if prefix else 0
  origin = {"$": _ROOT, "@": _OPENING}.get(rest[:start], start)
  if origin > depth:
    raise ValueError(f"{text!r} leads out of the message; ^ is what holds the list of an each")
  steps: list[str | int] = []
  while position < len(rest):
    found = _STEP.match(rest, position)
    dotted = rest.startswith(".", position)
    if found is None or (found["name"] is not None and dotted == (not steps and not start)):
      raise ValueError(
        f"{text!r} is no path; write names with dots and indices in brackets, such as data[0].price"
      )
    if found["index"] is not None:
      steps.append(int(found["index"]))
    else:
      steps.append(found["quoted"] or found["name"])
    position = found.end()
  if len(steps) > MAX_STEPS:
    raise ValueError(f"{text!r} has {len(steps)} steps; {MAX_STEPS} are the most")
  return Path(tuple(steps), origin)


class Each:
  """Where items are: a list, or with `[*]` the lists within the items of one, and so on. `{*}` is
  an object, each of whose items is the list of a name and the value there."""

  def __init__(self, text: str) -> None:
    parts = _EACH.split(text.strip())
    if len(parts) > 1 and not parts[-1]:
      del parts[-1]  # What ends with [*] is the same list without it.
    else:
      parts.append("[*]")
    self._levels = [
      (parse_path(part.lstrip(".") if level else part, level), mark == "{*}")
      for level, (part, mark) in enumerate(zip(parts[::2], parts[1::2], strict=True))
    ]
    self.depth = len(self._levels)

  def scopes(self, scope: Scope, most: int) -> list[Scope]:
    """One for each item in a message. Raises ValueError for more than `most`."""
    found = [scope]
    for path, named in self._levels:
      outer, found = found, []
      for holder in outer:
        items = path.find(holder)
        if named and type(items) is dict:
          items = [list(item) for item in items.items()]
        if type(items) is list:
          if len(found) + len(items) > most:
            raise ValueError(
              f"the rules would look at more items of one message; {MOST_ITEMS} is most"
            )
          found += [(item, *holder) for item in items]
    return found
