"""Routing of a log's events to its clients: which group receives which bytes of them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bond_broker.books.replay import ReplayBooks
from bond_broker.delivery.groups import Group
from bond_broker.protocol.selection import Selection
from bond_broker.protocol.subscription import Subscription, Subscriptions
from bond_core import Batch
from bond_core.logs import Record


class Selected(NamedTuple):
  """What one client receives of some records: frames, its next log position, and how many states
  were conflated and events dropped for it, both declared."""

  frames: list[bytes]
  position: int
  conflated: int = 0
  dropped: int = 0


class Router(Protocol):
  """Sorts events by group, and selects those of one client."""

  round: int
  """How often it has sorted."""

  def add(self, group: Group) -> None:
    """A group begins."""

  def remove(self, group: Group) -> None:
    """A group has ended."""

  # For all groups at once -------------------------------------------------------------------------

  def sort(self, record: Record) -> list[Group]:
    """Puts the frames of a record's events into `pending` of the groups that receive them; those
    groups."""

  def next_due(self) -> float:
    """When something is due although no event comes (trio's time)."""

  def sort_due(self) -> list[Group]:
    """As `sort`, for what is due by now."""

  def sort_lost(self, first: int, last: int, now_ms: int) -> list[Group]:
    """As `sort`, for the declaration of numbers that the log had and has lost."""

  def checkpoints(self, torn_at: int) -> Batch:
    """States to write to the log again, for replays, and where it lacks events before a number."""

  # For one client that follows alone --------------------------------------------------------------

  def select(
    self, subscriptions: Subscriptions, position: int, records: Sequence[Record], until: int
  ) -> Selected:
    """What a client that is behind receives of these records, from its position up to `until`."""

  def select_replayed(
    self,
    subscriptions: Subscriptions,
    position: int,
    records: Sequence[Record],
    until: int,
    books: ReplayBooks,
  ) -> Selected:
    """What a client that replays receives of these records; `books` are its books as they were
    then."""

  def replay_from(self, subscription: Subscription) -> int:
    """The log number from which a replay must be read so that its states are whole at its start."""

  def first_frames(
    self, subscription: Subscription, books: ReplayBooks | None = None
  ) -> list[bytes]:
    """The state that a subscription starts from when it becomes live, after a replay with
    `books`."""

  def missed_states(self, selection: Selection, first: int, end: int) -> list[bytes]:
    """The latest of the states that others were shown last in a round from `first` to before
    `end`."""
