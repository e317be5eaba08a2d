"""Which groups receive the events of one key."""

from bond_broker.delivery.groups import Group
from bond_broker.protocol.filters import Filter
from bond_core import AnyEvent, Ticker


class Route:
  """The groups that receive the events of one key: `plain` ones in the usual form, `other` ones in
  the form of their filter. `count` and `last` are of the events that went by; `tickers` are the
  last of each kind of message that says a part of a ticker."""

  __slots__ = ("count", "last", "other", "plain", "swept", "tickers")

  def __init__(self) -> None:
    self.count = 0
    self.last: AnyEvent | None = None
    self.swept = -1
    """How many had gone by when it was looked at last."""
    self.tickers: dict[tuple[bool, bool, bool], Ticker] = {}
    self.plain: list[Group] = []
    self.other: list[tuple[Group, Filter]] = []

  def add(self, group: Group, matched: Filter) -> None:
    """One more group."""
    if matched.plain:
      self.plain.append(group)
    else:
      self.other.append((group, matched))

  def remove(self, group: Group) -> None:
    """A group has ended."""
    if group in self.plain:
      self.plain.remove(group)
    self.other = [(other, matched) for other, matched in self.other if other is not group]

  def sweep(self) -> bool:
    """Whether nothing has gone by since the last look."""
    idle, self.swept = self.swept == self.count, self.count
    return idle
