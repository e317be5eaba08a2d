"""Makes the attrs class that a component declares from plain data, strictly, and says what is wrong
with the data where it is wrong.

A text is no number, true is no number, and a number is no text; a whole number serves where any
number does. cattrs walks the classes and collects; this says which types there are and turns what
cattrs collected into sentences and places.
"""

import collections.abc as abc
import functools
import pathlib
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import attrs
from cattrs import Converter
from cattrs.errors import (
  BaseValidationError,
  ClassValidationError,
  ForbiddenExtraKeysError,
  IterableValidationError,
  IterableValidationNote,
  StructureHandlerNotFoundError,
)
from cattrs.gen import make_dict_structure_fn

from bond_core._errors import fault_of
from bond_core._spec.document import MAX_PROBLEMS, Path, kind_of, shown
from bond_core._spec.values import Duration, InvalidValue, Secret, Size, parse_duration, parse_size
from bond_core._suggest import closest, did_you_mean, one_of

Hook = Callable[[Any, Any], Any]


class Fault(NamedTuple):
  """What is wrong at a path: with the key there, with the value, or, for `owner`, with something
  that the value lacks: the key `missing`. `hides` says that the value may be a secret."""

  path: Path
  message: str
  at: Literal["key", "value", "owner"] = "value"
  hides: bool = False
  missing: str | None = None


class _Invalid(Exception):
  """An attribute's own validator or converter refused its value."""

  def __init__(self, field: str, cause: Exception) -> None:
    super().__init__(field)
    self.field = field
    self.cause = cause


def structure(data: Any, config: type, *, trusted: bool = True) -> tuple[Any, Iterator[Fault]]:
  """The instance of `config` that the data describes, or None and what is wrong with the data,
  found as it is iterated.

  Secrets and files of this machine are refused in data that is not trusted. Raises TypeError where
  `config` itself has a field of a type that no spec can write.
  """
  try:
    return _converter(trusted).structure(data, config), iter(())
  except StructureHandlerNotFoundError as exc:
    message = f"a field of {config.__name__} is {_named(exc.type_)}, which no spec can write"
    raise TypeError(message) from exc
  except (BaseValidationError, InvalidValue) as exc:
    return None, _faults(exc, (), config)


def _faults(exc: BaseException, path: Path, cls: Any) -> Iterator[Fault]:
  """Every fault in what cattrs collected, with its path."""
  if isinstance(exc, ClassValidationError):
    noted, others = exc.group_exceptions()
    aliases = {field.name: field.alias or field.name for field in attrs.fields(exc.cl)}
    unknown = [sub for sub in others if isinstance(sub, ForbiddenExtraKeysError)]
    intended = {closest(key, aliases.values()) for sub in unknown for key in _extra(sub)}
    for sub, note in noted:
      key = aliases.get(note.name, note.name)
      if not isinstance(sub, KeyError):
        yield from _faults(sub, (*path, key), note.type)
      elif key not in intended:
        message = f"the key {key!r} is missing; it takes {_expected(note.type)}"
        yield Fault(path, message, "owner", missing=key)
    for sub in others:
      yield from _faults(sub, path, exc.cl)
  elif isinstance(exc, IterableValidationError):
    for sub, place in exc.group_exceptions()[0]:
      yield from _faults(sub, (*path, place.index), place.type)
  elif isinstance(exc, ForbiddenExtraKeysError):
    yield from _unknown(exc, path)
  elif isinstance(exc, _Invalid):
    hides = isinstance(exc.cause, InvalidValue) and exc.cause.hides
    yield Fault((*path, exc.field), _reason(exc.cause), hides=hides)
  else:
    yield Fault(path, _reason(exc), hides=isinstance(exc, InvalidValue) and exc.hides)


def _extra(exc: ForbiddenExtraKeysError) -> list[str]:
  """The keys that a class does not have, as many as are reported."""
  return sorted(exc.extra_fields)[:MAX_PROBLEMS]


def _unknown(exc: ForbiddenExtraKeysError, path: Path) -> Iterator[Fault]:
  fields = {f.alias or f.name: f for f in attrs.fields(exc.cl) if f.init}
  secrets = [key for key, field in fields.items() if _mentions(field.type, Secret)]
  for key in _extra(exc):
    hint = did_you_mean(key, fields)
    # A misspelled key of a secret may hold one.
    hides = bool(secrets) and (not hint or bool(did_you_mean(key, secrets)))
    if not hint:
      hint = f"; there is {one_of(fields, 'and')}" if fields else "; there are no keys here"
    yield Fault((*path, key), f"unknown key {shown(key)}{hint}", "key", hides)


def _reason(exc: BaseException) -> str:
  """What an exception of a validator says. Those of attrs carry more than their sentence."""
  text = exc.args[0] if exc.args and isinstance(exc.args[0], str) else str(exc)
  text = " ".join(text.split())
  if not isinstance(exc, ValueError | TypeError):
    text = f"the component's own check failed with {type(exc).__name__}: {text}; tell its author"
  return (text if len(text) <= 300 else text[:300] + "…") or type(exc).__name__


@functools.cache
def closed_keys(config: type) -> frozenset[str]:
  """The keys of a public component's configuration that specs from outside cannot set."""
  fields = attrs.fields(config)
  closed = (f for f in fields if not f.metadata.get("public", harmless(f.type)))
  return frozenset(field.alias or field.name for field in closed)


def harmless(kind: Any) -> bool:
  """Whether a type leaves no text free that could name something to reach."""
  if _origin(kind) is Literal:
    return True
  if arguments := typing.get_args(kind):
    return all(part is Ellipsis or harmless(part) for part in arguments)
  if isinstance(kind, type) and attrs.has(kind):
    return not closed_keys(kind)
  return kind in (bool, int, float, types.NoneType, Duration, Size)


@functools.cache
def _converter(trusted: bool) -> Converter:
  """The strict converter. cattrs tries the factories that were registered last first."""
  converter = Converter(detailed_validation=True, forbid_extra_keys=True)

  def secret(value: Any, _: Any) -> Secret:
    if not trusted:
      raise InvalidValue("a spec from outside cannot use secrets of this machine", hides=True)
    return _secret(value)

  def file(value: Any, _: Any) -> pathlib.Path:
    if not trusted:
      raise InvalidValue("a spec from outside cannot name files of this machine")
    return pathlib.Path(_text(value, str))

  scalars: dict[Any, Hook] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _boolean,
    pathlib.Path: file,
    Duration: _duration,
    Size: _size,
    Secret: secret,
  }
  hooks: list[tuple[Callable[[Any], bool], Callable[[Any], Hook]]] = [
    (lambda t: _origin(t) in _UNKNOWN, _refuse_type),
    (attrs.has, lambda t: _class(t, converter)),
    (lambda t: _origin(t) in _LISTS, lambda t: _list(t, converter)),
    (_is_tuple, lambda t: _list(t, converter)),
    (lambda t: _origin(t) in _DICTS, lambda t: _dict(t, converter)),
    (lambda t: _origin(t) is Literal, lambda _: _literal),
    (lambda t: _origin(t) in _UNIONS, lambda t: _union(t, converter)),
  ]
  for serves, factory in hooks:
    converter.register_structure_hook_factory(serves, factory)
  for kind, hook in scalars.items():
    converter.register_structure_hook(kind, hook)
  return converter


_LISTS = (list, abc.Sequence)
_DICTS = (dict, abc.Mapping)
_UNIONS = (typing.Union, types.UnionType)
# cattrs would take a text for these apart, letter by letter.
_UNKNOWN = (tuple, set, frozenset, abc.Set, abc.Iterable, bytes)


def _origin(target: Any) -> Any:
  return typing.get_origin(target) or target


def _is_tuple(target: Any) -> bool:
  return _origin(target) is tuple and typing.get_args(target)[1:] == (...,)


def _refuse_type(target: Any) -> Hook:
  raise StructureHandlerNotFoundError("", target)


def _text(value: Any, _: Any) -> str:
  if type(value) is str:
    return value
  quote = "; put it in quotes" if type(value) in (bool, int, float) else ""
  raise InvalidValue(f"expected text, got {kind_of(value)}{quote}")


def _integer(value: Any, _: Any) -> int:
  if type(value) is int:
    return value
  raise InvalidValue(f"expected a whole number, got {kind_of(value)}")


def _number(value: Any, _: Any) -> float:
  if type(value) is float or type(value) is int:
    return float(value)
  raise InvalidValue(f"expected a number, got {kind_of(value)}")


def _boolean(value: Any, _: Any) -> bool:
  if type(value) is bool:
    return value
  raise InvalidValue(f"expected true or false, got {kind_of(value)}")


def _duration(value: Any, _: Any) -> Duration:
  if type(value) in (str, int, float):
    return parse_duration(value)
  raise InvalidValue(f"expected a duration such as 5s or 250ms, got {kind_of(value)}")


def _size(value: Any, _: Any) -> Size:
  if type(value) in (str, int):
    return parse_size(value)
  raise InvalidValue(f"expected a size such as 64MiB or 500kB, got {kind_of(value)}")


_SECRET_FORM = "write {secret: NAME} for a variable of the environment, or {secret: {file: PATH}}"


def _secret(value: Any) -> Secret:
  # The value may be the secret itself: no error repeats any of it.
  if not isinstance(value, dict):
    raise InvalidValue(f"a secret never stands in a spec; {_SECRET_FORM}", hides=True)
  place = value.get("secret")
  if len(value) == 1 and isinstance(place, str):
    try:
      return Secret(place)
    except ValueError as exc:
      raise InvalidValue(f"{exc}; {_SECRET_FORM}", hides=True) from None
  if len(value) == 1 and isinstance(place, dict) and list(place) == ["file"]:
    path = place["file"]
    if isinstance(path, str) and path:
      return Secret(file=path)
  raise InvalidValue(f"this refers to no secret; {_SECRET_FORM}", hides=True)


def _list(target: Any, converter: Converter) -> Hook:
  item = (*typing.get_args(target), Any)[0]
  hook = converter.get_structure_hook(item)
  make = list if _origin(target) is list else tuple

  def structure_list(value: Any, _: Any) -> Any:
    if type(value) is not list:
      write = f"; write [{value}]" if _bare(value) else ""
      raise InvalidValue(f"expected {_expected(target)}, got {kind_of(value)}{write}")
    return make(_each(enumerate(value), hook, item, target).values())

  return structure_list


def _dict(target: Any, converter: Converter) -> Hook:
  item = (*typing.get_args(target)[1:], Any)[0]
  hook = converter.get_structure_hook(item)

  def structure_dict(value: Any, _: Any) -> dict[str, Any]:
    if type(value) is not dict:
      raise InvalidValue(f"expected {_expected(target)}, got {kind_of(value)}")
    return _each(value.items(), hook, item, target)

  return structure_dict


def _each(parts: abc.Iterable[tuple[Any, Any]], hook: Hook, item: Any, of: Any) -> dict[Any, Any]:
  """Every part by its place; all that do not fit are raised together."""
  made: dict[Any, Any] = {}
  faults: list[Exception] = []
  for place, part in parts:
    try:
      made[place] = hook(part, item)
    except (BaseValidationError, ValueError) as exc:
      exc.add_note(IterableValidationNote("", place, item))
      faults.append(exc)
  if faults:
    raise IterableValidationError("", faults, of)
  return made


def _literal(value: Any, target: Any) -> Any:
  options = typing.get_args(target)
  for option in options:
    if type(option) is type(value) and option == value:
      return option
  hint = did_you_mean(value, [o for o in options if type(o) is str]) if type(value) is str else ""
  raise InvalidValue(f"expected {_expected(target)}, got {kind_of(value)}{hint}")


def _union(target: Any, converter: Converter) -> Hook:
  members = [member for member in typing.get_args(target) if member is not types.NoneType]
  nothing = len(members) < len(typing.get_args(target))
  hooks = [(member, converter.get_structure_hook(member)) for member in members]

  def structure_union(value: Any, _: Any) -> Any:
    if value is None and nothing:
      return None
    able = hooks if len(hooks) == 1 else [pair for pair in hooks if _takes(pair[0], value)]
    for member, hook in able[:-1]:
      try:
        return hook(value, member)
      except (BaseValidationError, ValueError):
        continue
    if not able:
      raise InvalidValue(f"expected {_expected(target)}, got {kind_of(value)}")
    member, hook = able[-1]
    return hook(value, member)

  return structure_union


def _takes(target: Any, value: Any) -> bool:
  """Whether a value of this kind can stand for a type at all."""
  kind = type(value)
  origin = _origin(target)
  if origin is Literal:
    return any(type(option) is kind for option in typing.get_args(target))
  if attrs.has(target) or target is Secret or origin in _DICTS:
    return kind is dict
  if origin in _LISTS or origin is tuple:
    return kind is list
  kinds = {float: (float, int), Duration: (str, int, float), Size: (str, int), pathlib.Path: (str,)}
  return kind in kinds.get(target, (target,)) or target is Any


def _class(cls: Any, converter: Converter) -> Hook:
  default = make_dict_structure_fn(cls, converter, _cattrs_use_alias=True)

  def structure_class(value: Any, _: Any) -> Any:
    if type(value) is not dict:
      raise InvalidValue(f"expected {_expected(cls)}, got {kind_of(value)}")
    try:
      return default(value, cls)
    except ClassValidationError as exc:
      # cattrs makes no instance when a field is wrong, and an instance stops at its first
      # validator: here every field's own is called.
      noted, others = exc.group_exceptions()
      unknown = [sub for sub in others if isinstance(sub, ForbiddenExtraKeysError)]
      invalid = list(_invalid(cls, value, converter))
      whole = [] if invalid else [sub for sub in others if sub not in unknown]
      faults = [*(sub for sub, _ in noted), *unknown, *invalid, *whole]
      raise ClassValidationError("", faults, cls) from None

  return structure_class


def _invalid(cls: Any, value: dict[str, Any], converter: Converter) -> Iterator[_Invalid]:
  """What the converters and validators of single fields say, for the fields whose type is right."""
  instance = object.__new__(cls)
  given: list[tuple[Any, Any]] = []
  for field in attrs.fields(cls):
    key = field.alias or field.name
    if field.init and key in value:
      try:
        made = converter.structure(value[key], field.type or Any)
      except (BaseValidationError, ValueError):
        continue
      if callable(field.converter) and not isinstance(field.converter, attrs.Converter):
        try:
          made = field.converter(made)
        except BaseException as exc:  # a plugin's own, which may raise anything
          yield _Invalid(key, fault_of(exc))
          continue
      given.append((field, made))
    elif isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
      if field.default.takes_self:
        continue
      made = field.default.factory()
    else:
      made = field.default
    object.__setattr__(instance, field.name, made)
  for field, made in given:
    if field.validator is not None:
      try:
        field.validator(instance, field, made)
      except AttributeError:
        # It looks at a field that is itself wrong.
        continue
      except BaseException as exc:
        yield _Invalid(field.alias or field.name, fault_of(exc))


_BARE = re.compile(r"[A-Za-z0-9][\w./-]{0,40}", re.ASCII)
_WORDS: dict[Any, tuple[str, str]] = {
  str: ("text", "texts"),
  int: ("a whole number", "whole numbers"),
  float: ("a number", "numbers"),
  bool: ("true or false", "true or false"),
  pathlib.Path: ("a path", "paths"),
  Duration: ("a duration such as 5s", "durations such as 5s"),
  Size: ("a size such as 64MiB", "sizes such as 64MiB"),
  Secret: ("a secret as {secret: NAME}", "secrets as {secret: NAME}"),
  types.NoneType: ("nothing", "nothing"),
  Any: ("a value", "values"),
}


def _expected(target: Any, many: bool = False) -> str:
  """A type in the words of a spec's author."""
  origin, arguments = _origin(target), typing.get_args(target)
  if origin is Literal:
    return one_of(shown(option) for option in arguments)
  if origin in _UNIONS:
    return one_of(_expected(part, many) for part in arguments if part is not types.NoneType)
  if origin in _LISTS or origin is tuple:
    return f"{'lists' if many else 'a list'} of {_expected((*arguments, Any)[0], True)}"
  if origin in _DICTS:
    of = _expected((*arguments[1:], Any)[0], True)
    return f"{'mappings' if many else 'a mapping'} of keys to {of}"
  if attrs.has(target):
    keys = one_of((field.alias or field.name for field in attrs.fields(target)), "and")
    return f"{'mappings' if many else 'a mapping'} with the keys {keys}"
  return _WORDS.get(target, (_named(target),) * 2)[many]


def _named(target: Any) -> str:
  return getattr(target, "__name__", None) or str(target)


def _bare(value: Any) -> bool:
  """Whether a value can be repeated in a list without quotes."""
  return type(value) in (int, float) or (type(value) is str and _BARE.fullmatch(value) is not None)


def _mentions(target: Any, sought: type) -> bool:
  return target is sought or any(_mentions(part, sought) for part in typing.get_args(target))
