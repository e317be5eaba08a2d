"""A generated market whose streams are topics: a reader gets a first message of its own, then what
is published."""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import attrs

from bond_sim.market.book import BUY, SELL
from bond_sim.market.candles import Bar, bar_start
from bond_sim.market.trading import Fill, Liquidation, Listener, Trading

TRADES, EACH_TRADE, BOOK, QUOTE, STATE, CANDLE, FORCED = (
  "trades", "each trade", "book", "quote", "state", "candle", "forced"
)  # fmt: skip


class Stream(NamedTuple):
  """What is told: `kind` is one of those above, `topic` the venue's name for it, `every` the ms
  between two messages (0: as it happens), `levels` a book's depth, `length_ms` a candle's. A book
  or quote in which nothing has changed for `again` ms is told again."""

  kind: str
  topic: str
  every: int = 0
  levels: int = 0
  length_ms: int = 0
  again: float = math.inf


class Changes(NamedTuple):
  """What happened to a book between two numbers of the market's, as (price, lots); it is the
  `number`th message of its stream."""

  previous: int
  last: int
  number: int
  bids: list[tuple[int, int]]
  asks: list[tuple[int, int]]


class Writer(Protocol):
  """Writes the venue's messages of one market; None where there is nothing to say."""

  def trades(self, topic: str, fills: list[Fill]) -> bytes:
    """What one order took at one price."""

  def snapshot(self, topic: str, changes: Changes, at_ms: int) -> bytes:
    """A whole book."""

  def delta(self, topic: str, changes: Changes, at_ms: int) -> bytes:
    """What changed in it."""

  def state(self, topic: str, trading: Trading, at_ms: int, *, first: bool) -> bytes | None:
    """Statistics, funding, open interest: whatever the topic tells; `first` for a new reader."""

  def candle(self, topic: str, bar: Bar, length_ms: int, at_ms: int, *, closed: bool) -> bytes:
    """A bar."""

  def forced(self, topic: str, order: Liquidation) -> bytes:
    """A liquidation."""


@attrs.define
class Outlet:
  """A stream that is read."""

  stream: Stream
  name: str
  due: float
  last: int
  told: float
  count: int = 1
  shown: tuple[dict[int, int], dict[int, int]] = attrs.field(factory=lambda: ({}, {}))
  """A book's sides as the stream's readers have them."""
  bar_start: int = 0
  top: tuple[int, ...] = ()


class TopicMarket:
  """One market; `publish` gets each message of an open stream under the name it was opened with."""

  def __init__(
    self,
    begin: Callable[[Listener], Trading],
    writer: Writer,
    publish: Callable[[str, bytes], None],
  ) -> None:
    self._writer = writer
    self._publish = publish
    self._outlets: dict[Stream, Outlet] = {}
    self.trading = begin(self)

  def open(self, stream: Stream, name: str) -> None:
    """Begins to publish a stream."""
    if stream in self._outlets:
      return
    now, every = self.trading.now, stream.every
    length = stream.length_ms
    self._outlets[stream] = outlet = Outlet(
      stream,
      name,
      due=now - now % every + every if every else math.inf,
      last=self.trading.flow.update_id,
      told=now,
      bar_start=bar_start(self.trading.now_ms, length) if length else 0,
    )
    outlet.shown = self._sides(stream.levels)

  def close(self, stream: Stream) -> None:
    """Nobody reads the stream any more."""
    self._outlets.pop(stream, None)

  def first(self, stream: Stream) -> bytes | None:
    """What a new reader of an open stream gets before what is published from now on."""
    outlet, at = self._outlets[stream], self.trading.now_ms
    if stream.kind == BOOK:
      self._tell_book(outlet)
      # What changed since then is beyond the depth; the next update goes on from there.
      whole = self._whole(outlet)._replace(last=outlet.last)
      return self._writer.snapshot(stream.topic, whole, at)
    if stream.kind == QUOTE:
      return self._writer.snapshot(stream.topic, self._whole(outlet), at)
    if stream.kind == STATE:
      # Whoever reads already is told what has changed up to here: later changes are the same for
      # all.
      self._tell(outlet)
      return self._writer.state(stream.topic, self.trading, at, first=True)
    if stream.kind == CANDLE:
      self.trading.candles.roll(at)
      bar = self.trading.candles.bars(stream.length_ms, at)[-1]
      return self._writer.candle(stream.topic, bar, stream.length_ms, at, closed=False)
    return None

  def rest_until(self, now_ms: int) -> None:
    """Nothing has happened up to `now_ms`: the market was asleep, with no stream open."""
    self.trading.rest_until(now_ms)

  def advance(self, to_ms: float) -> None:
    """Lets everything happen up to `to_ms`, in order of time."""
    self.trading.advance(to_ms)

  # What the market does --------------------------------------------------------------------------

  def level_changed(self, side: int, price: int) -> None:
    """Books are compared with what was shown when they are told."""

  def filled(self, fills: list[Fill]) -> None:
    for outlet in self._of(TRADES):
      self._publish(outlet.name, self._writer.trades(outlet.stream.topic, fills))
    for outlet in self._of(EACH_TRADE):
      for fill in fills:
        self._publish(outlet.name, self._writer.trades(outlet.stream.topic, [fill]))

  def forced(self, order: Liquidation) -> None:
    for outlet in self._of(FORCED):
      self._publish(outlet.name, self._writer.forced(outlet.stream.topic, order))

  def ordered(self) -> None:
    for outlet in self._of(QUOTE):
      if not outlet.stream.every:
        self._tell_quote(outlet)

  def due(self) -> float:
    return min(
      (min(one.due, one.told + one.stream.again) for one in self._outlets.values()),
      default=math.inf,
    )

  def tell(self, at_ms: float) -> None:
    for outlet in list(self._outlets.values()):
      if outlet.due == at_ms:
        outlet.due += outlet.stream.every
        self._tell(outlet)
      if outlet.told + outlet.stream.again == at_ms:
        self._tell_again(outlet)

  # Details ---------------------------------------------------------------------------------------

  def _of(self, kind: str) -> list[Outlet]:
    return [outlet for outlet in self._outlets.values() if outlet.stream.kind == kind]

  def _tell(self, outlet: Outlet) -> None:
    stream, at = outlet.stream, self.trading.now_ms
    if stream.kind == BOOK:
      self._tell_book(outlet)
    elif stream.kind == QUOTE:
      self._tell_quote(outlet)
    elif stream.kind == STATE:
      message = self._writer.state(stream.topic, self.trading, at, first=False)
      if message is not None:
        self._publish(outlet.name, message)
    elif stream.kind == CANDLE:
      self._tell_candle(outlet)

  def _tell_book(self, outlet: Outlet) -> None:
    """Publishes what has changed within the book's depth. A level that comes into it because others
    went is told then, one that others push out of it is told as gone."""
    sides = self._sides(outlet.stream.levels)
    if sides == outlet.shown:
      return
    last = self.trading.flow.update_id
    bids, asks = (_difference(shown, now) for shown, now in zip(outlet.shown, sides, strict=True))
    changes = Changes(outlet.last, last, outlet.count + 1, bids[::-1], asks)
    outlet.shown, outlet.last, outlet.count = sides, last, outlet.count + 1
    outlet.told = self.trading.now
    self._publish(
      outlet.name, self._writer.delta(outlet.stream.topic, changes, self.trading.now_ms)
    )

  def _tell_quote(self, outlet: Outlet) -> None:
    """Publishes the best levels where they have changed."""
    whole = self._whole(outlet)
    top = tuple(number for level in (*whole.bids, *whole.asks) for number in level)
    if top != outlet.top:
      outlet.top, outlet.told = top, self.trading.now
      outlet.count += 1
      whole = whole._replace(number=outlet.count)
      message = self._writer.snapshot(outlet.stream.topic, whole, self.trading.now_ms)
      self._publish(outlet.name, message)

  def _tell_again(self, outlet: Outlet) -> None:
    """Publishes that nothing has changed: a book's update without levels, a quote as it is."""
    stream, at = outlet.stream, self.trading.now_ms
    outlet.told = self.trading.now
    if stream.kind == BOOK:
      nothing = Changes(outlet.last, outlet.last, outlet.count, [], [])
      self._publish(outlet.name, self._writer.delta(stream.topic, nothing, at))
    else:
      self._publish(outlet.name, self._writer.snapshot(stream.topic, self._whole(outlet), at))

  def _sides(self, levels: int) -> tuple[dict[int, int], dict[int, int]]:
    book = self.trading.flow.book
    return dict(book.top(BUY, levels)), dict(book.top(SELL, levels))

  def _whole(self, outlet: Outlet) -> Changes:
    levels = outlet.stream.levels
    book = self.trading.flow.book
    last = self.trading.flow.update_id
    return Changes(-1, last, outlet.count, book.top(BUY, levels), book.top(SELL, levels))

  def _tell_candle(self, outlet: Outlet) -> None:
    length, at, candles = outlet.stream.length_ms, self.trading.now_ms, self.trading.candles
    candles.roll(at)
    for bar in candles.bars(length, outlet.bar_start):
      closed = bar.start + length <= at
      if closed or bar.start == bar_start(at, length):
        message = self._writer.candle(outlet.stream.topic, bar, length, at, closed=closed)
        self._publish(outlet.name, message)
    outlet.bar_start = bar_start(at, length)


def _difference(shown: dict[int, int], now: dict[int, int]) -> list[tuple[int, int]]:
  """What makes the first side the second: sizes by price, 0 for what is gone."""
  changed = [(price, lots) for price, lots in now.items() if shown.get(price) != lots]
  return sorted([*changed, *((price, 0) for price in shown.keys() - now.keys())])
