"""From messages to the msgspec structs that hold them, one for each kind of message."""

import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import msgspec

from bond_new.capture import Capture

# Fields whose text says what kind of message it is, in the order in which they are looked for.
KIND_FIELDS = ("e", "type", "event", "channel", "topic", "table", "method", "op", "feed", "stream")
INNER = ("data", "arg", "params", "result")
"""Objects within a message that may have such a field."""
MAX_KEYS = 60
"""An object with more keys, over all messages, is a mapping from names to values."""

_MARKET = re.compile(
  r"[a-z0-9]{2,12}[-_]?(usdt?|usdc|fdusd|dai|btc|xbt|eth|eur|gbp|krw|jpy|try)(_perp|swap|_[0-9]+)?",
  re.IGNORECASE,
)
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?")

Shape: TypeAlias = "Scalar | Rows | Object | Mixed"


@attrs.frozen
class Scalar:
  """A value without parts; `kind` is how it is written in Python."""

  kind: str


@attrs.frozen
class Rows:
  """A list: of a `row` each, or of the `columns` of one row."""

  row: "Shape | None" = None
  columns: tuple["Shape", ...] | None = None


@attrs.define
class Object:
  """An object with the shapes of its fields; those in `always` are in every one of them."""

  fields: dict[str, "Shape"]
  always: set[str]


@attrs.frozen
class Mixed:
  """Values of several shapes."""

  shapes: tuple["Shape", ...]


def kind_of(message: Any) -> str:
  """Returns what kind of message it is, as text."""
  if isinstance(message, list):
    return f"list of {len(message)}"
  texts = [_kind_in(message), *(_kind_in(message.get(key)) for key in INNER)]
  names = [name for text in texts if (name := _without_market(text))]
  # The innermost says most: a stream's message has its event's kind within.
  return names[-1] if names else "+".join(sorted(message)[:4]) or "empty"


def _kind_in(value: Any) -> str:
  if not isinstance(value, dict):
    return ""
  return next((value[key] for key in KIND_FIELDS if isinstance(value.get(key), str)), "")


def _without_market(text: str) -> str:
  """Returns the name of a channel in a text such as orderbook.50.BTCUSDT or btcusdt@trade."""
  parts = [part for part in re.split(r"[^A-Za-z0-9_]+", text) if not part.isdigit()]
  return next((part for part in parts if part and not _MARKET.fullmatch(part)), "")


def by_kind(capture: Capture) -> dict[str, list[bytes]]:
  """Returns messages by their kind, the most frequent first, then HTTP's answers by their paths."""
  found: dict[str, list[bytes]] = {}
  for frame in capture.received:
    found.setdefault(kind_of(msgspec.json.decode(frame)), []).append(frame)
  kinds = dict(sorted(found.items(), key=lambda entry: -len(entry[1])))
  for path, body in capture.answers:
    kinds.setdefault(f"GET {path}", []).append(body)
  return kinds


# Shapes -------------------------------------------------------------------------------------------


def shape_of(values: Sequence[Any]) -> Shape:
  """The shape that all these values have."""
  shapes: list[Shape] = []
  objects = [value for value in values if isinstance(value, dict)]
  lists = [value for value in values if isinstance(value, list)]
  texts = [value for value in values if isinstance(value, str)]
  others = [value for value in values if not isinstance(value, dict | list | str)]
  if objects:
    shapes.append(_object(objects))
  if lists:
    shapes.append(_rows(lists))
  if texts:
    shapes.append(Scalar(_text_kind(texts)))
  kinds = {type(value).__name__ for value in others if value is not None}
  if {"int", "float"} <= kinds:
    kinds.discard("int")
  shapes += [Scalar(kind) for kind in sorted(kinds)]
  if None in others:
    shapes.append(Scalar("None"))
  return shapes[0] if len(shapes) == 1 else Mixed(tuple(shapes))


def _text_kind(texts: Sequence[str]) -> str:
  """Numbers that come as text are read as numbers (the decoder is not strict)."""
  if all(_INTEGER.fullmatch(text) for text in texts):
    return "int"
  return "float" if all(_DECIMAL.fullmatch(text) for text in texts) else "str"


def _object(objects: Sequence[Mapping[str, Any]]) -> Shape:
  keys = list(dict.fromkeys(key for value in objects for key in value))
  if not keys or len(keys) > MAX_KEYS:
    return Scalar("dict[str, Any]")
  fields = {key: shape_of([value[key] for value in objects if key in value]) for key in keys}
  return Object(fields, {key for key in keys if all(key in value for value in objects)})


def _rows(lists: Sequence[Sequence[Any]]) -> Shape:
  lengths = {len(value) for value in lists}
  flat = [item for value in lists for item in value]
  if not flat:
    return Rows(Scalar("Any"))
  kinds = {type(item) for item in flat}
  # A row of prices, sizes and ids has the same few columns each time; a list of rows does not.
  if len(lengths) == 1 and 1 < max(lengths) <= 12 and (len(kinds) > 1 or len(lists) > 2):
    columns = [shape_of([value[at] for value in lists]) for at in range(max(lengths))]
    if not any(isinstance(column, Object | Rows) for column in columns) or len(kinds) > 1:
      return Rows(columns=tuple(columns))
  return Rows(shape_of(flat))


# Code ---------------------------------------------------------------------------------------------


class StructWriter:
  """Writes structs for shapes, each class once, the inner ones first."""

  def __init__(self) -> None:
    self.classes: list[str] = []
    self._names: set[str] = set()

  def add(self, name: str, shape: Shape) -> str:
    """The annotation of a shape, after its structs are written; `name` is for the outermost."""
    if isinstance(shape, Object):
      return self._struct(name, shape)
    if isinstance(shape, Mixed):
      parts = [self.add(f"{name}{at or ''}", part) for at, part in enumerate(shape.shapes)]
      structs = [part for part in parts if part in self._names]
      # A union of objects and lists could not be told apart.
      if len(structs) > 1 or (
        structs and any(part.startswith(("list", "tuple")) for part in parts)
      ):
        return "Any"
      return " | ".join(dict.fromkeys(parts))
    if isinstance(shape, Rows):
      if shape.columns is not None:
        parts = [self.add(f"{name}{at}", part) for at, part in enumerate(shape.columns)]
        return f"tuple[{', '.join(parts)}]"
      return f"list[{self.add(name, shape.row or Scalar('Any'))}]"
    return shape.kind

  def _struct(self, name: str, shape: Object) -> str:
    lines, later = [], []
    used: set[str] = set()
    for key, field in shape.fields.items():
      attribute = _attribute(key, used)
      kind = self.add(f"{name}{camel(key)}", field)
      renamed = "" if attribute == key else f'name="{key}"'
      if key in shape.always:
        value = f" = msgspec.field({renamed})" if renamed else ""
        lines.append(f"  {attribute}: {kind}{value}")
      else:
        optional = kind if "None" in kind.split(" | ") else f"{kind} | None"
        more = f"msgspec.field({renamed}, default=None)" if renamed else "None"
        later.append(f"  {attribute}: {optional} = {more}")
    taken = _free(name, self._names)
    self._names.add(taken)
    body = "\n".join([*lines, *later])
    self.classes.append(f"class {taken}(msgspec.Struct):\n{body}\n")
    return taken


def camel(text: str) -> str:
  """A text as a part of a class's name."""
  parts = re.split(r"[^A-Za-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text))
  return "".join(part[:1].upper() + part[1:] for part in parts if part)


def _attribute(key: str, used: set[str]) -> str:
  name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key)
  name = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "field"
  if name[0].isdigit() or keyword.iskeyword(name):
    name = f"field_{name}"
  found = _free(name, used)
  used.add(found)
  return found


def _free(name: str, used: set[str]) -> str:
  found, number = name, 1
  while found in used:
    number += 1
    found = f"{name}_{number}"
  return found
