"""Specs: reading documents with the place of every error, checking them, and text to spec."""

from bond_core._spec.canonical import canonical, stream_id
from bond_core._spec.document import (
  MAX_SPEC_NODES,
  Document,
  kind_of,
  path_text,
  read_document,
  shown,
)
from bond_core._spec.load import load_spec
from bond_core._spec.model import LogNode, SinkNode, SourceNode, Spec, TransformNode
from bond_core._spec.structure import Fault, closed_keys, structure
from bond_core._types.components import Components
from bond_core._types.parser import Outcome, Path

__all__ = [
  "MAX_SPEC_NODES",
  "Components",
  "Document",
  "Fault",
  "LogNode",
  "Outcome",
  "Path",
  "SinkNode",
  "SourceNode",
  "Spec",
  "TransformNode",
  "canonical",
  "closed_keys",
  "kind_of",
  "load_spec",
  "path_text",
  "read_document",
  "shown",
  "stream_id",
  "structure",
]
