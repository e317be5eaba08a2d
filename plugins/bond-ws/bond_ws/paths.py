"""Paths into JSON: `data.price`, `[0].p`, `["a.b"]`, and `$.ts` from the message's own root."""

import re
from typing import Any, Final, NamedTuple

MAX_STEPS = 16
MAX_LENGTH = 200
MISSING: Final = object()

_STEP = re.compile(
  r"""\.?(?P<name>[^\s.\[\]"'$]+)|\[(?P<index>-?\d{1,6})\]|\["(?P<quoted>[^"]+)"\]"""
)


class Path(NamedTuple):
  """Where a value is: names and indices, from the message's root or from the current item."""

  steps: tuple[str | int, ...]
  from_root: bool

  def read(self, message: Any, item: Any) -> Any:
    """The value there; None where there is none."""
    value = self.find(message, item)
    return None if value is MISSING else value

  def find(self, message: Any, item: Any) -> Any:
    """The value there; MISSING where there is none."""
    value = message if self.from_root else item
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


def parse_path(text: str) -> Path:
  """The path that a text writes; ValueError says what is wrong with it."""
  if len(text) > MAX_LENGTH:
    raise ValueError(f"a path of {len(text)} characters is longer than {MAX_LENGTH}")
  rest = text.strip()
  from_root = rest.startswith("$")
  position = 1 if from_root else 0
  steps: list[str | int] = []
  while position < len(rest):
    found = _STEP.match(rest, position)
    dotted = rest.startswith(".", position)
    if found is None or (found["name"] is not None and dotted == (not steps and not from_root)):
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
  return Path(tuple(steps), from_root)
