"""A venue as a test says it, for the tests of feeds. docs/write-a-venue.md shows one."""

from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

import msgspec

from bond_core import Batch
from bond_core.feeds import Action, Feed, Fetch, Moment, Response, Send, Subscription
from bond_venuekit.config import VenueSource

__all__ = ["START_MS", "ScriptedVenue", "frame_of"]

START_MS = 1_790_000_000_000
"""When it begins, epoch ms."""

A = TypeVar("A", bound=Action)


class ScriptedVenue:
  """A venue of a test's own making, seen from its feed: it is subscribed to all that the `sources`
  of a spec name, on one connection a group, answers what the feed sends and fetches, and says what
  the test makes it say. A venue's own class has at least `make`.

  `asked` are the requests that it was sent, `other` all actions that it has not carried out, oldest
  first. Its clock, `now_ms`, stands still but for `later`.
  """

  def __init__(self, *sources: VenueSource) -> None:
    self.sources = sources
    self.feed = self.make(sources[0].connection)
    self.now_ms = START_MS
    self.asked: list[Any] = []
    self.other: list[Action] = []
    self.groups: dict[str, list[Subscription]] = {}
    for subscription in [s for source in sources for s in source.subscriptions()]:
      self.groups.setdefault(self.feed.group(subscription), []).append(subscription)
    for number, group in enumerate(self.groups, 1):
      self.open(number, group)

  # What a venue's own class says -----------------------------------------------------------------

  def make(self, connection: Hashable) -> Feed:
    """A new feed of a connection."""
    raise NotImplementedError

  def on_fetch(self, fetch: Fetch) -> Any:
    """The body of the answer to a Fetch: bytes, or JSON. None leaves it to the test, in `other`."""
    return None

  def on_request(self, request: Any, connection: int) -> Iterable[Any]:
    """The messages that follow a request: bytes, or JSON."""
    return ()

  # What a test does ------------------------------------------------------------------------------

  @property
  def now(self) -> Moment:
    """The time, of both clocks."""
    return Moment(self.now_ms, self.now_ms * 1_000_000)

  def open(self, connection: int, group: str | None = None, *, overlap: bool = False) -> Batch:
    """Opens a connection of a group (the first one), and returns the events that come of it.
    `overlap`: another one still carries the same."""
    carried = self.groups[next(iter(self.groups)) if group is None else group]
    self.feed.on_open(connection, carried, overlap=overlap, now=self.now)
    return self.settle()

  def close(self, connection: int) -> None:
    """A connection is lost."""
    self.feed.on_close(connection)

  def hear(self, *messages: Any, on: int = 1) -> Batch:
    """The events of messages (bytes, or JSON) on a connection."""
    frames = [frame_of(message) for message in messages]
    return self.feed.on_frames(on, frames, self.now) + self.settle()

  def later(self, seconds: float) -> Batch:
    """The events that time brings, with a call of the timer each second."""
    events: Batch = []
    left = round(seconds * 1000)
    while left > 0:
      step = min(left, 1000)
      self.now_ms, left = self.now_ms + step, left - step
      events += self.feed.on_timer(self.now) + self.settle()
    return events

  def answer(self, fetch: Fetch, body: Any, status: int = 200) -> Batch:
    """The events of the answer to a Fetch; its body is bytes, or JSON."""
    response = Response(status, {}, frame_of(body))
    return self.feed.on_response(fetch, response, self.now) + self.settle()

  def change(
    self, added: Iterable[Subscription] = (), removed: Iterable[Subscription] = (), on: int = 1
  ) -> Batch:
    """The events that come of it where a connection carries more, or less."""
    self.feed.on_change(on, list(added), list(removed), self.now)
    return self.settle()

  def sent(self) -> list[Any]:
    """The requests that it was sent, which are then forgotten."""
    found, self.asked = self.asked, []
    return found

  def take(self, kind: type[A]) -> list[A]:
    """The actions of a kind that were not carried out, which are then forgotten."""
    found: list[A] = [action for action in self.other if isinstance(action, kind)]
    self.other = [action for action in self.other if not isinstance(action, kind)]
    return found

  def settle(self) -> Batch:
    """Carries out what the feed wants; the events."""
    events: Batch = []
    while self.feed.actions:
      action = self.feed.actions.popleft()
      match action:
        case Send():
          request = msgspec.json.decode(action.data)
          self.asked.append(request)
          replies = [frame_of(reply) for reply in self.on_request(request, action.connection)]
          events += self.feed.on_frames(action.connection, replies, self.now)
        case Fetch() if (body := self.on_fetch(action)) is not None:
          events += self.answer(action, body)
        case _:
          self.other.append(action)
    return events


def frame_of(message: Any) -> bytes:
  """A message as it comes: bytes as they are, JSON as compact as venues write it."""
  return message if isinstance(message, bytes) else msgspec.json.encode(message)
