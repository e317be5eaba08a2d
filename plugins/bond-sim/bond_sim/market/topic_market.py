"""A generated market that publishes topics: a new reader gets a first message of its own, then what
is published to all."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import attrs

from bond_sim.market.bars import GeneratedBar, bar_start
from bond_sim.market.book import BUY, SELL
from bond_sim.market.trading import Fill, ForcedOrder, Trading, TradingListener

TopicKind = Literal["trades", "each trade", "book", "quote", "state", "candle", "forced"]
TRADES: TopicKind = "trades"
EACH_TRADE: TopicKind = "each trade"
BOOK: TopicKind = "book"
QUOTE: TopicKind = "quote"
STATE: TopicKind = "state"
CANDLE: TopicKind = "candle"
FORCED: TopicKind = "forced"


class MarketTopic(NamedTuple):
  """A topic of a market. `name` is the venue's name of it, `every` the ms between two messages (0:
  as it happens), `levels` a book's depth, `length_ms` a candle's interval. A book or quote that has
  not changed for `repeat_ms` is published again."""

  kind: TopicKind
  name: str
  every: int = 0
  levels: int = 0
  length_ms: int = 0
  repeat_ms: float = math.inf


class BookChange(NamedTuple):
  """The change of a book between two of the market's update ids, as (price, lots), 0 lots for a
  level that is gone. `number` counts the messages of the topic."""

  previous: int
  last: int
  number: int
  bids: list[tuple[int, int]]
  asks: list[tuple[int, int]]


class TopicWriter(Protocol):
  """Writes the venue's messages of one market. `name` is the topic's."""

  def trades(self, name: str, fills: list[Fill]) -> bytes:
    """The trades of one order at one price."""

  def snapshot(self, name: str, change: BookChange, at_ms: int) -> bytes:
    """A whole book."""

  def delta(self, name: str, change: BookChange, at_ms: int) -> bytes:
    """The change of a book."""

  def state(self, name: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    """Statistics, funding, open interest: the facts of the topic. `first` is for a new reader. None
    where there is nothing to publish."""

  def candle(
    self, name: str, bar: GeneratedBar, length_ms: int, at_ms: int, *, closed: bool
  ) -> bytes:
    """A bar."""

  def forced(self, name: str, order: ForcedOrder) -> bytes:
    """A liquidation."""


@attrs.define
class TopicState:
  """A topic that is published. Times are the market's (ms): `due` of the next message by time,
  `published_at` of the last message."""

  topic: MarketTopic
  publish_as: str
  due: float
  last: int
  published_at: float
  count: int
  """The number of its last message."""
  sides: tuple[dict[int, int], dict[int, int]] = attrs.field(factory=lambda: ({}, {}))
  """A book's sides as its readers have them: lots by price."""
  seen: int = -1
  """The market's update id when they were last compared with the book."""
  bar_start: int = 0
  top: tuple[int, ...] = ()


class TopicMarket:
  """One market. `publish` gets each message of an open topic with the name that it was opened
  with."""

  def __init__(
    self,
    begin: Callable[[TradingListener], Trading],
    writer: TopicWriter,
    publish: Callable[[str, bytes], None],
  ) -> None:
    self._writer = writer
    self._publish = publish
    self._open: dict[MarketTopic, TopicState] = {}
    # A venue's numbers go on while nobody reads.
    self._counts: dict[MarketTopic, int] = {}
    self.trading = begin(self)

  def open(self, topic: MarketTopic, publish_as: str) -> None:
    """Begins to publish a topic."""
    if topic in self._open:
      return
    now, every = self.trading.now, topic.every
    length = topic.length_ms
    self._open[topic] = TopicState(
      topic,
      publish_as,
      due=now - now % every + every if every else math.inf,
      last=self.trading.flow.update_id,
      published_at=now,
      sides=self._sides(topic.levels),
      count=self._counts.get(topic, 0) + 1,
      bar_start=bar_start(self.trading.now_ms, length) if length else 0,
    )

  def close(self, topic: MarketTopic) -> None:
    """Ends a topic that has no reader any more."""
    if (state := self._open.pop(topic, None)) is not None:
      self._counts[topic] = state.count

  def first(self, topic: MarketTopic) -> bytes | None:
    """What a new reader of an open topic gets before what is published from now on; None for
    nothing."""
    state, at = self._open[topic], self.trading.now_ms
    if topic.kind == BOOK:
      self._publish_book(state)
      # What has changed beyond the depth has no message: the next update follows this number.
      whole = self._whole(state)._replace(last=state.last)
      return self._writer.snapshot(topic.name, whole, at)
    if topic.kind == QUOTE:
      return self._writer.snapshot(topic.name, self._whole(state), at)
    if topic.kind == STATE:
      # The other readers get what has changed up to here: later changes are the same for all.
      self._publish_timed(state)
      return self._writer.state(topic.name, self.trading, at, first=True)
    if topic.kind == CANDLE:
      self.trading.bars.roll(at)
      bar = self.trading.bars.bars(topic.length_ms, at)[-1]
      return self._writer.candle(topic.name, bar, topic.length_ms, at, closed=False)
    return None

  def rest_until(self, now_ms: int) -> None:
    self.trading.rest_until(now_ms)

  def advance(self, to_ms: float) -> None:
    self.trading.advance(to_ms)

  # What the trading reports ----------------------------------------------------------------------

  def level_changed(self, side: int, price: int) -> None:
    """Nothing: books are compared with what was published when the next message is due."""

  def filled(self, fills: list[Fill]) -> None:
    for state in self._of(TRADES):
      self._publish(state.publish_as, self._writer.trades(state.topic.name, fills))
    for state in self._of(EACH_TRADE):
      for fill in fills:
        self._publish(state.publish_as, self._writer.trades(state.topic.name, [fill]))

  def forced(self, order: ForcedOrder) -> None:
    for state in self._of(FORCED):
      self._publish(state.publish_as, self._writer.forced(state.topic.name, order))

  def ordered(self) -> None:
    for state in self._of(QUOTE):
      if not state.topic.every:
        self._publish_quote(state)

  def due(self) -> float:
    return min(
      (min(state.due, state.published_at + state.topic.repeat_ms) for state in self._open.values()),
      default=math.inf,
    )

  def publish_due(self, at_ms: float) -> None:
    for state in list(self._open.values()):
      if state.due == at_ms:
        state.due += state.topic.every
        self._publish_timed(state)
      if state.published_at + state.topic.repeat_ms == at_ms:
        self._publish_again(state)

  # Details ---------------------------------------------------------------------------------------

  def _of(self, kind: TopicKind) -> list[TopicState]:
    return [state for state in self._open.values() if state.topic.kind == kind]

  def _publish_timed(self, state: TopicState) -> None:
    topic, at = state.topic, self.trading.now_ms
    if topic.kind == BOOK:
      self._publish_book(state)
    elif topic.kind == QUOTE:
      self._publish_quote(state)
    elif topic.kind == STATE:
      message = self._writer.state(topic.name, self.trading, at, first=False)
      if message is not None:
        self._publish(state.publish_as, message)
    elif topic.kind == CANDLE:
      self._publish_candle(state)

  def _publish_book(self, state: TopicState) -> None:
    """Publishes what has changed within the book's depth. A level that moves into the depth because
    others went is published then; a level that others push out of it is published as gone."""
    last = self.trading.flow.update_id
    if state.seen == last:
      return
    state.seen = last
    sides = self._sides(state.topic.levels)
    if sides == state.sides:
      return
    bids, asks = (_difference(old, new) for old, new in zip(state.sides, sides, strict=True))
    change = BookChange(state.last, last, state.count + 1, bids[::-1], asks)
    state.sides, state.last, state.count = sides, last, state.count + 1
    state.published_at = self.trading.now
    message = self._writer.delta(state.topic.name, change, self.trading.now_ms)
    self._publish(state.publish_as, message)

  def _publish_quote(self, state: TopicState) -> None:
    """Publishes the best levels where they have changed."""
    whole = self._whole(state)
    top = tuple(number for level in (*whole.bids, *whole.asks) for number in level)
    if top != state.top:
      state.top, state.published_at = top, self.trading.now
      state.count += 1
      whole = whole._replace(number=state.count)
      message = self._writer.snapshot(state.topic.name, whole, self.trading.now_ms)
      self._publish(state.publish_as, message)

  def _publish_again(self, state: TopicState) -> None:
    """Publishes that nothing has changed: a book's update without levels, or the quote as it is."""
    topic, at = state.topic, self.trading.now_ms
    state.published_at = self.trading.now
    if topic.kind == BOOK:
      nothing = BookChange(state.last, state.last, state.count, [], [])
      self._publish(state.publish_as, self._writer.delta(topic.name, nothing, at))
    else:
      message = self._writer.snapshot(topic.name, self._whole(state), at)
      self._publish(state.publish_as, message)

  def _sides(self, levels: int) -> tuple[dict[int, int], dict[int, int]]:
    book = self.trading.flow.book
    return dict(book.top(BUY, levels)), dict(book.top(SELL, levels))

  def _whole(self, state: TopicState) -> BookChange:
    levels = state.topic.levels
    book = self.trading.flow.book
    last = self.trading.flow.update_id
    return BookChange(-1, last, state.count, book.top(BUY, levels), book.top(SELL, levels))

  def _publish_candle(self, state: TopicState) -> None:
    topic, at = state.topic, self.trading.now_ms
    for bar, closed in self.trading.bars.updates(topic.length_ms, state.bar_start, at):
      message = self._writer.candle(topic.name, bar, topic.length_ms, at, closed=closed)
      self._publish(state.publish_as, message)
    state.bar_start = bar_start(at, topic.length_ms)


def _difference(old: dict[int, int], new: dict[int, int]) -> list[tuple[int, int]]:
  """What turns the first side into the second, by price: (price, lots), 0 for a level that is
  gone."""
  changed = [(price, lots) for price, lots in new.items() if old.get(price) != lots]
  return sorted([*changed, *((price, 0) for price in old.keys() - new.keys())])
