"""Clients with equal filters: each group is written the same bytes at once."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple, Protocol

from bond_broker.protocol.filters import Filter
from bond_broker.protocol.selection import Selection

# What is remembered of the last steps for clients that are behind, by all groups together and by
# each at least; and for how long, so that no client is handed what is no news any more.
REMEMBERED_BYTES = 16 * 1024 * 1024
REMEMBERED_AT_LEAST = 1024 * 1024
REMEMBERED_SECONDS = 3.0

# How much of it is joined to one write.
JOINED_BYTES = 256 * 1024

UNKNOWN = -1
"""The step of a client that needs what its group does not remember."""


class Step(NamedTuple):
  """What a group was written at once: the router's round, the log positions before and after it,
  the frames, how many they are, and when it was (trio's time)."""

  round: int
  start: int
  end: int
  frames: bytes
  messages: int
  at: float


class Member(Protocol):
  """A client that is level with its group, and written to by it."""

  sent: int
  """Messages so far."""

  @property
  def send_now(self) -> Callable[[bytes], int]:
    """Writes what fits without waiting and returns how many bytes that was. Raises OSError when the
    connection is gone, BlockingIOError where nothing fits."""

  def fall_short(self, frames: bytes, taken: int) -> None:
    """The socket took only so many bytes of these frames; -1: the connection is gone."""


class Cursor:
  """Where a client that is behind stands in the steps of its group: the number of its next step,
  UNKNOWN where it has to look into the log by itself. `skipped` says that steps were forgotten
  before it had them."""

  __slots__ = ("group", "number", "skipped")

  def __init__(self, group: "Group") -> None:
    self.group = group
    self.number = UNKNOWN
    self.skipped = False

  @property
  def known(self) -> bool:
    """The group remembers what comes next."""
    return self.number != UNKNOWN

  @property
  def round(self) -> int | None:
    """The router's round of its next step, None where that is still to come."""
    ahead = self.group.steps - self.number
    return self.group.recent[-ahead].round if ahead else None

  def to_end(self) -> None:
    """The next step that the group makes is the next one here."""
    self.number = self.group.steps

  def next(self) -> Step | None:
    """The next steps, joined to one write; None when there are no more yet."""
    return self.group.next_of(self)

  def align(self, position: int, until: int) -> int:
    """Finds the step that begins at a log position; else the position up to which the client has to
    look for itself, at most `until`."""
    return self.group.align(self, position, until)


class Group:
  """Clients with the same filters. What is `pending` goes to all `members` in one write each.

  Clients whose sockets did not take everything are behind, with a Cursor each: they are handed the
  same bytes a little later, step by step, as long as the group remembers them.
  """

  __slots__ = (
    "_joined",
    "_remembered_bytes",
    "cursors",
    "members",
    "pending",
    "recent",
    "selection",
    "steps",
  )

  def __init__(self, selection: Selection) -> None:
    self.selection = selection
    self.members: dict[Member, None] = {}
    self.cursors: dict[Cursor, None] = {}
    self.pending: list[bytes] = []
    self.steps = 0
    """How many steps there were; the next one has this number."""
    self.recent: deque[Step] = deque()
    self._remembered_bytes = 0
    self._joined: tuple[int, int, Step | None] = (UNKNOWN, UNKNOWN, None)

  def remember(self, step: Step, room: int) -> None:
    """Keeps the last step for those who are behind, in `room` bytes."""
    self.recent.append(step)
    self._remembered_bytes += len(step.frames)
    oldest = step.at - REMEMBERED_SECONDS
    if self._remembered_bytes <= room and self.recent[0].at >= oldest:
      return
    # One step may be more than the room by itself; a client that needs it then reads the log.
    while self.recent and (self._remembered_bytes > room or self.recent[0].at < oldest):
      self._remembered_bytes -= len(self.recent.popleft().frames)
    first = self.steps - len(self.recent)
    for cursor in self.cursors:
      if UNKNOWN < cursor.number < first:
        cursor.number = UNKNOWN
        cursor.skipped = True

  def open_cursor(self) -> Cursor:
    """A client is behind; its cursor finds its step by its position."""
    cursor = Cursor(self)
    self.cursors[cursor] = None
    return cursor

  def close_cursor(self, cursor: Cursor) -> None:
    """A client is not behind any more, or leaves."""
    del self.cursors[cursor]
    if not self.cursors:
      self.recent.clear()
      self._remembered_bytes = 0
      self._joined = UNKNOWN, UNKNOWN, None

  def next_of(self, cursor: Cursor) -> Step | None:
    """See Cursor.next. Those who are behind together receive the same bytes."""
    if cursor.number == self.steps:
      return None
    start, end, joined = self._joined
    if start != cursor.number or joined is None:
      end, joined = self._join(cursor.number)
      self._joined = cursor.number, end, joined
    cursor.number = end
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
    whole = Step(parts[-1].round, parts[0].start, parts[-1].end, frames, messages, parts[0].at)
    return number + len(parts), whole

  def align(self, cursor: Cursor, position: int, until: int) -> int:
    """See Cursor.align."""
    recent = self.recent
    at = bisect_left(recent, position, key=lambda step: step.start)
    if at and recent[at - 1].end > position:
      return min(until, recent[at - 1].end)
    if at == 0 and recent and recent[0].start > position:
      return min(until, recent[0].start)
    if recent:
      cursor.number = self.steps - len(recent) + at
    return until


class Groups:
  """The groups of one log, by their filters. `on_add` and `on_remove` follow what there is."""

  def __init__(self, on_add: Callable[[Group], None], on_remove: Callable[[Group], None]) -> None:
    self._groups: dict[tuple[Filter, ...], Group] = {}
    self._on_add = on_add
    self._on_remove = on_remove

  def __len__(self) -> int:
    return len(self._groups)

  def of(self, selection: Selection) -> Group | None:
    """The group of a selection, made for the first client; None for a selection of nothing."""
    if not selection.filters:
      return None
    group = self._groups.get(selection.filters)
    if group is None:
      group = self._groups[selection.filters] = Group(selection)
      self._on_add(group)
    return group

  def leave(self, group: Group, client: Member | Cursor) -> None:
    """A client leaves its group, and the last one ends it."""
    if isinstance(client, Cursor):
      group.close_cursor(client)
    else:
      del group.members[client]
    if not group.members and not group.cursors:
      del self._groups[group.selection.filters]
      self._on_remove(group)

  def room(self) -> int:
    """How many bytes each group may remember."""
    return max(REMEMBERED_AT_LEAST, REMEMBERED_BYTES // max(1, len(self._groups)))

  def members(self) -> int:
    """How many clients are level with their group."""
    return sum(len(group.members) for group in self._groups.values())
