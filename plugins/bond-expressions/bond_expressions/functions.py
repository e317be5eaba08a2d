"""The functions that expressions can call."""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from bond_expressions.kinds import NUMERIC, Kind

MAX_DIGITS = 15
"""Digits of round()."""


class Function(NamedTuple):
  """A function with the kinds of its arguments and of its result.

  It takes `least` to `most` arguments; the last kind counts for all further ones.
  """

  takes: tuple[Kind, ...]
  gives: Kind
  run: Callable[..., Any]
  least: int
  most: int

  def kind_of_argument(self, index: int) -> Kind:
    """What the argument at this index may be."""
    return self.takes[min(index, len(self.takes) - 1)]


FUNCTIONS: dict[str, Function] = {
  "abs": Function((NUMERIC,), Kind.NUMBER, abs, 1, 1),
  "min": Function((NUMERIC,), Kind.NUMBER, min, 2, 10),
  "max": Function((NUMERIC,), Kind.NUMBER, max, 2, 10),
  "round": Function((NUMERIC, NUMERIC), Kind.NUMBER, round, 1, 2),
  "lower": Function((Kind.TEXT,), Kind.TEXT, str.lower, 1, 1),
  "upper": Function((Kind.TEXT,), Kind.TEXT, str.upper, 1, 1),
  "contains": Function((Kind.TEXT | Kind.LIST, Kind.TEXT), Kind.TRUTH, operator.contains, 2, 2),
  "startswith": Function((Kind.TEXT, Kind.TEXT), Kind.TRUTH, str.startswith, 2, 2),
  "endswith": Function((Kind.TEXT, Kind.TEXT), Kind.TRUTH, str.endswith, 2, 2),
  "len": Function((Kind.TEXT | Kind.LIST,), Kind.NUMBER, len, 1, 1),
}
"""Every function by its name."""
