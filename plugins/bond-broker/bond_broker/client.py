"""A reader of the broker: where it is in the log, and what it has not taken yet."""

from typing import TYPE_CHECKING, NamedTuple

import attrs
import trio

from bond_broker.filters import Filter
from bond_broker.selection import NOTHING, Selection
from bond_broker.transport import Transport

if TYPE_CHECKING:
  from bond_broker.groups import Group
  from bond_broker.replay_books import ReplayBooks

# Answers and heartbeats that may wait for a client; who leaves more of them does not read at all.
MAX_ANSWERS_BYTES = 1024 * 1024


class Ending(NamedTuple):
  """How a connection ends: the close code and the reason in it."""

  code: int
  reason: str


@attrs.define(eq=False)
class Subscription:
  """One subscribe message at work: events from number `start` on. While it replays, `live_at` is
  the first number that is live."""

  filter: Filter
  id: object = None
  policy: str = "auto"
  start: int = 0
  live_at: int | None = None
  resumes: bool = False
  """Its reader has everything before `start`, so a chain of deltas goes on without a snapshot."""


class Client:
  """One open WebSocket. `position` is the next log number it will be given.

  A fast client has taken everything and is written to by its group, with all others at once. One
  whose socket took only a part keeps the `rest`, and a task of its own brings it up from the log.
  Whatever is written goes through here, so frames never interleave.
  """

  __slots__ = (
    "answers",
    "answers_bytes",
    "asked",
    "books",
    "conflated",
    "ending",
    "fast",
    "group",
    "lost",
    "moved_at",
    "position",
    "rest",
    "selection",
    "sent",
    "session",
    "shown",
    "step",
    "subscriptions",
    "transport",
    "wake",
    "writing",
  )

  def __init__(self, transport: Transport) -> None:
    self.transport = transport
    self.position = 0
    self.shown = 0
    """The number up to which it has seen the views of books."""
    self.subscriptions: list[Subscription] = []
    self.selection = NOTHING
    self.step = 0
    """The number of the next step of its group, while it is behind."""
    self.group: Group | None = None
    self.books: ReplayBooks | None = None
    """While it replays, its books as they were then."""
    self.asked = 0
    """Grows with each change of its subscriptions."""
    self.fast = False
    self.rest: memoryview | None = None
    self.answers: list[bytes] = []
    self.answers_bytes = 0
    self.ending: Ending | None = None
    self.wake = trio.Event()
    """Set when there is something to do for a client that follows alone and has nothing left."""
    self.writing = trio.CancelScope()
    self.session = trio.CancelScope()
    self.moved_at = trio.current_time()
    """When its socket last took something although it had not taken everything."""
    self.sent = 0
    self.lost = 0
    self.conflated = 0

  def change(self, subscriptions: list[Subscription]) -> None:
    """Takes another set of subscriptions."""
    self.subscriptions = subscriptions
    self.asked += 1
    # In the order in which it asked; equal wishes count once.
    self.selection = Selection(tuple(dict.fromkeys(s.filter for s in subscriptions)))

  @property
  def boundary(self) -> int | None:
    """The number at which the next subscription of it becomes live, None when all are."""
    return min((s.live_at for s in self.subscriptions if s.live_at is not None), default=None)

  @property
  def staggered(self) -> bool:
    """Some subscription of it begins later than the position."""
    return any(s.start > self.position for s in self.subscriptions)
