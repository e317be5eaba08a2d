"""A book cut to several depths, each shown at most so often to its subscribers."""

import math
from collections.abc import Iterator
from typing import Generic, TypeVar

from bond_broker.protocol.filters import Filter

Reader = TypeVar("Reader")


class View(Generic[Reader]):
  """One depth and speed with its readers. `round` is the router's round in which it was shown last;
  `reset` says that the book began again since. Times are trio's, in seconds."""

  __slots__ = ("depth", "due", "readers", "reset", "round", "shown", "speed")

  def __init__(self, depth: int, speed_ms: int, round_: int) -> None:
    self.depth = depth
    self.speed = speed_ms / 1000
    self.readers: list[tuple[Reader, Filter]] = []
    self.shown = -math.inf
    self.due = math.inf
    self.round = round_
    self.reset = False


class Views(Generic[Reader]):
  """The views of one book."""

  __slots__ = ("_views",)

  def __init__(self) -> None:
    self._views: dict[tuple[int, int], View[Reader]] = {}

  def __iter__(self) -> Iterator[View[Reader]]:
    return iter(self._views.values())

  def __bool__(self) -> bool:
    return bool(self._views)

  def of(self, matched: Filter) -> View[Reader] | None:
    """The view of a filter's depth and speed."""
    return self._views.get((matched.depth, matched.speed_ms))

  def add(self, reader: Reader, matched: Filter, round_: int) -> None:
    """One more reader, from a round on."""
    view = self.of(matched)
    if view is None:
      view = View[Reader](matched.depth, matched.speed_ms, round_)
      self._views[matched.depth, matched.speed_ms] = view
    view.readers.append((reader, matched))

  def remove(self, reader: Reader) -> None:
    """A reader leaves."""
    for key, view in list(self._views.items()):
      view.readers = [(other, matched) for other, matched in view.readers if other is not reader]
      if not view.readers:
        del self._views[key]

  def changed(self, now: float) -> Iterator[View[Reader]]:
    """The book has changed: the views to show at once. The others become due later."""
    for view in self._views.values():
      if now >= view.shown + view.speed:
        yield view
      elif view.due == math.inf:
        view.due = view.shown + view.speed

  def next_due(self) -> float:
    """When the next view is due."""
    return min((view.due for view in self._views.values()), default=math.inf)

  def reset(self) -> None:
    """The book began again."""
    for view in self._views.values():
      view.reset = True

  def cancel_due(self) -> None:
    """Notes that there is nothing to show for now."""
    for view in self._views.values():
      view.due = math.inf
