"""The one form of a spec that is the same however it was written, and the id made of it."""

import hashlib
import pathlib
from typing import Any

import attrs
import msgspec

from bond_core._spec.model import LogNode, SinkNode, SourceNode, Spec, TransformNode
from bond_core._spec.values import Secret

_encode = msgspec.json.Encoder(order="deterministic").encode


def canonical(spec: Spec) -> bytes:
  """Canonical JSON of a checked spec: keys sorted, no spaces, defaults filled in, durations in
  seconds, sizes in bytes, whole floats as integers, secrets as references.

  The name counts where the text gave it; the name of a file does not.
  """
  data = {
    "sources": {key: _node(node) for key, node in spec.sources.items()},
    "transforms": {key: _node(node) for key, node in spec.transforms.items()},
    "sinks": {key: _node(node) for key, node in spec.sinks.items()},
    "log": _node(spec.log),
  }
  if spec.named:
    data["name"] = spec.name  # type: ignore[assignment]
  return _encode(data)


def stream_id(spec: Spec) -> str:
  """16 hex digits: the blake2b of 8 bytes of the canonical JSON."""
  return hashlib.blake2b(canonical(spec), digest_size=8).hexdigest()


def _node(node: SourceNode | TransformNode | SinkNode | LogNode) -> dict[str, Any]:
  data: dict[str, Any] = {"use": node.use, "with": _plain(node.config)}
  if isinstance(node, TransformNode | SinkNode):
    data["from"] = list(node.inputs)
  return data


def _plain(value: Any) -> Any:
  """A configuration as plain data."""
  if attrs.has(type(value)):
    fields = (field for field in attrs.fields(type(value)) if field.init)
    return {field.alias or field.name: _plain(getattr(value, field.name)) for field in fields}
  if isinstance(value, Secret):
    return value.reference()
  if isinstance(value, dict):
    return {key: _plain(part) for key, part in value.items()}
  if isinstance(value, list | tuple):
    return [_plain(part) for part in value]
  if isinstance(value, bool | str) or value is None:
    return value
  if isinstance(value, int):
    return int(value)
  if isinstance(value, float):
    # 5 and 5.0 are one number to JSON and to the user.
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)
  if isinstance(value, pathlib.PurePath):
    return str(value)
  raise TypeError(f"a configuration holds {type(value).__name__}, which no spec can write")
