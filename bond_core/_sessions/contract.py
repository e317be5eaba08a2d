"""A Session: one conversation with a service over all its connections. No I/O.

The driver (bond_core._sessions.driver) opens connections, retries with back-off, sends what the
session has put into `requests`, watches for silence and calls the timer. The session says what a
message means. Sources of an equal connection share one session; each of them is a member.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from bond_core._errors import BondError
from bond_core._events import Batch
from bond_core._feeds.contract import Moment

Message = TypeVar("Message")
Request = TypeVar("Request")
Message_co = TypeVar("Message_co", covariant=True)
Request_contra = TypeVar("Request_contra", contravariant=True)


class Transport(Protocol[Message_co, Request_contra]):
  """An open connection. Its `async with` is its lifetime; what it raises says who must act:
  Disconnected, RetryAfter or Refused."""

  async def receive(self) -> Sequence[Message_co]:
    """The next messages, at least one."""

  async def send(self, request: Request_contra) -> None:
    """Sends one request."""


class Member(Protocol):
  """A source that takes part in a session, with its own configuration."""

  @property
  def config(self) -> Any:
    """What the spec says to this source."""

  @property
  def figures(self) -> dict[str, float]:
    """What the source says of itself in summaries and metrics."""

  def give(self, batch: Batch) -> None:
    """Hands over events in order. Never waits."""

  def live(self) -> None:
    """The source is connected, also where it has nothing to say yet."""

  def fail(self, reason: str) -> None:
    """The source ends for good; a sentence says why."""


class Session(ABC, Generic[Message, Request]):
  """What all sessions have. A subclass reads messages and gives events to its members."""

  name: ClassVar[str]
  """How logs call it: the service's name."""
  tick: ClassVar[float] = 1.0
  """Seconds between two calls of `on_timer`."""
  silence: ClassVar[float | None] = None
  """Seconds without any message after which a connection is dead; None where silence is normal."""

  def __init__(self) -> None:
    self.members: dict[Member, None] = {}
    self.requests: deque[Request] = deque()
    """What is to be sent on the open connection, in order. Emptied when a connection opens."""

  @abstractmethod
  def connect(self, now: Moment) -> AbstractAsyncContextManager[Transport[Message, Request]]:
    """The next connection, not open yet. Raises Refused where a person has to act."""

  @abstractmethod
  def on_messages(self, messages: Sequence[Message], now: Moment) -> None:
    """Messages came, in order. Raises Disconnected, RetryAfter or Refused to end the connection."""

  def on_join(self, member: Member, now: Moment) -> None:
    """A source takes part from now on; it is in `members` already."""

  def on_leave(self, member: Member, now: Moment) -> None:
    """A source went; it is no longer in `members`."""

  def on_open(self, now: Moment) -> None:
    """A connection is open."""

  def on_timer(self, now: Moment) -> None:
    """Called every `tick` seconds while a connection is open; raises as `on_messages` does."""

  def on_close(self, error: BondError, now: Moment) -> float | None:
    """The connection has ended, or could not be opened: seconds to wait at least before the next
    one, None for what the error and the driver's back-off say. Raises Refused to end for good."""
    return None

  def on_end(self, now: Moment) -> None:
    """Reading ends for good: what is still open is declared to the members."""
