"""Whether a message fits: by its whole text, or by values at paths in it."""

from collections.abc import Callable
from typing import Any, Final

from bond_ws.paths import MISSING, parse_path

MAX_CONDITIONS = 16

UNDECODED: Final = object()
"""Stands for a message that cannot be decoded: no condition about its values holds."""

_SCALARS = (str, int, float, bool, type(None))


def check_match(match: str | dict[str, Any]) -> None:
  """Raises ValueError for a condition that cannot be."""
  matcher(match)


def matcher(match: str | dict[str, Any]) -> Callable[[bytes, Any, Any], bool]:
  """The test `(frame, message, item)` of a match: the frame's whole text, or for each path the
  value, or one of a list of values, that must be there. A missing value is null, and {has: true} or
  {has: false} instead of a value says whether there must be one, null included."""
  if isinstance(match, str):
    text = match.encode()
    return lambda frame, message, item: frame == text
  if len(match) > MAX_CONDITIONS:
    raise ValueError(f"{len(match)} conditions are more than {MAX_CONDITIONS}")
  conditions = [_condition(path, wanted) for path, wanted in match.items()]

  def fits(frame: bytes, message: Any, item: Any) -> bool:
    return message is not UNDECODED and all(holds(message, item) for holds in conditions)

  return fits


def _condition(text: str, wanted: Any) -> Callable[[Any, Any], bool]:
  path = parse_path(text)
  if isinstance(wanted, dict):
    has = wanted.get("has")
    if len(wanted) != 1 or not isinstance(has, bool):
      raise ValueError(f"{text} is compared with {{has: true}}, {{has: false}}, a value or a list")
    return lambda message, item: (path.find(message, item) is not MISSING) == has
  listed = wanted if isinstance(wanted, list) else [wanted]
  if not listed or not all(isinstance(value, _SCALARS) for value in listed):
    raise ValueError(
      f"{text} is compared with texts, numbers, true, false or null, a list, or {{has: true}}"
    )
  values = frozenset(_key(value) for value in listed)

  def holds(message: Any, item: Any) -> bool:
    value = path.read(message, item)
    return isinstance(value, _SCALARS) and _key(value) in values

  return holds


def _key(value: Any) -> tuple[bool, Any]:
  """A value that equals only values of its type: true is not 1."""
  return isinstance(value, bool), value
