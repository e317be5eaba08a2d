"""The property: what was told is what the venue did, and each loss is declared."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

from bond_core._errors import PluginError
from bond_core._sources.source import SourceReader
from bond_core.testing import check_events


class Violation(AssertionError):
  """The property does not hold. `at` is the place in the log of what was told."""

  def __init__(self, at: int, sentence: str) -> None:
    super().__init__(sentence)
    self.at = at


class Judge(ABC):
  """Reads what was told, event by event, as a reader who trusts only what is told. `told` counts
  it by type; `at` is the place of the event that is looked at."""

  def __init__(self, exchange: str) -> None:
    self.told: Counter[str] = Counter()
    self.at = 0
    self._exchange = exchange

  def follow(self, readers: list[SourceReader]) -> None:
    """Learns what is read; there is nothing to learn where all readers read the same."""
    return

  def read(self, events: list[Any]) -> None:
    """Raises Violation at the first event that cannot be."""
    try:
      check_events(events, self._exchange)
    except PluginError as exc:
      raise Violation(self.at, str(exc)) from exc
    for event in events:
      self.told[type(event).__name__] += 1
      self.take(event)
      self.at += 1

  @abstractmethod
  def take(self, event: Any) -> None:
    """Looks at one event. Raises Violation where it cannot be."""

  @abstractmethod
  def wrong(self, readers: list[SourceReader]) -> str | None:
    """What is missing; None where everything is told or declared."""
