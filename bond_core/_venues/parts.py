"""What a venue's plugin gives a TopicFeed, and what the feed gives those parts."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from bond_core._feeds.contract import (
  Action,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Response,
  Subscription,
)
from bond_core._venues.state import SubscriptionState
from bond_core._venues.topic import Topic

KeyOf: TypeAlias = Callable[[bytes], bytes]
"""(message) → the key of its topic, b"" where it has none. Never raises."""

Explain: TypeAlias = Callable[[int, bytes], str | None]
"""(HTTP status, body) → a sentence that says what to do, None for the usual statuses."""


class FeedControl(Protocol):
  """What parts of a feed may do with it."""

  @property
  def actions(self) -> deque[Action]:
    """Where actions go, such as a Fetch."""

  @property
  def now_ns(self) -> int:
    """The latest time that the driver gave (monotonic ns)."""

  def states(self) -> Iterator[SubscriptionState]:
    """The states of all subscriptions."""

  def renew(self, subscription: Subscription) -> None:
    """Unsubscribes and subscribes again wherever this is carried, so that the venue starts over
    with a snapshot."""

  def reject(self, subscription: Subscription, reason: str) -> None:
    """Gives a subscription up; `reason` is a sentence for its readers."""

  def suspend(self, subscription: Subscription, reason: str) -> None:
    """Leaves a subscription at the venue until the market list has it `ready` again; `reason` is a
    sentence for its readers."""

  def proceed(self) -> None:
    """Subscribes to what was not `ready` and is now."""


class Topics(Protocol):
  """Where each subscription is carried, and what reads it."""

  def group(self, subscription: Subscription) -> str:
    """The family of connections that carries it, such as an endpoint of the venue. Raises Refused
    with a sentence for what the venue does not have."""

  def limits(self, group: str) -> Limits:
    """What the venue publishes about connections of that group."""

  def handshake(self, group: str, names: list[str]) -> Handshake:
    """How to connect. `names` are the topics that the URL subscribes to, where the feed has
    `url_characters`; elsewhere there are none."""

  def topic(self, subscription: Subscription) -> Topic:
    """A new topic that carries it; those of one name and group are one."""

  def state(self, subscription: Subscription, name: str, feed: FeedControl) -> SubscriptionState:
    """A new state that reads it from the topic of that name. It may keep `feed`."""


class MarketList(Protocol):
  """The venue's list of its markets, where a feed needs it: to refuse what is not listed, or to
  know what sizes are counted in."""

  def prepare(self, feed: FeedControl, subscriptions: Iterable[Subscription]) -> None:
    """These are about to be subscribed to: the place for a Fetch."""

  def ready(self, subscription: Subscription) -> bool:
    """Whether this may be subscribed to already; what is not waits for `feed.proceed()`."""

  def on_response(self, feed: FeedControl, fetch: Fetch, response: Response) -> None:
    """The answer to a Fetch that names no subscription."""

  def on_timer(self, feed: FeedControl, now: Moment) -> None:
    """Called about once a second."""
