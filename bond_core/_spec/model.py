"""A checked spec: what load_spec gives and everything else reads."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import attrs

from bond_core._types.log import LogType
from bond_core._types.sink import SinkType
from bond_core._types.source import SourceType
from bond_core._types.transform import TransformType


class Position(NamedTuple):
  """Where in a spec's text something stands; both count from 1."""

  line: int
  column: int


@attrs.frozen(kw_only=True)
class SourceNode:
  """A source of a spec. `use` is the component's name, `config` an instance of `type.config`."""

  key: str
  use: str
  type: SourceType
  config: Any
  at: Position | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class TransformNode:
  """A transform of a spec. `inputs` are the keys of the sources and transforms that it reads."""

  key: str
  use: str
  type: TransformType
  config: Any
  inputs: tuple[str, ...]
  at: Position | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class SinkNode:
  """A sink of a spec. `inputs` are the keys of the sources and transforms that it reads."""

  key: str
  use: str
  type: SinkType
  config: Any
  inputs: tuple[str, ...]
  at: Position | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class LogNode:
  """The engine that keeps a spec's events."""

  use: str
  type: LogType
  config: Any
  at: Position | None = attrs.field(default=None, eq=False)


@attrs.frozen(kw_only=True)
class Spec:
  """A spec that can run.

  `transforms` come in an order in which each follows those that it reads. `named` says that the
  text itself gave the name. `document` is the spec in its normal form as plain data, with secrets
  as references: load_spec of it gives this spec again. `warnings` are sentences about what is
  allowed but probably a mistake.
  """

  name: str
  named: bool = True
  sources: Mapping[str, SourceNode]
  transforms: Mapping[str, TransformNode]
  sinks: Mapping[str, SinkNode]
  log: LogNode
  warnings: tuple[str, ...] = ()
  document: Mapping[str, Any] = attrs.field(factory=dict, eq=False, repr=False)

  @property
  def held(self) -> int:
    """How many events and keys its transforms may hold in memory together."""
    return held_by(self.transforms.values())


def held_by(transforms: Iterable[TransformNode]) -> int:
  """How many events and keys transforms may hold in memory together."""
  return sum(0 if node.type.held is None else node.type.held(node.config) for node in transforms)
