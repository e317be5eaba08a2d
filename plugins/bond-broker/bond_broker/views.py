"""A book cut to several depths, each shown at its own pace to those who asked for just that."""

import math
from collections.abc import Iterator

from bond_broker.filters import Filter
from bond_broker.groups import Group


class View:
  """One depth and pace. `number` is the log number that its last showing contained; `reset` says
  that the book began anew since."""

  __slots__ = ("depth", "due", "groups", "number", "reset", "shown", "speed")

  def __init__(self, depth: int, speed_ms: int, number: int) -> None:
    self.depth = depth
    self.speed = speed_ms / 1000
    self.groups: list[tuple[Group, Filter]] = []
    self.shown = -math.inf
    self.due = math.inf
    self.number = number
    self.reset = False


class Views:
  """The views of one book. Times are trio's."""

  __slots__ = ("_views",)

  def __init__(self) -> None:
    self._views: dict[tuple[int, int], View] = {}

  def __iter__(self) -> Iterator[View]:
    return iter(self._views.values())

  def __bool__(self) -> bool:
    return bool(self._views)

  def of(self, wish: Filter) -> View | None:
    """The view that a filter asks for."""
    return self._views.get((wish.depth, wish.speed_ms))

  def add(self, group: Group, wish: Filter, number: int) -> None:
    """One more reader; `number` is the last that the book contains."""
    view = self.of(wish)
    if view is None:
      view = self._views[wish.depth, wish.speed_ms] = View(wish.depth, wish.speed_ms, number)
    view.groups.append((group, wish))

  def remove(self, group: Group) -> None:
    """A reader goes."""
    for key, view in list(self._views.items()):
      view.groups = [(other, wish) for other, wish in view.groups if other is not group]
      if not view.groups:
        del self._views[key]

  def changed(self, now: float) -> Iterator[View]:
    """The book has changed: the views that are to be shown at once. The others are due later."""
    for view in self._views.values():
      if now >= view.shown + view.speed:
        yield view
      elif view.due == math.inf:
        view.due = view.shown + view.speed

  def due(self) -> float:
    """When the next view is due."""
    return min((view.due for view in self._views.values()), default=math.inf)

  def reset(self) -> None:
    """The book began anew."""
    for view in self._views.values():
      view.reset = True

  def forget_due(self) -> None:
    """There is nothing to show."""
    for view in self._views.values():
      view.due = math.inf
