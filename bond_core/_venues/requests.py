"""Requests to subscribe and unsubscribe: in batches that keep the venue's limits, each pending
until it is answered."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

import attrs

from bond_core._feeds.contract import Action, Limits, Reset, Send, Subscription
from bond_core._venues.answers import Confirmed, Denied
from bond_core._venues.state import SECOND
from bond_core._venues.topic import Topic
from bond_core._words import own_words

ANSWER_WITHIN_NS = 30 * SECOND
"""A request is answered at once; its own place in the queue of a paced connection included."""

REST_WITHIN_NS = 5 * SECOND
"""Where one refused name does not spoil a request, the others are confirmed within this time."""

Operation: TypeAlias = Literal["subscribe", "unsubscribe"]

EncodeRequest: TypeAlias = Callable[[Operation, str, int], bytes]
"""(operation, the topics' arguments joined by commas, number of the request) → the message."""


@attrs.frozen
class RequestForm:
  """How a venue's requests are written. `characters` is how long the arguments of one request may
  be, None where the venue sets no limit; `all_or_nothing` says that one wrong name fails the whole
  request."""

  encode: EncodeRequest
  characters: int | None = None
  all_or_nothing: bool = False
  together: Callable[[str], str] | None = None
  """(a topic's argument) → what all in one request have in common, such as their channel."""


@attrs.define
class PendingRequest:
  """A request without its answer; `topics` are those that are neither confirmed nor refused."""

  operation: Operation
  topics: list[Topic]
  sent_ns: int
  partly_refused: bool = False


@attrs.define
class OpenConnection:
  """An open connection: what it carries by topic name, what waits until it may be subscribed to,
  and its requests without an answer."""

  number: int
  group: str
  carried: dict[str, dict[Subscription, None]] = attrs.field(factory=dict)
  waiting: dict[str, Topic] = attrs.field(factory=dict)
  refusals: int = 0
  again_ns: int = 0
  most: int = 0  # topics in a request, once a larger one was refused
  pending: dict[int, PendingRequest] = attrs.field(factory=dict)


class Requests:
  """The requests of all connections; `title` is how sentences name the venue."""

  def __init__(
    self,
    form: RequestForm,
    limits: Callable[[str], Limits],
    actions: deque[Action],
    title: str,
  ) -> None:
    self._form = form
    self._limits = limits
    self._actions = actions
    self._title = title
    self._next_number = 1

  def send(
    self, connection: OpenConnection, operation: Operation, topics: list[Topic], now_ns: int
  ) -> None:
    """Sends requests for these topics."""
    for batch in self._batches(connection.group, topics, connection.most):
      number, self._next_number = self._next_number, self._next_number + 1
      connection.pending[number] = PendingRequest(operation, batch, now_ns)
      self._actions.append(Send(connection.number, self._encode(operation, batch, number)))

  def messages(self, group: str, topics: list[Topic]) -> list[bytes]:
    """The requests to subscribe to these topics, without sending them."""
    batches = self._batches(group, topics)
    return [self._encode("subscribe", batch, number) for number, batch in enumerate(batches, 1)]

  def confirmed(self, connection: OpenConnection, answer: Confirmed) -> list[Topic]:
    """Takes the topics of a confirmed request off it, and returns them."""
    number, name = answer.number, answer.name
    if number is None:
      fits = (n for n, p in connection.pending.items() if name is None or name in _names(p.topics))
      number = next(fits, 0)
    pending = connection.pending.get(number)
    if pending is None:
      return []
    done = [topic for topic in pending.topics if name in (None, topic.name)]
    pending.topics = [topic for topic in pending.topics if topic not in done]
    if not pending.topics:
      del connection.pending[number]
    return done if pending.operation == "subscribe" else []

  def denied(self, connection: OpenConnection, answer: Denied, now_ns: int) -> list[str]:
    """The names that a refused request has shown to be wrong. The rest of it is requested again."""
    number = answer.number
    if number is None:
      # Some errors do not say which request they are about; answers come in order.
      wanted = set(answer.names)
      fits = (
        n for n, p in connection.pending.items() if not wanted or wanted & {*_names(p.topics)}
      )
      number = next(fits, 0)
    pending = connection.pending.get(number)
    if pending is None:
      reason = f"{self._title} refused a message: {own_words(answer.reason, 200)}"
      self._actions.append(Reset(connection.number, reason))
      return []
    if pending.operation == "unsubscribe":
      del connection.pending[number]
      return []  # What still comes has no reader.
    if answer.passing:
      del connection.pending[number]
      connection.refusals += connection.again_ns <= now_ns
      connection.again_ns = now_ns + (SECOND << min(connection.refusals, 6))  # 2 s to 64 s
      connection.most = max(1, len(pending.topics) // 2)
      return _names(_carried(pending.topics, connection))
    wrong = [topic for topic in pending.topics if topic.name in answer.names]
    if not wrong and len(pending.topics) == 1:
      wrong = pending.topics
    rest = [topic for topic in pending.topics if topic not in wrong]
    if rest and not self._form.all_or_nothing:
      pending.topics, pending.partly_refused, pending.sent_ns = rest, True, now_ns
      if wrong:
        return _names(wrong)
    del connection.pending[number]
    rest = _carried(rest, connection)
    # Where the answer names none, halves show which is wrong.
    middle = 0 if wrong else len(rest) // 2
    self.send(connection, "subscribe", rest[:middle], now_ns)
    self.send(connection, "subscribe", rest[middle:], now_ns)
    return _names(wrong)

  def check_overdue(self, connection: OpenConnection, now_ns: int) -> None:
    """Resets a connection that leaves a request without an answer."""
    for number, pending in list(connection.pending.items()):
      age = now_ns - pending.sent_ns
      if pending.partly_refused and age > REST_WITHIN_NS:
        # The venue refused one name and is silent about the others.
        del connection.pending[number]
        self.send(connection, "subscribe", _carried(pending.topics, connection), now_ns)
      elif age > ANSWER_WITHIN_NS:
        within = ANSWER_WITHIN_NS // SECOND
        reason = f"{self._title} did not answer a request to {pending.operation} within {within} s"
        self._actions.append(Reset(connection.number, reason))
        connection.pending.clear()
        return

  def _encode(self, operation: Operation, topics: list[Topic], number: int) -> bytes:
    return self._form.encode(operation, ",".join(topic.argument for topic in topics), number)

  def _batches(self, group: str, topics: Iterable[Topic], most: int = 0) -> list[list[Topic]]:
    most, longest = most or self._limits(group).subscriptions_per_message, self._form.characters
    batches: list[list[Topic]] = []
    length, kind, kind_of = 0, "", self._form.together
    for topic in topics if kind_of is None else sorted(topics, key=lambda t: kind_of(t.argument)):
      size = len(topic.argument) + 1
      full = longest is not None and length + size > longest
      if kind_of is not None and kind != (kind := kind_of(topic.argument)):
        full = True
      if not batches or len(batches[-1]) >= most or full:
        batches.append([])
        length = 0
      batches[-1].append(topic)
      length += size
    return batches


def _names(topics: list[Topic]) -> list[str]:
  return [topic.name for topic in topics]


def _carried(topics: list[Topic], connection: OpenConnection) -> list[Topic]:
  """Those that still have readers."""
  return [topic for topic in topics if topic.name in connection.carried]
