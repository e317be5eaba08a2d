"""A Session: one conversation with a service, over all its connections. No I/O and no clock.

The session says where the next connection goes and what each message means. A transport carries
bytes, and the driver (bond_core._sessions.driver) opens transports, retries with back-off, sends
what the session has put into `requests`, watches for silence and calls the timer. Sources of an
equal connection share one session: each of them is a member of it.
"""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from bond_core._errors import BondError
from bond_core._events import Batch
from bond_core._feeds.contract import Moment, Subscription

T = TypeVar("T")
Target = TypeVar("Target")
Message = TypeVar("Message")
Request = TypeVar("Request")
Message_co = TypeVar("Message_co", covariant=True)
Request_contra = TypeVar("Request_contra", contravariant=True)


class Transport(Protocol[Message_co, Request_contra]):
  """An open connection. It raises Disconnected or RetryAfter, after which the driver tries again,
  or Refused."""

  async def receive(self) -> Sequence[Message_co]:
    """The next messages, at least one."""

  async def send(self, request: Request_contra) -> None:
    """Sends one request."""


class Member(Protocol):
  """A source that takes part in a session."""

  @property
  def name(self) -> str:
    """What the spec calls this source."""

  @property
  def config(self) -> Any:
    """What the spec says to this source."""

  @property
  def caller(self) -> str | None:
    """Whose stream it runs for, as SourceContext has it."""

  @property
  def prepared(self) -> Any:
    """What the type's `prepare` returned; None without it."""

  @property
  def log(self) -> logging.LoggerAdapter[logging.Logger]:
    """Where messages about this source go."""

  @property
  def figures(self) -> dict[str, float]:
    """What the source reports of itself in summaries and metrics, such as spent_usd."""

  def remember(self, key: Hashable, make: Callable[[], T]) -> T:
    """The object of this key for all sources of the process, as SourceContext has it. It outlives
    the session."""

  def live(self) -> None:
    """The source is connected, also where it has no event yet."""

  def lost(self, cause: str) -> None:
    """An outage begins, unless one is open; a Gap declares it when the source is live again. The
    core calls it for sessions that do not resume."""

  def notice(self, part: Subscription, reason: str | None, *, unavailable: bool = True) -> None:
    """Tells readers of a part of the source, as SourceContext has it."""

  def give(self, batch: Batch) -> None:
    """Hands over events in order. Never waits, and says that the source is live."""

  def refuse(self, reason: str) -> None:
    """Gives up a part of what its configuration names, as SourceContext has it."""

  def fail(self, reason: str) -> None:
    """Ends this source for good; `reason` is a sentence. Later calls have no effect."""


class Session(ABC, Generic[Target, Message, Request]):
  """What all sessions have. A subclass reads messages and gives events to its members.

  `target`, `on_messages`, `on_open` and `on_timer` may raise Disconnected or RetryAfter, which end
  the connection, or Refused, which ends the session and fails its members. Any other exception is a
  fault of the session: the connection is opened again, and the session ends when that goes on.
  """

  name: str
  """What messages call the other side, such as "the Geyser node"."""
  tick: ClassVar[float] = 1.0
  """Seconds between two calls of `on_timer`."""
  silence: float | None = None
  """Seconds without any message after which a connection counts as dead; None: never."""
  resumes: ClassVar[bool] = False
  """Whether the session itself makes up for an outage, or declares what it lost. Otherwise the core
  declares a Gap to each member that is live again after one."""

  members: dict[Member, None]
  """The sources that take part, in the order in which they joined."""
  requests: deque[Request]
  """What is to be sent on the open connection, in order. It is emptied before `on_open`."""

  def __new__(cls, *args: object, **kwargs: object) -> Self:
    # Not in __init__: a subclass that has one of its own need not call this one.
    session = super().__new__(cls)
    session.members = {}
    session.requests = deque()
    return session

  @abstractmethod
  def target(self, now: Moment) -> Target:
    """Where the next connection goes and what it begins with, for the type's `transport`."""

  @abstractmethod
  def on_messages(self, messages: Sequence[Message], now: Moment) -> None:
    """Messages came, in order."""

  def on_join(self, member: Member, now: Moment) -> None:
    """A source takes part from now on and is in `members` already; a connection may be open or not.
    May raise Refused, which fails this member alone."""

  def on_leave(self, member: Member, now: Moment) -> None:
    """A source ends and is no longer in `members`. It still takes events: losses that nothing will
    make up for any more are declared to it here."""

  def on_open(self, now: Moment) -> None:
    """A connection is open."""

  def on_timer(self, now: Moment) -> None:
    """Called every `tick` seconds while a connection is open."""

  def on_close(self, error: BondError, now: Moment) -> float | None:
    """The connection has ended, or could not be opened. Returns the seconds until the next one;
    None for what the error says, which is the end after Refused, and else the driver's back-off.
    Raises Refused to end the session."""
    return None
