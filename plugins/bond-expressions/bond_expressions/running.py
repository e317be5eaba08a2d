"""Compiled expressions at work on batches."""

from collections.abc import Callable
from typing import Any

from bond_core import AnyEvent, Batch


class Predicate:
  """The events of a batch that an expression is true of, in order.

  `types` are the event types that can match. `errors` counts the events left out because of
  arithmetic without a result, such as a division by zero.
  """

  __slots__ = ("_of_batch", "_of_event", "errors", "source", "types")

  def __init__(
    self,
    source: str,
    types: frozenset[type],
    of_batch: Callable[[Batch], Batch],
    of_event: Callable[[AnyEvent], Any],
  ) -> None:
    self.source = source
    self.types = types
    self.errors = 0
    self._of_batch = of_batch
    self._of_event = of_event

  def __call__(self, batch: Batch) -> Batch:
    try:
      return self._of_batch(batch)
    except (TypeError, ArithmeticError, ValueError):
      return self._one_by_one(batch)

  def _one_by_one(self, batch: Batch) -> Batch:
    found = []
    of_event = self._of_event
    for event in batch:
      try:
        if of_event(event):
          found.append(event)
      except TypeError:
        continue
      except (ArithmeticError, ValueError):
        self.errors += 1
    return found


class Value:
  """The value of an expression for each event of a batch, None where it has none.

  The types of the events must all be in `types`: those that have every field the expression cannot
  do without. `errors` counts arithmetic without a result.
  """

  __slots__ = ("_of_batch", "_of_event", "errors", "source", "types")

  def __init__(
    self,
    source: str,
    types: frozenset[type],
    of_batch: Callable[[Batch], list[Any]],
    of_event: Callable[[AnyEvent], Any],
  ) -> None:
    self.source = source
    self.types = types
    self.errors = 0
    self._of_batch = of_batch
    self._of_event = of_event

  def __call__(self, batch: Batch) -> list[Any]:
    try:
      return self._of_batch(batch)
    except (TypeError, ArithmeticError, ValueError):
      return [self._value_of(event) for event in batch]

  def _value_of(self, event: AnyEvent) -> Any:
    try:
      return self._of_event(event)
    except TypeError:
      return None
    except (ArithmeticError, ValueError):
      self.errors += 1
      return None
