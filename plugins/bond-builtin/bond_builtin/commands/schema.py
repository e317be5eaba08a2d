"""bond schema"""

import inspect
import json
import pathlib
import types
import typing
from typing import Any, Literal

import attrs
import click

from bond_core import (
  Duration,
  LogType,
  Registry,
  Secret,
  SinkType,
  Size,
  SourceType,
  TransformType,
)
from bond_core.specs import closed_keys

Schema = dict[str, Any]
Component = SourceType | TransformType | SinkType | LogType

_NAME = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}
_LENGTH = r"^\s*[0-9]{1,16}(\.[0-9]{1,9})?\s?(ms|s|m|h|d)?\s*$"
_BYTES = r"^\s*[0-9]{1,16}(\.[0-9]{1,9})?\s?(([kKmMgGtT][iI]?)?[bB])?\s*$"
_PLAIN: dict[Any, Schema] = {
  str: {"type": "string"},
  int: {"type": "integer"},
  float: {"type": "number"},
  bool: {"type": "boolean"},
  types.NoneType: {"type": "null"},
  pathlib.Path: {"type": "string"},
  Duration: {
    "description": "250ms, 5s, 2m, 1h, 1d, or a number of seconds",
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": _LENGTH}],
  },
  Size: {
    "description": "500kB, 64MiB, 1GiB, or a number of bytes",
    "anyOf": [{"type": "integer"}, {"type": "string", "pattern": _BYTES}],
  },
  Secret: {
    "description": "the name of an environment variable or a file, never the value",
    "type": "object",
    "properties": {
      "secret": {
        "anyOf": [
          {"type": "string"},
          {
            "type": "object",
            "properties": {"file": {"type": "string"}},
            "required": ["file"],
            "additionalProperties": False,
          },
        ]
      }
    },
    "required": ["secret"],
    "additionalProperties": False,
  },
}


@click.command(name="schema")
@click.option("--outside", is_flag=True, help="Only what a spec from outside may say.")
def schema_command(outside: bool) -> None:
  """Print the JSON Schema of a spec, with the components that are installed here.

  For editors, which then complete and check specs as they are written, and for agents, which then
  write them right. It holds the form of a spec; `bond check` knows more, as what an expression may
  say.

  \b
  bond schema > spec.schema.json
  # yaml-language-server: $schema=spec.schema.json     (the first line of a spec)
  """
  click.echo(json.dumps(spec_schema(Registry(), outside=outside), indent=2))


def spec_schema(registry: Registry, *, outside: bool = False) -> Schema:
  """The JSON Schema of a spec; of one from `outside` with public components and keys only."""

  def entries(kind: type[Component], *, inputs: bool) -> Schema:
    components = [c for c in registry.all(kind) if not outside or getattr(c, "public", True)]
    made = [_node(component, inputs=inputs, outside=outside) for component in components]
    return {"type": "object", "propertyNames": _NAME, "additionalProperties": {"anyOf": made}}

  logs = [_node(log, inputs=False, outside=outside) for log in registry.all(LogType)]
  return {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A spec of Bond",
    "type": "object",
    "properties": {
      "name": {"type": "string"},
      "sources": {**entries(SourceType, inputs=False), "minProperties": 1},
      "transforms": entries(TransformType, inputs=True),
      "sinks": entries(SinkType, inputs=True),
      "log": {"anyOf": logs},
    },
    "required": ["sources"],
    "additionalProperties": False,
  }


def _node(component: Component, *, inputs: bool, outside: bool) -> Schema:
  """An entry of a spec with this component."""
  settings = _object(component.config, outside=outside and getattr(component, "public", False))
  properties: Schema = {
    "use": {"const": component.name, "description": component.summary},
    "with": settings,
  }
  required = ["use", *(["with"] if settings["required"] else [])]
  if inputs:
    properties["from"] = {"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}
    required.append("from")
  return {
    "type": "object",
    "properties": properties,
    "required": required,
    "additionalProperties": False,
  }


def _object(config: type, *, outside: bool = False) -> Schema:
  """The keys of a configuration."""
  closed = closed_keys(config) if outside else frozenset()
  properties: Schema = {}
  required: list[str] = []
  for field in attrs.fields(config):
    key = field.alias or field.name
    if not field.init or key in closed:
      continue
    properties[key] = type_schema(field.type)
    if field.default is attrs.NOTHING:
      required.append(key)
    elif isinstance(field.default, str | int | float | bool):
      properties[key] = {**properties[key], "default": field.default}
  about = inspect.getdoc(config) or ""
  return {
    "type": "object",
    "description": " ".join(about.split()),
    "properties": properties,
    "required": required,
    "additionalProperties": False,
  }


def type_schema(kind: Any) -> Schema:
  """What a value of a type looks like in a spec; anything where that cannot be said."""
  if kind in _PLAIN:
    return dict(_PLAIN[kind])
  origin, arguments = typing.get_origin(kind), typing.get_args(kind)
  if origin is Literal:
    return {"enum": list(arguments)}
  if origin in (typing.Union, types.UnionType):
    return {"anyOf": [type_schema(argument) for argument in arguments]}
  if origin in (list, tuple, frozenset, set):
    return {"type": "array", "items": type_schema(arguments[0])}
  if origin is dict:
    return {"type": "object", "additionalProperties": type_schema(arguments[1])}
  if isinstance(kind, type) and attrs.has(kind):
    return _object(kind)
  return {}
