"""The rules of a mapping: which messages count, and where their values are."""

import math
import typing
from datetime import datetime
from typing import Any, Literal

import attrs
import msgspec
from bond_expressions.language import compile_predicate, compile_value

from bond_core import Candle, Custom, Event, Ticker, Trade, epoch_ms
from bond_core.config import parse_duration
from bond_ws.matching import check_match
from bond_ws.paths import Each, parse_path

MAX_FIELDS = 64
MAX_INTEGER = 2**63
MAX_TIME_MS = 4_102_444_800_000
"""The year 2100: what is beyond is no time, and would be a window that never closes."""

Kind: typing.TypeAlias = type[Trade] | type[Ticker] | type[Candle] | type[Custom]

EVENTS: dict[str, Kind] = {"trade": Trade, "ticker": Ticker, "candle": Candle, "custom": Custom}
REQUIRED = {
  "trade": ("price", "size"),
  "candle": ("interval", "start", "open", "high", "low", "close", "volume"),
}
"""Fields without which there is no event of the kind."""
TIMES = ("start", "end")
"""Fields of a candle that are times."""
_COMMON = frozenset(msgspec.structs.asdict(Event(exchange="", symbol="")))

Unit = Literal["auto", "s", "ms", "us", "ns", "text"]
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@attrs.frozen(kw_only=True)
class Value:
  """A value of a message, at `path`, or always `value`. Of a text that is `split` by something,
  `part` is the one of that number, or those of several with / between them. `map` replaces values
  (true and false are written so), and `default` stands in where there is none."""

  path: str = ""
  value: str | float | int | bool | None = None
  split: str = ""
  part: int | list[int] = 0
  map: dict[str, str | float | int | bool] = attrs.field(factory=dict)
  default: str | float | int | bool | None = None

  def __attrs_post_init__(self) -> None:
    if bool(self.path) == (self.value is not None):
      raise ValueError("write path for where the value is, or value for what it always is")
    if self.part != 0 and not self.split:
      raise ValueError("say with split what parts the text, such as split: _")


@attrs.frozen(kw_only=True)
class Rule:
  """Messages that fit `where` become events of a kind.

  `each` is the path of a list whose items each become one; paths are then those of the item, and
  $.PATH is the message's. Lists in lists are written data[*].trades, and ^.PATH is then what holds
  the inner one; prices{*} makes items [name, value] of an object. `fields` gives the event's fields
  their paths, `set` computes fields from the event's own by a safe expression, one after the other,
  `keep` is a condition over the event. A custom event without fields holds the whole item. `time`
  is the path of the venue's time, in `unit`. The whole number at `consecutive` grows by one from
  event to event of a symbol: those that are missing are declared. A candle's `start` and `end` are
  times too; without `end` its `interval` says it.
  """

  emit: Literal["trade", "ticker", "candle", "custom"]
  where: dict[str, Any] = attrs.field(factory=dict)
  each: str = ""
  symbol: str | Value = ""
  time: str = ""
  unit: Unit = "auto"
  consecutive: str = ""
  fields: dict[str, str | Value] = attrs.field(factory=dict)
  set: dict[str, str] = attrs.field(factory=dict)
  keep: str = ""
  event_type: str = ""

  def __attrs_post_init__(self) -> None:
    depth = Each(self.each).depth if self.each else 0
    check_match(self.where, depth)
    for value in (self.time, self.consecutive, self.symbol, *self.fields.values()):
      parse_path(value if isinstance(value, str) else value.path, depth)
    if len(self.fields) + len(self.set) > MAX_FIELDS:
      raise ValueError(f"{len(self.fields) + len(self.set)} fields are more than {MAX_FIELDS}")
    self._check_kind()
    kind = EVENTS[self.emit]
    for expression in self.set.values():
      compile_value(expression, [kind])
    if self.keep:
      compile_predicate(self.keep, [kind])

  def _check_kind(self) -> None:
    if self.emit == "custom":
      if not self.event_type:
        raise ValueError("a custom event needs a name; write event_type: NAME")
      if self.set:
        raise ValueError("a custom event has no fields to set; map them with fields")
      return
    if self.event_type:
      raise ValueError(f"event_type is for custom events, not for emit: {self.emit}")
    if not self.symbol:
      raise ValueError(
        f"a {self.emit} is of a symbol; write symbol: PATH, or symbol: {{value: BTC/USDT}}"
      )
    known = own_fields(EVENTS[self.emit])
    for name in (*self.fields, *self.set):
      if name not in known:
        raise ValueError(f"a {self.emit} has no field {name!r}; it has {', '.join(known)}")
    needed = REQUIRED.get(self.emit, ())
    if missing := [name for name in needed if name not in (*self.fields, *self.set)]:
      raise ValueError(f"a {self.emit} has {_listed(needed)}; map {_listed(missing)} in fields")
    if missing := [name for name in needed if name in self.set and name not in self.fields]:
      raise ValueError(f"set computes from what fields holds; map {_listed(missing)} there first")
    if self.emit == "candle" and "end" not in self.fields:
      interval = self.fields["interval"]
      if isinstance(interval, Value) and interval.value is not None:
        length_ms(interval.value)


def own_fields(kind: Kind) -> dict[str, type]:
  """The fields that a rule can fill, with the type of each."""
  hints = typing.get_type_hints(kind)
  found: dict[str, type] = {}
  for field in msgspec.structs.fields(kind):
    if field.name not in _COMMON and field.name != "data":
      inner = typing.get_args(hints[field.name]) or (hints[field.name],)
      found[field.name] = next(t for t in inner if t is not type(None))
  return found


def converted(value: Any, kind: type, name: str) -> Any:
  """A JSON value as a field's type. Numbers may be texts; ValueError where it does not fit."""
  try:
    if kind is float and type(value) is not bool:
      number = float(value)
      if math.isfinite(number):
        return number
    elif kind is int and type(value) is not bool:
      whole = int(value)
      if whole == float(value) and abs(whole) < MAX_INTEGER:
        return whole
    elif kind is bool and type(value) is bool:
      return value
    elif kind is str and type(value) in (str, int):
      return str(value)
  except (TypeError, ValueError, OverflowError):
    pass
  raise ValueError(f"{name} cannot be {_short(value)}")


def length_ms(interval: object) -> int:
  """The length of a candle whose interval is written as 1m, 4h or 1d, in ms. Raises ValueError for
  another."""
  try:
    return round(parse_duration(str(interval)) * 1000)
  except ValueError:
    raise ValueError(
      f"the interval {_short(interval)} has no length; write it as 1m or 4h, or map end"
    ) from None


def time_ms(value: Any, unit: str) -> int:
  """Epoch milliseconds of a venue's time. `auto` takes a text with a date for RFC 3339 and finds
  the unit of a number by its size, which is right for the years 2001 to 2286."""
  if isinstance(value, str) and unit in ("auto", "text") and not _is_number(value):
    try:
      # RFC 3339 has t and z in small letters, too.
      moment = datetime.fromisoformat(value.strip().upper())
    except ValueError:
      raise ValueError(f"time cannot be {_short(value)}") from None
    return epoch_ms(moment)
  if isinstance(value, datetime):
    return epoch_ms(value)
  number: float = converted(value, float, "time")
  if unit in ("auto", "text"):
    size = abs(number)
    unit = "s" if size < 1e10 else "ms" if size < 1e13 else "us" if size < 1e16 else "ns"
  found = epoch_ms(value, _PER_SECOND[unit])
  if not 0 <= found < MAX_TIME_MS:
    raise ValueError(f"time cannot be {_short(value)}")
  return found


def _is_number(text: str) -> bool:
  try:
    float(text)
  except ValueError:
    return False
  return True


def _listed(names: typing.Sequence[str]) -> str:
  *most, last = names
  return f"{', '.join(most)} and {last}" if most else last


def _short(value: Any) -> str:
  text = repr(value)
  return text if len(text) <= 60 else text[:57] + "…"
