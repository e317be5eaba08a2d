"""Messages with one field changed, as nobody documents them."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from bond_core.feeds import Feed

LEFT_OUT = object()

WRONG: tuple[Any, ...] = (
  LEFT_OUT, None, "", "abc", "NaN", "-1", "1e999", True, -1, -0.5, 0, 10**30, 1e308, [], {}, [None],
  {"": None},
)  # fmt: skip

MOST_ITEMS = 2
"""Items of a list that are changed, each by itself."""


def changed_fields(message: bytes, others: tuple[Any, ...] = WRONG) -> Iterator[bytes]:
  """A JSON message again and again, each time with one field left out or of another kind: null, a
  text, a number that is negative, huge or none, a list, an object. Nothing for what is no JSON.
  `others` are what stands in place of a field."""
  try:
    found = json.loads(message)
  except (ValueError, RecursionError):
    return
  for path in _paths(found, ()):
    kind = type(_at(found, path))
    for wrong in others:
      if wrong in ([], {}) and type(wrong) is kind:
        continue  # An empty list is as good as one that is not,
      if wrong is LEFT_OUT and type(path[-1]) is int:
        continue  # and a shorter one, too.
      again = copy.deepcopy(found)
      holder = _at(again, path[:-1])
      if wrong is LEFT_OUT:
        del holder[path[-1]]
      else:
        holder[path[-1]] = wrong
      # As compact as venues write: their messages are recognised by how they begin.
      # And a stream of lines stays one.
      yield json.dumps(again, separators=(",", ":")).encode() + message[len(message.rstrip()) :]


def _at(found: Any, path: tuple[Any, ...]) -> Any:
  for step in path:
    found = found[step]
  return found


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
  steps = value if isinstance(value, dict) else range(min(len(value), MOST_ITEMS))
  for step in steps:
    yield (*path, step)
    if isinstance(value[step], dict | list):
      yield from _paths(value[step], (*path, step))


def first_of_each_shape(messages: list[bytes]) -> list[int]:
  """Where the messages are whose fields no earlier one has."""
  shapes: dict[str, int] = {}
  for at, message in enumerate(messages):
    shapes.setdefault(_shape(message), at)
  return list(shapes.values())


def counters(feed: Feed) -> dict[str, int]:
  """What a feed counts, by the names of its own."""
  names = [name for name in dir(feed) if not name.startswith("_")]
  found = {name: getattr(feed, name) for name in names}
  return {name: value for name, value in found.items() if type(value) is int and name != "now_ns"}


def _shape(message: bytes) -> str:
  def names(value: Any) -> Any:
    if isinstance(value, dict):
      return {name: names(item) for name, item in value.items()}
    return [names(item) for item in value[:1]] if isinstance(value, list) else None

  try:
    return str(names(json.loads(message)))
  except (ValueError, RecursionError):
    return ""
