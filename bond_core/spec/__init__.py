"""Reads spec.yaml and spec JSON into checked objects; every error names its file, line and column.

Plugins take Duration, Size and Secret from here for their configurations, so those cost nothing to
import; the reader itself is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bond_core.spec.values import Duration, Secret, Size, parse_duration, parse_size

if TYPE_CHECKING:
  from bond_core.spec.canonical_form import canonical, stream_id
  from bond_core.spec.load import load_spec
  from bond_core.spec.model import LogNode, SinkNode, SourceNode, Spec, TransformNode

_MODULE_OF = {
  "LogNode": "model",
  "SinkNode": "model",
  "SourceNode": "model",
  "Spec": "model",
  "TransformNode": "model",
  "canonical": "canonical_form",
  "load_spec": "load",
  "stream_id": "canonical_form",
}

__all__ = [
  "Duration",
  "LogNode",
  "Secret",
  "SinkNode",
  "Size",
  "SourceNode",
  "Spec",
  "TransformNode",
  "canonical",
  "load_spec",
  "parse_duration",
  "parse_size",
  "stream_id",
]


def __getattr__(name: str) -> Any:
  if name not in _MODULE_OF:
    raise AttributeError(f"module 'bond_core.spec' has no public name {name!r}")
  value = getattr(import_module(f"bond_core.spec.{_MODULE_OF[name]}"), name)
  globals()[name] = value
  return value
