"""Clients that want exactly the same, and which groups want what."""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from bond_broker.filters import Filter
from bond_broker.selection import Selection
from bond_core.events import AnyEvent

if TYPE_CHECKING:
  from bond_broker.client import Client


# What a group keeps of its last steps for clients that are a little behind.
REMEMBERED_BYTES = 2 * 1024 * 1024


class Step(NamedTuple):
  """What a group was written at once: the position after it, the frames, and how many they are."""

  end: int
  frames: bytes
  messages: int


class Group:
  """Clients that want the same. What is `pending` goes to all `members` in one write each.

  Clients whose sockets did not take everything are `behind`: they are handed the same bytes a
  little later, step by step, as long as the group remembers them.
  """

  __slots__ = ("_remembered", "behind", "members", "pending", "recent", "selection", "steps")

  def __init__(self, selection: Selection) -> None:
    self.selection = selection
    self.members: dict[Client, None] = {}
    self.behind: dict[Client, None] = {}
    self.pending: list[bytes] = []
    self.steps = 0
    """How many steps there were; the next one has this number."""
    self.recent: deque[Step] = deque()
    self._remembered = 0

  def remember(self, step: Step) -> None:
    """Keeps a step for those who are behind; those who need older ones are on their own."""
    self.steps += 1
    if not self.behind:
      return
    self.recent.append(step)
    self._remembered += len(step.frames)
    if self._remembered <= REMEMBERED_BYTES:
      return
    while self._remembered > REMEMBERED_BYTES:
      self._remembered -= len(self.recent.popleft().frames)
    first = self.steps - len(self.recent)
    for client in [client for client in self.behind if client.step < first]:
      self.lose(client)

  def lose(self, client: "Client") -> None:
    """A client that is behind goes its own way. It has not seen what was shown of books since."""
    client.shown = 0
    self._out(client)
    client.group = None

  def keep_up(self, client: "Client") -> None:
    """A client that was behind has everything."""
    self._out(client)
    self.members[client] = None

  def _out(self, client: "Client") -> None:
    del self.behind[client]
    if not self.behind:
      self.recent.clear()
      self._remembered = 0

  def next_of(self, client: "Client") -> Step | None:
    """The next step of a client that is behind, None when it has had all."""
    if client.step == self.steps:
      return None
    step = self.recent[client.step - self.steps + len(self.recent)]
    client.step += 1
    return step


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
