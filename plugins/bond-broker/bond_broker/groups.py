"""Clients that want exactly the same, and which groups want what."""

from typing import TYPE_CHECKING

from bond_broker.filters import Filter
from bond_broker.selection import Selection
from bond_core.events import AnyEvent

if TYPE_CHECKING:
  from bond_broker.client import Client


class Group:
  """Clients with the same filters that have taken everything so far. What is `pending` goes to
  all of them in one write each."""

  __slots__ = ("members", "pending", "selection")

  def __init__(self, selection: Selection) -> None:
    self.selection = selection
    self.members: dict[Client, None] = {}
    self.pending: list[bytes] = []


class Route:
  """Who gets the events of one key: `plain` groups in the usual form, `other` groups in the form
  that their filter asks for. `count` and `last` are what went by."""

  __slots__ = ("count", "last", "other", "plain")

  def __init__(self) -> None:
    self.count = 0
    self.last: AnyEvent | None = None
    self.plain: list[Group] = []
    self.other: list[tuple[Group, Filter]] = []

  def add(self, group: Group, wish: Filter) -> None:
    """One more group."""
    if wish.compact or wish.raw or wish.consolidated:
      self.other.append((group, wish))
    else:
      self.plain.append(group)

  def remove(self, group: Group) -> None:
    """A group goes."""
    if group in self.plain:
      self.plain.remove(group)
    self.other = [(other, wish) for other, wish in self.other if other is not group]
