"""Clients that want exactly the same, and which groups want what."""

from bisect import bisect_left
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from bond_broker.filters import Filter
from bond_broker.selection import Selection
from bond_core import AnyEvent

if TYPE_CHECKING:
  from bond_broker.client import Client


# What is kept of the last steps for clients that are behind, by all groups together and by one at
# least; and for how long, so that nobody is handed what is no news any more.
REMEMBERED_BYTES = 16 * 1024 * 1024
REMEMBERED_AT_LEAST = 1024 * 1024
REMEMBERED_SECONDS = 3.0

# How much of it is joined to one write.
JOINED_BYTES = 256 * 1024

DEEP = -1
"""The step of a client that needs what its group does not remember."""


class Step(NamedTuple):
  """What a group was written at once: the positions before and after it, the frames, how many they
  are, and when (trio's time)."""

  start: int
  end: int
  frames: bytes
  messages: int
  at: float


class Group:
  """Clients that want the same. What is `pending` goes to all `members` in one write each.

  Clients whose sockets did not take everything are `behind`: they are handed the same bytes a
  little later, step by step, as long as the group remembers them.
  """

  __slots__ = (
    "_joined",
    "_remembered",
    "behind",
    "members",
    "pending",
    "recent",
    "selection",
    "steps",
  )

  def __init__(self, selection: Selection) -> None:
    self.selection = selection
    self.members: dict[Client, None] = {}
    self.behind: dict[Client, None] = {}
    self.pending: list[bytes] = []
    self.steps = 0
    """How many steps there were; the next one has this number."""
    self.recent: deque[Step] = deque()
    self._remembered = 0
    self._joined: tuple[int, int, Step | None] = (DEEP, DEEP, None)

  def remember(self, step: Step, room: int) -> None:
    """Keeps a step for those who are behind, in `room` bytes."""
    self.steps += 1
    if not self.behind:
      return
    self.recent.append(step)
    self._remembered += len(step.frames)
    oldest = step.at - REMEMBERED_SECONDS
    if self._remembered <= room and self.recent[0].at >= oldest:
      return
    # One step may be more than the room by itself; whoever needs it then looks into the log.
    while self.recent and (self._remembered > room or self.recent[0].at < oldest):
      self._remembered -= len(self.recent.popleft().frames)
    first = self.steps - len(self.recent)
    for client in self.behind:
      if DEEP < client.step < first:
        client.step = DEEP
        # What was shown of books since is not all it will see.
        client.shown = 0

  def follow(self, client: "Client") -> None:
    """A client is behind; it finds its step by its position."""
    self.behind[client] = None
    client.group = self
    client.step = DEEP

  def lose(self, client: "Client") -> None:
    """A client that was behind goes."""
    del self.behind[client]
    client.group, client.step = None, DEEP
    if not self.behind:
      self.recent.clear()
      self._remembered = 0
      self._joined = DEEP, DEEP, None

  def next_of(self, client: "Client") -> Step | None:
    """The next steps of a client that is behind, joined to one write, None when it has had all.
    Those who are behind together get the same bytes."""
    if client.step == self.steps:
      return None
    asked, reached, joined = self._joined
    if asked != client.step or joined is None:
      reached, joined = self._join(client.step)
      self._joined = client.step, reached, joined
    client.step = reached
    return joined

  def _join(self, number: int) -> tuple[int, Step]:
    recent = islice(self.recent, number - self.steps + len(self.recent), None)
    parts: list[Step] = []
    size = 0
    for step in recent:
      parts.append(step)
      size += len(step.frames)
      if size >= JOINED_BYTES:
        break
    if len(parts) == 1:
      return number + 1, parts[0]
    frames = b"".join(part.frames for part in parts)
    messages = sum(part.messages for part in parts)
    whole = Step(parts[0].start, parts[-1].end, frames, messages, parts[0].at)
    return number + len(parts), whole

  def align(self, client: "Client", until: int) -> int:
    """Lets a deep client follow the steps if its position is where one begins; else the position
    up to which it has to look for itself, at most `until`."""
    recent = self.recent
    at = bisect_left(recent, client.position, key=lambda step: step.start)
    if at and recent[at - 1].end > client.position:
      return min(until, recent[at - 1].end)
    if at == 0 and recent and recent[0].start > client.position:
      return min(until, recent[0].start)
    if recent:
      client.step = self.steps - len(recent) + at
    return until


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
    if wish.compact or wish.raw:
      self.other.append((group, wish))
    else:
      self.plain.append(group)

  def remove(self, group: Group) -> None:
    """A group goes."""
    if group in self.plain:
      self.plain.remove(group)
    self.other = [(other, wish) for other, wish in self.other if other is not group]
