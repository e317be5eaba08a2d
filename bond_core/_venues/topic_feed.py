"""A Feed for venues whose subscriptions are topics: named in requests, and in every message."""

from collections import deque
from collections.abc import Callable, Iterator

from bond_core._errors import Refused
from bond_core._events import Batch, Gap
from bond_core._feeds.contract import (
  Action,
  Expire,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Notice,
  Pong,
  Reject,
  Reset,
  Response,
  Subscription,
)
from bond_core._venues.answers import Confirmed, Denied, ReadAnswer, TopicMessage
from bond_core._venues.parts import Explain, KeyOf, MarketList, Topics
from bond_core._venues.reading import UNREADABLE
from bond_core._venues.requests import OpenConnection, RequestForm, Requests
from bond_core._venues.state import SECOND, SubscriptionState
from bond_core._venues.topic import Take, Topic
from bond_core._venues.topic_table import TopicTable
from bond_core._words import said

MAX_NAMED = 50


class TopicFeed:
  """A Feed made of a venue's parts. It needs no subclass.

  `exchange` is the venue's name in events, `title` its name in sentences, `channels` what it has.
  `topics` says where subscriptions are carried and what reads them, `requests` how they are
  requested, `read_answer` what other messages mean.

  A topic's message begins with `opening`, the topic's key and `closing`; one that does not goes to
  `read_answer`, so a venue that changes the order of its keys is still understood. Where the topic
  stands further inside, `key_of` finds the key in a message. `url_characters`
  is for venues that take topics in the URL of a connection: how many characters of names, each with
  a separator, it may hold. What does not fit is requested once the connection is open.

  `markets` is the venue's list of markets, where one is needed; `weight` what starting a
  subscription costs of the group's REST rate limit; `explain` what to do about an HTTP status.

  `unknown` counts messages of topics without a reader, such as those still under way after
  unsubscribing; `unreadable` messages that cannot be decoded at all.
  """

  def __init__(
    self,
    exchange: str,
    title: str,
    *,
    channels: tuple[str, ...],
    topics: Topics,
    requests: RequestForm,
    read_answer: ReadAnswer,
    opening: bytes,
    closing: bytes,
    key_of: KeyOf | None = None,
    url_characters: int = 0,
    markets: MarketList | None = None,
    weight: Callable[[Subscription], int] = lambda subscription: 0,
    explain: Explain = lambda status, body: None,
  ) -> None:
    self.exchange = exchange
    self.actions: deque[Action] = deque()
    self.now_ns = 0
    self.unknown = 0
    self.unreadable = 0
    self._title = title
    self._channels = channels
    self._topics = topics
    self._read_answer = read_answer
    self._opening = opening
    self._closing = closing
    self._key_of = key_of
    self._url_characters = url_characters
    self._markets = markets
    self._weight = weight
    self._explain = explain
    self._table = TopicTable(topics, opening, closing)
    self._requests = Requests(requests, topics.limits, self.actions, title)
    self._connections: dict[int, OpenConnection] = {}
    self._put_off: set[Subscription] = set()

  # What it would take --------------------------------------------------------------------------

  def group(self, subscription: Subscription) -> str:
    channel = subscription.channel
    if channel not in self._channels:
      offered = ", ".join(self._channels)
      raise Refused(f"{self._title} does not offer {channel} here; it has {offered}")
    return self._topics.group(subscription)

  def limits(self, group: str) -> Limits:
    return self._topics.limits(group)

  def snapshot_weight(self, subscription: Subscription) -> int:
    return self._weight(subscription)

  def opening_messages(self, group: str, subscriptions: list[Subscription]) -> list[bytes]:
    return self._requests.messages(group, self._split(self._distinct(subscriptions))[1])

  def handshake(self, group: str, subscriptions: list[Subscription]) -> Handshake:
    in_url, _ = self._split(self._distinct(subscriptions))
    return self._topics.handshake(group, [topic.name for topic in in_url])

  def explain(self, status: int, body: bytes) -> str | None:
    return self._explain(status, body)

  # What is known -------------------------------------------------------------------------------

  @property
  def duplicates(self) -> int:
    """Messages left out because they were not new."""
    return self._table.counts().duplicates

  @property
  def missed(self) -> int:
    """Messages that are known to be lost, in declared gaps and outages."""
    return self._table.counts().missed

  @property
  def skipped(self) -> int:
    """Messages left out because they are not what their channel means."""
    return self._table.counts().skipped

  def states(self) -> Iterator[SubscriptionState]:
    """The states of all subscriptions."""
    yield from self._table.states.values()

  def silence(self, subscription: Subscription) -> float | None:
    state = self._table.states.get(subscription)
    if state is None or state.silence is None:
      return None
    # A subscription that was just requested has not broken the venue's promise yet.
    young = self.now_ns - state.subscribed_ns < state.silence * SECOND
    return None if young else state.silence

  def last_received(self, subscription: Subscription) -> int | None:
    state = self._table.states.get(subscription)
    return None if state is None else state.received_ns

  # Connections ---------------------------------------------------------------------------------

  def on_open(
    self, connection: int, subscriptions: list[Subscription], *, overlap: bool, now: Moment
  ) -> None:
    self.now_ns = now.mono_ns
    if not subscriptions:
      return  # All were refused while it opened.
    opened = self.open_connection(connection, self.group(subscriptions[0]))
    _, to_request = self._split(self._carry(opened, subscriptions, now, overlap=overlap))
    self._subscribe(opened, subscriptions, to_request)

  def open_connection(self, connection: int, group: str) -> OpenConnection:
    """Notes that a connection is open, which carries nothing yet."""
    self._connections[connection] = opened = OpenConnection(connection, group)
    return opened

  def on_change(
    self,
    connection: int,
    added: list[Subscription],
    removed: list[Subscription],
    now: Moment,
  ) -> None:
    self.now_ns = now.mono_ns
    opened = self._connections.get(connection)
    if opened is None:
      return
    left = [topic for s in removed if (topic := self._leave(opened, s)) is not None]
    for subscription in removed:
      others = (read for other in self._connections.values() for read in other.carried.values())
      if not any(subscription in read for read in others):
        self._table.retire(subscription)
    self._requests.send(opened, "unsubscribe", left, self.now_ns)
    self._subscribe(opened, added, self._carry(opened, added, now))

  def on_close(self, connection: int) -> None:
    self._connections.pop(connection, None)
    for state in self._table.states.values():
      state.on_close(connection, self.now_ns)

  def on_timer(self, now: Moment) -> Batch:
    self.now_ns = now.mono_ns
    out: Batch = []
    # A state may refuse its own subscription.
    for state in list(self._table.states.values()):
      state.on_timer(now, out)
    for opened in self._connections.values():
      self._requests.check_overdue(opened, self.now_ns)
      if 0 < opened.again_ns <= self.now_ns:
        self._request_ready(opened)
    if self._markets is not None:
      self._markets.on_timer(self, now)
    return out

  def on_response(self, fetch: Fetch, response: Response, received: Moment) -> Batch:
    self.now_ns = received.mono_ns
    out: Batch = []
    if fetch.subscription is not None:
      state = self._table.states.get(fetch.subscription)
      # It may have no reader any more.
      if state is not None:
        state.on_response(response, received, out)
    elif self._markets is not None:
      self._markets.on_response(self, fetch, response)
    return out

  # Messages ------------------------------------------------------------------------------------

  def on_frames(self, connection: int, frames: list[bytes], received: Moment) -> Batch:
    out: Batch = []
    opened = self._connections.get(connection)
    if opened is None:
      return out
    ts_ms, mono_ns = received
    self.now_ns = mono_ns
    topics = self._table.by_key(opened.group)
    opening, closing, begin = self._opening, self._closing, len(self._opening)
    key_of = self._key_of
    # Messages of one topic come in runs: the last one's beginning is tried first.
    topic: Topic | None = None
    prefix, take = b"", _IGNORE
    lost = 0
    for frame in frames:
      if topic is None or not frame.startswith(prefix):
        topic = None
        if key_of is not None:
          topic = topics.get(key_of(frame))
        elif frame.startswith(opening):
          topic = topics.get(frame[begin : frame.find(closing, begin)])
        if topic is None:
          try:
            self._on_other(opened, frame, received, out)
          except UNREADABLE:
            lost += 1
          continue
        prefix = topic.prefix
        take = topic.reader
        if topic.one_connection and not topic.read_from(connection):
          take = _IGNORE
      try:
        take(frame, ts_ms, mono_ns, out)
      except UNREADABLE as exc:
        topic.unreadable(str(exc), ts_ms, mono_ns, out)
    if lost:
      self.unreadable += lost
      carried = [s for s in self._table.states.values() if connection in s.carriers]
      if (gap := _undecodable_gap(lost, carried, received)) is not None:
        out.append(gap)
    return out

  def _on_other(self, opened: OpenConnection, frame: bytes, received: Moment, out: Batch) -> None:
    answer = self._read_answer(opened.number, frame)
    match answer:
      case TopicMessage():
        self._on_topic_message(opened, answer, frame, received, out)
      case Confirmed():
        self._on_confirmed(opened, self._requests.confirmed(opened, answer))
      case Denied():
        if answer.number is None and not answer.names:
          # No verdict on any request.
          answer = Denied(None, answer.reason, passing=True)
        for name in self._requests.denied(opened, answer, self.now_ns):
          (self._put_off_topic if answer.passing else self._refuse)(opened, name, answer.reason)
      case Pong() | Expire() | Reset():
        self.actions.append(answer)
      case None:
        pass
      case _:
        self.unknown += 1

  def _on_topic_message(
    self,
    opened: OpenConnection,
    message: TopicMessage,
    frame: bytes,
    received: Moment,
    out: Batch,
  ) -> None:
    topic = self._table.named(opened.group, message.name)
    if topic is None:
      self.unknown += 1
    elif topic.read_from(opened.number):
      try:
        topic.take(message.frame or frame, received.ts_ms, received.mono_ns, out)
      except UNREADABLE as exc:
        topic.unreadable(str(exc), received.ts_ms, received.mono_ns, out)

  # Subscriptions -------------------------------------------------------------------------------

  def renew(self, subscription: Subscription) -> None:
    topic = self._table.topic_of(subscription)
    for opened in self._connections.values():
      if topic is not None and subscription in opened.carried.get(topic.name, ()):
        if topic.name in opened.waiting:
          continue
        self._requests.send(opened, "unsubscribe", [topic], self.now_ns)
        self._requests.send(opened, "subscribe", [topic], self.now_ns)

  def proceed(self) -> None:
    for opened in self._connections.values():
      self._request_ready(opened)

  def suspend(self, subscription: Subscription, reason: str) -> None:
    for opened in self._connections.values():
      topic = self._table.topic_of(subscription)
      if topic is not None and topic.name in opened.carried and topic.name not in opened.waiting:
        opened.waiting[topic.name] = topic
        self._requests.send(opened, "unsubscribe", [topic], self.now_ns)
    self.actions.append(Notice(subscription, reason))

  def reject(self, subscription: Subscription, reason: str) -> None:
    # The driver forgets what was refused without a further call, so it is unsubscribed from here.
    if subscription not in self._table.states:
      return
    for opened in self._connections.values():
      if (topic := self._leave(opened, subscription)) is not None:
        self._requests.send(opened, "unsubscribe", [topic], self.now_ns)
    self._table.retire(subscription)
    self.actions.append(Reject(subscription, reason))

  def _refuse(self, opened: OpenConnection, name: str, message: str) -> None:
    """The venue refused a topic. It is not carried there, so nothing has to be unsubscribed."""
    for subscription in opened.carried.pop(name, {}):
      self.reject(subscription, f"{subscription}: {self._title} refused it{said(message)}")

  def _put_off_topic(self, opened: OpenConnection, name: str, message: str) -> None:
    """The venue does not take a topic just now."""
    if (topic := self._table.named(opened.group, name)) is not None:
      opened.waiting[name] = topic
      for subscription in topic.states:
        self._put_off.add(subscription)
        reason = f"{self._title} does not take it now: {message[:200]}"
        self.actions.append(Notice(subscription, reason))

  def _on_confirmed(self, opened: OpenConnection, topics: list[Topic]) -> None:
    opened.refusals = 0
    for subscription in (s for topic in topics for s in topic.states if s in self._put_off):
      self._put_off.discard(subscription)
      self.actions.append(Notice(subscription, None))

  def _carry(
    self,
    opened: OpenConnection,
    subscriptions: list[Subscription],
    now: Moment,
    *,
    overlap: bool = False,
  ) -> list[Topic]:
    """Notes that a connection carries these; the topics that it did not carry before."""
    new: list[Topic] = []
    for subscription in subscriptions:
      topic, state = self._table.add(opened.group, subscription, self)
      state.on_open(opened.number, overlap=overlap or bool(state.carriers), now=now)
      carried = opened.carried.setdefault(topic.name, {})
      if not carried:
        new.append(topic)
      carried[subscription] = None
    return new

  def _subscribe(
    self, opened: OpenConnection, subscriptions: list[Subscription], topics: list[Topic]
  ) -> None:
    """Requests these topics, each as soon as it is ready."""
    opened.waiting.update((topic.name, topic) for topic in topics)
    if self._markets is not None:
      self._markets.prepare(self, subscriptions)
    self._request_ready(opened)

  def _request_ready(self, opened: OpenConnection) -> None:
    if opened.again_ns > self.now_ns:
      return
    opened.again_ns = 0
    ready = [topic for topic in opened.waiting.values() if self._ready(topic)]
    for topic in ready:
      del opened.waiting[topic.name]
    self._requests.send(opened, "subscribe", ready, self.now_ns)

  def _ready(self, topic: Topic) -> bool:
    markets = self._markets
    return markets is None or all(markets.ready(subscription) for subscription in topic.states)

  def _leave(self, opened: OpenConnection, subscription: Subscription) -> Topic | None:
    """Takes a subscription off a connection; the topic to unsubscribe from where no other one reads
    it there."""
    topic = self._table.topic_of(subscription)
    if topic is None or subscription not in opened.carried.get(topic.name, ()):
      return None
    carried = opened.carried[topic.name]
    del carried[subscription]
    self._table.states[subscription].on_close(opened.number, self.now_ns)
    if carried:
      return None
    del opened.carried[topic.name]
    return None if opened.waiting.pop(topic.name, None) is not None else topic

  def _distinct(self, subscriptions: list[Subscription]) -> list[Topic]:
    topics = [self._topics.topic(subscription) for subscription in subscriptions]
    return list({topic.name: topic for topic in topics}.values())

  def _split(self, topics: list[Topic]) -> tuple[list[Topic], list[Topic]]:
    """The topics that fit into the URL, and the rest."""
    length = 0
    for position, topic in enumerate(topics):
      # Each byte beyond ASCII becomes three characters there.
      length += 4 * len(topic.name.encode()) - 3 * len(topic.name) + 1
      if length > self._url_characters:
        return topics[:position], topics[position:]
    return topics, []


def _ignore(frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
  """Takes what is read from another connection."""


_IGNORE: Take = _ignore


def _undecodable_gap(lost: int, carried: list[SubscriptionState], received: Moment) -> Gap | None:
  """The Gap for messages that cannot be decoded far enough to know whose they are, on a connection
  that carries these. Numbered ones show by themselves what they lost; None where all are."""
  affected = [state for state in carried if not state.numbered]
  if not affected:
    return None
  cause, (ts_ms, mono_ns) = "a message could not be read, nor whose it was", received
  gap = affected[0].gap(cause, ts_ms, mono_ns, missed=lost, since_ns=mono_ns)
  subscriptions = [state.subscription for state in affected]
  gap.streams = [str(subscription) for subscription in subscriptions[:MAX_NAMED]]
  if len({subscription.channel for subscription in subscriptions}) > 1:
    gap.channel = "*"
  instruments = {subscription.instrument for subscription in subscriptions}
  if len({instrument.symbol for instrument in instruments}) > 1:
    gap.symbol = "*"
  if len({(instrument.market_type, instrument.expiry) for instrument in instruments}) > 1:
    gap.market_type = gap.expiry = None
  return gap
