"""Whether a message fits: by its whole text, or by values at paths in it."""

from collections.abc import Callable
from typing import Any

from bond_ws.paths import parse_path

MAX_CONDITIONS = 16

_SCALARS = (str, int, float, bool, type(None))


def check_match(match: str | dict[str, Any]) -> None:
  """Raises ValueError for a condition that cannot be."""
  matcher(match)


def matcher(match: str | dict[str, Any]) -> Callable[[bytes, Any, Any], bool]:
  """The test `(frame, message, item)` of a match: the frame's whole text, or for each path the
  value, or one of a list of values, that must be there. A missing value is null."""
  if isinstance(match, str):
    text = match.encode()
    return lambda frame, message, item: frame == text
  if len(match) > MAX_CONDITIONS:
    raise ValueError(f"{len(match)} conditions are more than {MAX_CONDITIONS}")
  conditions = []
  for path, values in match.items():
    listed = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(value, _SCALARS) for value in listed):
      raise ValueError(f"{path} is compared with texts, numbers, true, false or null, or a list")
    conditions.append((parse_path(path), frozenset(_key(value) for value in listed)))

  def fits(frame: bytes, message: Any, item: Any) -> bool:
    for path, values in conditions:
      value = path.read(message, item)
      if not isinstance(value, _SCALARS) or _key(value) not in values:
        return False
    return True

  return fits


def _key(value: Any) -> tuple[bool, Any]:
  """A value that equals only values of its type: true is not 1."""
  return isinstance(value, bool), value
