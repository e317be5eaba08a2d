"""Kinds of values: what a part of an expression can evaluate to, and what the fields of events
hold."""

import enum
import functools
import types
import typing
from typing import Any

import msgspec

from bond_core import AnyEvent


class Kind(enum.IntFlag):
  """What a part of an expression can evaluate to; several bits where that depends on the event."""

  NUMBER = 1
  TEXT = 2
  TRUTH = 4
  LIST = 8
  NOTHING = 16

  @property
  def words(self) -> str:
    """This kind as an error names it."""
    return " or ".join(_WORDS[single] for single in Kind if self & single)


_WORDS = {
  Kind.NUMBER: "a number",
  Kind.TEXT: "text",
  Kind.TRUTH: "true or false",
  Kind.LIST: "a list",
  Kind.NOTHING: "None",
}

NUMERIC = Kind.NUMBER | Kind.TRUTH

TYPE_NAMES = ("type", "channel")
"""Names whose value depends on the type of an event alone."""

FLAGS = ("simulated",)
"""Fields that are true or not there, which is false."""

_SCALARS: dict[Any, Kind] = {
  bool: Kind.TRUTH,
  int: Kind.NUMBER,
  float: Kind.NUMBER,
  str: Kind.TEXT,
  types.NoneType: Kind.NOTHING,
  msgspec.UnsetType: Kind.TRUTH,
}


def are_comparable(left: Kind, right: Kind) -> bool:
  """Whether values of two kinds can be equal; any field can be compared with None."""
  wide_left = left | NUMERIC if left & NUMERIC else left
  wide_right = right | NUMERIC if right & NUMERIC else right
  return bool(wide_left & wide_right) or Kind.NOTHING in (left, right)


@functools.cache
def fields_of(event_type: type[AnyEvent]) -> dict[str, Kind | None]:
  """The fields of an event type with their kinds, None for one that holds nested data."""
  return {
    field.name: _kind_of(field.type)
    for field in msgspec.structs.fields(event_type)
    if field.name != "raw"
  }


def _kind_of(annotation: Any) -> Kind | None:
  origin = typing.get_origin(annotation)
  if origin in (typing.Union, types.UnionType):
    total = Kind(0)
    for part in typing.get_args(annotation):
      kind = _kind_of(part)
      if kind is None:
        return None
      total |= kind
    return total
  return Kind.LIST if origin is list else _SCALARS.get(annotation)
