"""A Feed whose states are subscribed to with messages on the open socket."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from typing import ClassVar

import attrs

from bond_core._events import Batch
from bond_core._feeds.contract import (
  Action,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core._venues.reading import UNREADABLE
from bond_core._venues.state import SECOND, SubscriptionState
from bond_core._venues.topic import Topic
from bond_core._venues.undecodable import undecodable_gap

ANSWER_WITHIN_NS = 30 * SECOND
"""A request is answered at once; its own place in the queue of a paced connection included."""

REST_WITHIN_NS = 5 * SECOND
"""Where one refused name does not spoil a request, the others are confirmed within this time."""

SUBSCRIBE, UNSUBSCRIBE = "subscribe", "unsubscribe"

_NOTHING = b"\0"


@attrs.define
class Asked:
  """A request without an answer yet: `names` are those that are still open."""

  operation: str
  names: list[str]
  at_ns: int
  refused: bool = False


@attrs.define
class OpenConnection:
  """An open connection: what it carries by name, what it was asked, and what waits until it can
  be asked for."""

  number: int
  group: str
  carried: dict[str, set[Subscription]] = attrs.field(factory=dict)
  waiting: dict[str, None] = attrs.field(factory=dict)
  asked: dict[int, Asked] = attrs.field(factory=dict)


class TopicFeed(ABC):
  """What such feeds have in common. A venue's own class tells names, writes requests, makes states
  and understands what is not a state's message; everything is sans-IO.

  A state's message begins with `opening`, its name as the venue writes it, and `closing`; any
  other way of writing it goes through `other`. `unknown` counts messages of names that nobody asked
  for, such as those still under way after leaving, `unreadable` messages that do not even tell
  their name.
  """

  exchange: str
  venue: ClassVar[str]
  """How sentences name the venue."""
  opening: ClassVar[bytes]
  closing: ClassVar[bytes]
  all_or_nothing: ClassVar[bool] = False
  """Whether one refused name spoils the whole request."""

  def __init__(self) -> None:
    self.actions: deque[Action] = deque()
    self.unknown = 0
    self.unreadable = 0
    self.now_ns = 0
    self.lines: dict[int, OpenConnection] = {}
    self._topics: dict[str, dict[str, Topic]] = {}
    self._keys: dict[str, dict[bytes, Topic]] = {}
    self._states: dict[Subscription, SubscriptionState] = {}
    self._next_id = 1
    self._retired = (0, 0, 0)

  # What a venue says ---------------------------------------------------------------------------

  @abstractmethod
  def group(self, subscription: Subscription) -> str:
    """As Feed has it."""

  @abstractmethod
  def limits(self, group: str) -> Limits:
    """As Feed has it."""

  @abstractmethod
  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    """As Feed has it."""

  @abstractmethod
  def topic_of(self, subscription: Subscription) -> str:
    """The name that carries a subscription, unique in its group."""

  @abstractmethod
  def state_of(self, subscription: Subscription, name: str) -> SubscriptionState:
    """A new state for it."""

  @abstractmethod
  def written(self, name: str) -> str:
    """The name as an argument of a request, in JSON."""

  @abstractmethod
  def request(self, operation: str, arguments: str, number: int) -> bytes:
    """A request; `arguments` are joined by commas."""

  @abstractmethod
  def characters_per_request(self, group: str) -> int:
    """How long the arguments of one request may be."""

  @abstractmethod
  def other(self, line: OpenConnection, frame: bytes, received: Moment, out: Batch) -> None:
    """Takes what does not begin as a state's message does. Raises UNREADABLE for what cannot be
    read at all."""

  def key(self, name: str) -> bytes:
    """What stands between `opening` and `closing` in a message of that name."""
    return name.encode()

  def topic(self, name: str) -> Topic:
    """A new topic of that name."""
    return Topic(name)

  def ready(self, group: str, name: str) -> bool:
    """Whether a name can be asked for already."""
    return True

  @abstractmethod
  def prepare(self, group: str, subscriptions: Iterable[Subscription]) -> None:
    """Called before these are asked for: the place for a Fetch that they depend on."""

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    return []

  def explain(self, status: int, body: bytes) -> str | None:
    return None

  # What is known -------------------------------------------------------------------------------

  @property
  def duplicates(self) -> int:
    """Messages left out because they were not new."""
    return self._retired[0] + sum(state.duplicates for state in self._states.values())

  @property
  def missed(self) -> int:
    """Messages that are known to be lost, in declared gaps and outages."""
    return self._retired[1] + sum(state.missed for state in self._states.values())

  @property
  def skipped(self) -> int:
    """Messages left out because they are not what their channel means."""
    return self._retired[2] + sum(state.skipped for state in self._states.values())

  def states(self) -> Iterator[SubscriptionState]:
    """All that are read."""
    yield from self._states.values()

  def silence(self, subscription: Subscription) -> float | None:
    state = self._states.get(subscription)
    if state is None or state.steady is None:
      return None
    # A state that was just asked for has not broken its promise yet.
    return None if self.now_ns - state.since < state.steady * SECOND else state.steady

  def last_received(self, subscription: Subscription) -> int | None:
    state = self._states.get(subscription)
    return None if state is None else state.heard

  def snapshot_weight(self, subscription: Subscription) -> int:
    return 0

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    names = dict.fromkeys(self.topic_of(subscription) for subscription in subscriptions)
    return [
      self._request(SUBSCRIBE, batch, number)
      for number, batch in enumerate(self._batches(group, list(names)), 1)
    ]

  # Connections ---------------------------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self.now_ns = now.mono_ns
    if not subscriptions:
      return  # All were refused while it opened.
    line = self.lines[connection] = OpenConnection(connection, self.group(subscriptions[0]))
    self._add(line, subscriptions, now, overlap=overlap)

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    self.now_ns = now.mono_ns
    line = self.lines.get(connection)
    if line is None:
      return
    left = [name for s in removed if (name := self._leave(line, s)) is not None]
    for subscription in removed:
      others = (subs for other in self.lines.values() for subs in other.carried.values())
      if not any(subscription in subs for subs in others):
        self._retire(subscription)
    self._ask(line, UNSUBSCRIBE, left)
    self._add(line, added, now)

  def on_close(self, connection: int) -> None:
    self.lines.pop(connection, None)
    for state in self._states.values():
      state.carriers.discard(connection)

  def on_timer(self, now: Moment) -> Batch:
    self.now_ns = now.mono_ns
    out: Batch = []
    for state in self._states.values():
      state.due(now, out)
    for line in self.lines.values():
      self._remind(line)
    return out

  # Messages ------------------------------------------------------------------------------------

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    out: Batch = []
    line = self.lines.get(connection)
    if line is None:
      return out
    ts_ms, mono_ns = received
    self.now_ns = mono_ns
    topics = self._keys.get(line.group, {})
    opening, closing, begin = self.opening, self.closing, len(self.opening)
    # Messages of one topic come in runs: the last one's beginning is tried first.
    prefix, topic = _NOTHING, None
    lost = 0
    for frame in frames:
      if topic is None or not frame.startswith(prefix):
        topic = None
        if frame.startswith(opening):
          end = frame.find(closing, begin)
          topic = topics.get(frame[begin:end])
        if topic is None:
          try:
            self.other(line, frame, received, out)
          except UNREADABLE:
            lost += 1
          continue
        prefix = frame[: end + len(closing)]
      self._take(line, topic, frame, ts_ms, mono_ns, out)
    if lost:
      self.unreadable += lost
      carried = [s for s in self._states.values() if line.number in s.carriers]
      if (gap := undecodable_gap(lost, carried, received)) is not None:
        out.append(gap)
    return out

  def _take(
    self, line: OpenConnection, topic: Topic, frame: bytes, ts_ms: int, mono_ns: int, out: Batch
  ) -> None:
    if topic.lone and topic.first_carrier() != line.number:
      return
    try:
      topic.take(frame, ts_ms, mono_ns, out)
    except UNREADABLE as exc:
      topic.unreadable(str(exc), ts_ms, mono_ns, out)

  def take_named(
    self, line: OpenConnection, name: str, frame: bytes, received: Moment, out: Batch
  ) -> None:
    """A state's message that did not begin as usual."""
    topic = self._topics.get(line.group, {}).get(name)
    if topic is None:
      self.unknown += 1
    else:
      self._take(line, topic, frame, received.ts_ms, received.mono_ns, out)

  # Requests and their answers ------------------------------------------------------------------

  def proceed(self) -> None:
    """Asks for what waited and is ready now."""
    for line in self.lines.values():
      names = [name for name in line.waiting if self.ready(line.group, name)]
      for name in names:
        del line.waiting[name]
      self._ask(line, SUBSCRIBE, names)

  def renew(self, group: str, name: str) -> None:
    """Leaves a topic and subscribes to it again, so that it begins with a snapshot."""
    for line in self.lines.values():
      if line.group == group and name in line.carried and name not in line.waiting:
        self._ask(line, UNSUBSCRIBE, [name])
        self._ask(line, SUBSCRIBE, [name])

  def confirmed(self, line: OpenConnection, number: int | None, name: str | None = None) -> None:
    """A request was confirmed: one name of it, or all where none is given. Without a number it is
    the oldest that fits."""
    if number is None:
      fits = (n for n, asked in line.asked.items() if name is None or name in asked.names)
      number = next(fits, None)
    asked = None if number is None else line.asked.get(number)
    if asked is None or number is None:
      return
    if name in asked.names:
      asked.names.remove(name)
    if name is None or not asked.names:
      del line.asked[number]

  def refused(
    self, line: OpenConnection, number: int | None, said: str, named: Iterable[str] = ()
  ) -> None:
    """A request was refused; `named` are the names that the answer tells are wrong."""
    if number is None:
      # Some errors do not say which request they are about; answers come in order.
      number = next(iter(line.asked), None)
    asked = None if number is None else line.asked.get(number)
    if asked is None or number is None:
      reason = f"{self.venue} refused a message: {said[:200]}"
      self.actions.append(Reset(line.number, reason))
      return
    if asked.operation == UNSUBSCRIBE:
      del line.asked[number]
      return  # What still comes is nobody's.
    wrong = [name for name in named if name in asked.names]
    if not wrong and len(asked.names) == 1:
      wrong = asked.names
    rest = [name for name in asked.names if name not in wrong]
    for name in wrong:
      self._refuse(line, name, said)
    if rest and not self.all_or_nothing:
      asked.names, asked.refused, asked.at_ns = rest, True, self.now_ns
      if wrong:
        return
    del line.asked[number]
    if wrong:
      self._ask(line, SUBSCRIBE, rest)
    else:
      # One name may spoil it for all: halves tell which.
      middle = len(rest) // 2
      self._ask(line, SUBSCRIBE, rest[:middle])
      self._ask(line, SUBSCRIBE, rest[middle:])

  def reject(self, subscription: Subscription, reason: str) -> None:
    """Gives a subscription up. The driver forgets it without telling, so it is left here too."""
    if subscription not in self._states:
      return
    for line in self.lines.values():
      if (name := self._leave(line, subscription)) is not None:
        self._ask(line, UNSUBSCRIBE, [name])
    self._retire(subscription)
    self.actions.append(Reject(subscription, reason))

  def _refuse(self, line: OpenConnection, name: str, said: str) -> None:
    for subscription in list(line.carried.pop(name, ())):
      self._retire(subscription)
      reason = f"{subscription}: {self.venue} refused it: {said[:200]}"
      self.actions.append(Reject(subscription, reason))

  def _ask(self, line: OpenConnection, operation: str, names: list[str]) -> None:
    for batch in self._batches(line.group, names):
      number, self._next_id = self._next_id, self._next_id + 1
      line.asked[number] = Asked(operation, batch, self.now_ns)
      self.actions.append(Send(line.number, self._request(operation, batch, number)))

  def _request(self, operation: str, names: list[str], number: int) -> bytes:
    return self.request(operation, ",".join(map(self.written, names)), number)

  def _batches(self, group: str, names: list[str]) -> list[list[str]]:
    most, longest = self.limits(group).subscriptions_per_message, self.characters_per_request(group)
    batches: list[list[str]] = []
    length = 0
    for name in names:
      size = len(self.written(name)) + 1
      if not batches or len(batches[-1]) >= most or length + size > longest:
        batches.append([])
        length = 0
      batches[-1].append(name)
      length += size
    return batches

  def _remind(self, line: OpenConnection) -> None:
    """Looks for requests without an answer."""
    for number, asked in list(line.asked.items()):
      age = self.now_ns - asked.at_ns
      if asked.refused and age > REST_WITHIN_NS:
        # The venue refused one name and is silent about the others.
        del line.asked[number]
        self._ask(line, SUBSCRIBE, asked.names)
      elif age > ANSWER_WITHIN_NS:
        within = ANSWER_WITHIN_NS // SECOND
        reason = f"{self.venue} did not answer a request to {asked.operation} within {within} s"
        self.actions.append(Reset(line.number, reason))
        line.asked.clear()
        return

  # The states ---------------------------------------------------------------------------------

  def _add(
    self,
    line: OpenConnection,
    subscriptions: list[Subscription],
    now: Moment,
    *,
    overlap: bool = False,
  ) -> None:
    names: dict[str, None] = {}
    for subscription in subscriptions:
      state = self._state_of(line.group, subscription)
      state.opened(line.number, overlap=overlap or bool(state.carriers), now=now)
      carried = line.carried.setdefault(state.name, set())
      if not carried:
        names[state.name] = None
      carried.add(subscription)
    self.prepare(line.group, subscriptions)
    waiting = [name for name in names if not self.ready(line.group, name)]
    line.waiting.update(dict.fromkeys(waiting))
    self._ask(line, SUBSCRIBE, [name for name in names if name not in line.waiting])

  def _state_of(self, group: str, subscription: Subscription) -> SubscriptionState:
    """The state of a subscription, made where there is none."""
    state = self._states.get(subscription)
    if state is None:
      name = self.topic_of(subscription)
      state = self._states[subscription] = self.state_of(subscription, name)
      topics = self._topics.setdefault(group, {})
      if name not in topics:
        topics[name] = self._keys.setdefault(group, {})[self.key(name)] = self.topic(name)
      topics[name].states[subscription] = state
    return state

  def _leave(self, line: OpenConnection, subscription: Subscription) -> str | None:
    """Takes a subscription off a connection; the name to leave where nobody else reads it there."""
    name = self.topic_of(subscription)
    carried = line.carried.get(name, set())
    if subscription not in carried:
      return None
    carried.discard(subscription)
    state = self._states.get(subscription)
    if state is not None:
      state.carriers.discard(line.number)
    if carried:
      return None
    del line.carried[name]
    if name in line.waiting:
      del line.waiting[name]
      return None
    return name

  def _retire(self, subscription: Subscription) -> None:
    """Forgets a state, but not what it counted."""
    state = self._states.pop(subscription, None)
    if state is None:
      return
    topics = self._topics[self.group(subscription)]
    topic = topics[state.name]
    del topic.states[subscription]
    if not topic.states:
      del topics[state.name]
      del self._keys[self.group(subscription)][self.key(state.name)]
    duplicates, missed, skipped = self._retired
    self._retired = (
      duplicates + state.duplicates,
      missed + state.missed,
      skipped + state.skipped,
    )
