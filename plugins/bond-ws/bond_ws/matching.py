"""Whether a message fits: by its whole text, or by values at paths in it."""

from collections.abc import Callable
from typing import Any, Final

from bond_ws.paths import MISSING, Scope, parse_path

MAX_CONDITIONS = 16

UNDECODED: Final = object()
"""Stands for a message that cannot be decoded: no condition about its values holds."""

_SCALARS = (str, int, float, bool, type(None))


def check_match(match: str | dict[str, Any], depth: int = 0) -> None:
  """Raises ValueError for a condition that cannot be."""
  matcher(match, depth)


def matcher(match: str | dict[str, Any], depth: int = 0) -> Callable[[bytes, Scope], bool]:
  """The test `(frame, scope)` of a match: the frame's whole text, or for each path the
  value, or one of a list of values, that must be there. A missing value is null, and {has: true} or
  {has: false} instead of a value says whether there must be one, null included."""
  if isinstance(match, str):
    text = match.encode()
    return lambda frame, scope: frame == text
  if len(match) > MAX_CONDITIONS:
    raise ValueError(f"{len(match)} conditions are more than {MAX_CONDITIONS}")
  conditions = [_condition(path, depth, wanted) for path, wanted in match.items()]

  def fits(frame: bytes, scope: Scope) -> bool:
    return scope[0] is not UNDECODED and all(holds(scope) for holds in conditions)

  return fits


def _condition(text: str, depth: int, wanted: Any) -> Callable[[Scope], bool]:
  path = parse_path(text, depth)
  if isinstance(wanted, dict):
    has = wanted.get("has")
    if len(wanted) != 1 or not isinstance(has, bool):
      raise ValueError(f"{text} is compared with {{has: true}}, {{has: false}}, a value or a list")
    return lambda scope: (path.find(scope) is not MISSING) == has
  listed = wanted if isinstance(wanted, list) else [wanted]
  if not listed or not all(isinstance(value, _SCALARS) for value in listed):
    raise ValueError(
      f"{text} is compared with texts, numbers, true, false or null, a list, or {{has: true}}"
    )
  values = frozenset(_key(value) for value in listed)

  def holds(scope: Scope) -> bool:
    value = path.read(scope)
    return isinstance(value, _SCALARS) and _key(value) in values

  return holds


def _key(value: Any) -> tuple[bool, Any]:
  """A value that equals only values of its type: true is not 1."""
  return isinstance(value, bool), value
