"""The columns of each type of event: pinned, whatever a recording happens to hold.

A column has its type from the event's own definition, so one that is null throughout keeps it. A
number of a venue stands twice: as a float64, and, as NAME_text, as the text of its decimal.
"""

from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import inspect

from bond_core import EVENT_TYPES
from bond_core.specs import kind_of

Kind = Literal["text", "integer", "number", "truth", "levels", "json"]

PLURALS: Final = {
  "trade": "trades",
  "orderbook": "orderbooks",
  "ticker": "tickers",
  "liquidation": "liquidations",
  "candle": "candles",
  "post": "posts",
  "window": "windows",
  "gap": "gaps",
  "heartbeat": "heartbeats",
}

_MADE: Final = ("window", "heartbeat", "gap")
"""Types whose numbers are computed, and no decimals of a venue."""


class Column(NamedTuple):
  """One column. `source` is the event's own field, `exact` says that it is the decimal as text."""

  name: str
  kind: Kind
  source: str
  exact: bool = False


def table_of(kind: str) -> str:
  """The name of the table that a type of event goes to."""
  return PLURALS.get(kind, kind)


def columns_of(kind: str) -> list[Column]:
  """The columns of a type of event, in order."""
  found: list[Column] = []
  info = inspect.type_info(EVENT_TYPES[kind])
  if not isinstance(info, inspect.StructType):
    raise TypeError(f"{kind} is {kind_of(info)}, no struct")
  for field in info.fields:
    column = _kind_of(field.type)
    name = field.encode_name
    if column == "levels" and kind == "orderbook":
      found += [Column(name, "levels", name), Column(f"{name}_text", "text", name, exact=True)]
    elif column in ("levels", "json"):
      # The levels of a consolidated book say more than those of a venue's.
      label = f"{name}_text" if name in ("bids", "asks") else name
      found.append(Column(label, "json", name))
    else:
      found.append(Column(name, column, name))
      if column == "number" and kind not in _MADE:
        found.append(Column(f"{name}_text", "text", name, exact=True))
  return found


def _kind_of(found: inspect.Type) -> Kind:
  types = found.types if isinstance(found, inspect.UnionType) else (found,)
  kinds = {_one(one) for one in types}
  kinds.discard(None)
  if len(kinds) != 1:
    return "json"
  return kinds.pop() or "json"


def _one(found: inspect.Type) -> Kind | None:
  if isinstance(found, inspect.StrType):
    return "text"
  if isinstance(found, inspect.BoolType):
    return "truth"
  if isinstance(found, inspect.IntType):
    return "integer"
  if isinstance(found, inspect.FloatType):
    return "number"
  if isinstance(found, inspect.ListType) and isinstance(found.item_type, inspect.TupleType):
    return "levels"
  if isinstance(found, inspect.NoneType) or found == _UNSET:
    return None
  return "json"


_UNSET: Final = inspect.type_info(msgspec.UnsetType)


def schema() -> dict[str, list[tuple[str, str]]]:
  """All tables with their columns, as plain data."""
  return {
    table_of(kind): [(column.name, column.kind) for column in columns_of(kind)]
    for kind in EVENT_TYPES
  }


def shown(value: Any) -> str:
  """A value in a text cell."""
  if value is None:
    return ""
  if isinstance(value, bool):
    return "true" if value else "false"
  return value if isinstance(value, str) else msgspec.json.encode(value).decode()
