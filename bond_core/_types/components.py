"""Where specs and services look components up."""

from typing import Protocol, TypeVar

from bond_core._types.log import LogType
from bond_core._types.parser import Aliases
from bond_core._types.sink import SinkType
from bond_core._types.source import SourceType
from bond_core._types.transform import TransformType

C = TypeVar("C")


class Components(Protocol):
  """The components of the installed plugins, as Registry has them. A lookup
  raises PluginError with the reason, in one sentence, for what is missing."""

  def source(self, name: str) -> SourceType:
    """The source of that name."""

  def transform(self, name: str) -> TransformType:
    """The transform of that name."""

  def sink(self, name: str) -> SinkType:
    """The sink of that name."""

  def log(self, name: str) -> LogType:
    """The log of that name."""

  def aliases(self) -> Aliases:
    """Other words for sources."""

  def all(self, kind: type[C]) -> list[C]:
    """All components of a kind."""
