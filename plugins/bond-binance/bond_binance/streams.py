"""One object for each stream: its messages become events of its instrument.

Each knows the venue's numbering of its stream, so what comes twice (two sockets during a rollover,
a venue's repetition) is dropped, and what is missing is declared.
"""

from collections.abc import Callable
from typing import Protocol

from bond_binance.messages import (
  AggregateMessage,
  Combined,
  DepthMessage,
  ForceMessage,
  KlineMessage,
  MarkMessage,
  QuoteMessage,
  StatsMessage,
  TradeMessage,
  decoder,
)
from bond_core.book.book import Book
from bond_core.book.sequence import Ids, contiguous, linked_ranges
from bond_core.book.sync import BookSync, Update
from bond_core.events import Batch, Candle, Funding, Gap, Liquidation, Ticker, Trade
from bond_core.feed.dialect import Received, Subscription

# Trades held back behind a hole: a neighbour that was overtaken may still come.
HOLD = 16
HOLD_NS = 1_000_000_000


class Stream(Protocol):
  """What the feed needs of a stream."""

  subscription: Subscription
  heard: int | None
  duplicates: int
  overlapping: bool
  """Two connections carry this stream for a while. One may be ahead of the other, so what seems
  to be missing is waited for until the older one has ended."""

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    """Appends the events of one message."""

  def unreadable(self, received: Received, events: Batch, why: str) -> None:
    """A message of this stream could not be read."""

  def reopened(self) -> None:
    """The connection was lost and is back; the loss is declared already."""

  def on_timer(self, received: Received, events: Batch) -> None:
    """Appends what is due."""


class _Stream:
  """The instrument of a stream, and what most streams do not need to do."""

  def __init__(self, subscription: Subscription) -> None:
    instrument = subscription.instrument
    self.subscription = subscription
    self.heard: int | None = None
    self.duplicates = 0
    self.overlapping = False
    self._exchange = instrument.exchange
    self._symbol = instrument.symbol
    self._market_type = instrument.market_type
    self._expiry = instrument.expiry

  def unreadable(self, received: Received, events: Batch, why: str) -> None:
    events.append(self._gap(received, f"a message could not be read: {why}"))

  def reopened(self) -> None:
    return None

  def on_timer(self, received: Received, events: Batch) -> None:
    return None

  def _gap(
    self, received: Received, cause: str, first: int | None = None, last: int | None = None
  ) -> Gap:
    return Gap(
      exchange=self._exchange,
      symbol=self._symbol,
      channel=self.subscription.channel,
      market_type=self._market_type,
      expiry=self._expiry,
      ts_event=received.ts_ms,
      venue_from=first,
      venue_to=last,
      missed=None if first is None or last is None else last - first + 1,
      cause=cause,
    )


class Trades(_Stream):
  """trade: numbers are contiguous, so every missing one is known.

  A trade that jumps ahead is held until the ones between have come, until 16 are held or for one
  second; what is still missing then is declared. A message that could not be read shows as such a
  hole, so it is not declared twice.
  """

  WHAT = "trades"

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self.missed = 0
    self._decode = decoder(Combined[TradeMessage]).decode
    self._next: int | None = None
    self._held: dict[int, Trade | None] = {}
    self._held_since = 0
    self._resuming = False

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    # The hottest function of this plugin: one call, no helper for the usual case.
    message = self._decode(frame).data
    ts_ms, self.heard = received
    number = message.t
    # Insurance fund and deleveraging prints have numbers but are no trades of the market.
    trade = (
      Trade(
        exchange=self._exchange,
        symbol=self._symbol,
        ts_event=ts_ms,
        ts_exchange=message.T,
        market_type=self._market_type,
        ts_internal=self.heard,
        price=message.p,
        size=message.q,
        side="sell" if message.m else "buy",
        trade_id=str(number),
        maker=message.m,
        expiry=self._expiry,
      )
      if message.X == "MARKET"
      else None
    )
    if number != self._next or self._held or trade is None:
      self._place(number, trade, received, events)
      return
    self._next = number + 1
    events.append(trade)

  def _place(self, number: int, trade: Trade | None, received: Received, events: Batch) -> None:
    """Appends the trade, holds it, or drops it, as its number says."""
    if number != self._next:
      self._out_of_order(number, trade, received, events)
      return
    self._next = number + 1
    if trade is not None:
      events.append(trade)
    self._release_run(events)

  def _out_of_order(
    self, number: int, trade: Trade | None, received: Received, events: Batch
  ) -> None:
    if self._next is None:
      self._next = number + 1
      if trade is not None:
        events.append(trade)
      return
    if number < self._next or number in self._held:
      self.duplicates += 1
      return
    if not self._held:
      self._held_since = received.mono_ns
    self._held[number] = trade
    if self._resuming:
      # The outage that lies between has been declared as one gap.
      self._resuming = False
      self.missed += self._release_all(None, events)
    elif len(self._held) > HOLD and not self.overlapping:
      self._release_all(received, events)

  def reopened(self) -> None:
    self._resuming = self._next is not None

  def unreadable(self, received: Received, events: Batch, why: str) -> None:
    return None

  def on_timer(self, received: Received, events: Batch) -> None:
    if self.overlapping or not self._held:
      return
    if received.mono_ns - self._held_since > HOLD_NS:
      self._release_all(received, events)

  def _release_run(self, events: Batch) -> None:
    """Appends the held trades that follow without a hole."""
    number = self._next
    while number in self._held:
      trade = self._held.pop(number)
      if trade is not None:
        events.append(trade)
      number += 1
    self._next = number

  def _release_all(self, received: Received | None, events: Batch) -> int:
    """Appends all held trades, each hole declared if `received` is given; how many were missing."""
    missing = 0
    while self._held:
      first = self._next or 0
      number = min(self._held)
      missing += number - first
      if received is not None and number > first:
        cause = f"{number - first} {self.WHAT} did not arrive"
        events.append(self._gap(received, cause, first, number - 1))
      self._next = number
      self._release_run(events)
    return missing


class AggregateTrades(Trades):
  """aggTrade: the fills of one taker order at one price, with contiguous numbers of their own.
  trade_id and match_id are the first and the last trade in it."""

  WHAT = "aggregated trades"

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._decode_aggregate = decoder(Combined[AggregateMessage]).decode

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode_aggregate(frame).data
    ts_ms, self.heard = received
    trade = Trade(
      exchange=self._exchange,
      symbol=self._symbol,
      ts_event=ts_ms,
      ts_exchange=message.T,
      market_type=self._market_type,
      ts_internal=self.heard,
      price=message.p,
      size=message.q,
      side="sell" if message.m else "buy",
      trade_id=str(message.f),
      match_id=str(message.l),
      agg_trade_id=str(message.a),
      maker=message.m,
      expiry=self._expiry,
    )
    self._place(message.a, trade, received, events)


class Depth(_Stream):
  """depth: diffs joined with REST snapshots by the venue's recipe.

  Source: "How to manage a local order book correctly", spot and futures; the rules are
  bond_core.book.sequence.contiguous and linked_ranges. `ask` is called when a snapshot is needed.
  """

  def __init__(self, subscription: Subscription, ask: Callable[["Depth", Received], None]) -> None:
    super().__init__(subscription)
    self._ask = ask
    self._decode = decoder(Combined[DepthMessage]).decode
    rule = contiguous if self._market_type == "spot" else linked_ranges
    self.sync = BookSync(subscription.instrument, rule, Book())
    self._ahead: list[Update] = []

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode(frame).data
    self.heard = received.mono_ns
    update = Update(
      bids=message.b,
      asks=message.a,
      ids=Ids(message.u, message.U, message.pu),
      ts_event=received.ts_ms,
      ts_exchange=message.E if message.T is None else message.T,
      ts_internal=received.mono_ns,
    )
    if self.overlapping and self._is_ahead(message):
      self._ahead.append(update)
      return
    events += self.sync.on_delta(update)
    if self._ahead:
      self._catch_up(events)
    self.take_need(received, events)

  def on_timer(self, received: Received, events: Batch) -> None:
    if self._ahead and not self.overlapping:
      self._catch_up(events)
      self.take_need(received, events)

  def _is_ahead(self, message: DepthMessage) -> bool:
    if self.sync.needs_snapshot:
      return False
    before = message.U - 1 if message.pu is None else message.pu
    return before > self.sync.sequence

  def _catch_up(self, events: Batch) -> None:
    """Applies the updates that were ahead and follow now; all of them once the overlap is over."""
    self._ahead.sort(key=lambda update: 0 if update.ids is None else update.ids.last)
    waiting, self._ahead = self._ahead, []
    for update in waiting:
      ids = update.ids
      before = 0 if ids is None else ids.prev or (ids.first or 1) - 1
      if self.overlapping and before > self.sync.sequence:
        self._ahead.append(update)
      else:
        events += self.sync.on_delta(update)

  def unreadable(self, received: Received, events: Batch, why: str) -> None:
    # The next diff does not follow on the last one, and that is declared.
    return None

  def reopened(self) -> None:
    self._ahead.clear()
    self.sync.restart("the connection was lost")
    # The driver has declared the outage for all its streams at once, and asks for a snapshot.
    self.sync.take_need()

  def take_need(self, received: Received, events: Batch) -> None:
    """Declares a broken chain, and asks for a snapshot where one is needed."""
    need = self.sync.take_need()
    if need is not None:
      if need.gap:
        events.append(need.declare(self.subscription.instrument, received.ts_ms))
      self._ask(self, received)


class Quotes(_Stream):
  """bookTicker: numbered by the book's update id, with holes, so a missing one is unknown."""

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._decode = decoder(Combined[QuoteMessage]).decode
    self._last = -1

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode(frame).data
    self.heard = received.mono_ns
    if message.u <= self._last:
      self.duplicates += 1
      return
    self._last = message.u
    events.append(
      Ticker(
        exchange=self._exchange,
        symbol=self._symbol,
        ts_event=received.ts_ms,
        ts_exchange=message.T,
        market_type=self._market_type,
        ts_internal=received.mono_ns,
        bid=message.b,
        bid_size=message.B,
        ask=message.a,
        ask_size=message.A,
        sequence=message.u,
        expiry=self._expiry,
      )
    )


class _Timed(_Stream):
  """A stream without numbers: its messages are told apart by when the venue sent them."""

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._last = -1

  def _is_new(self, sent: int, received: Received) -> bool:
    self.heard = received.mono_ns
    if sent <= self._last:
      self.duplicates += 1
      return False
    self._last = sent
    return True


class Stats(_Timed):
  """24hrTicker."""

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._decode = decoder(Combined[StatsMessage]).decode

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode(frame).data
    if self._is_new(message.E, received):
      events.append(
        Ticker(
          exchange=self._exchange,
          symbol=self._symbol,
          ts_event=received.ts_ms,
          ts_exchange=message.E,
          market_type=self._market_type,
          ts_internal=received.mono_ns,
          last=message.c,
          volume=message.v,
          expiry=self._expiry,
        )
      )


class Marks(_Timed):
  """markPrice."""

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._decode = decoder(Combined[MarkMessage]).decode

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode(frame).data
    if self._is_new(message.E, received):
      events.append(
        Funding(
          exchange=self._exchange,
          symbol=self._symbol,
          ts_event=received.ts_ms,
          ts_exchange=message.E,
          market_type=self._market_type,
          ts_internal=received.mono_ns,
          rate=float(message.r) if message.r else None,
          next_time=message.T or None,
          mark=message.p,
          index=message.i,
          expiry=self._expiry,
        )
      )


class Forced(_Timed):
  """forceOrder: the largest of a symbol in each second."""

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._decode = decoder(Combined[ForceMessage]).decode

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode(frame).data
    order = message.o
    if self._is_new(message.E, received):
      events.append(
        Liquidation(
          exchange=self._exchange,
          symbol=self._symbol,
          ts_event=received.ts_ms,
          ts_exchange=order.T,
          market_type=self._market_type,
          ts_internal=received.mono_ns,
          price=order.p,
          size=order.q,
          side=order.S.lower(),
          average_price=order.ap,
          filled=order.z,
          status=order.X.lower(),
          expiry=self._expiry,
        )
      )


class Klines(_Timed):
  """kline."""

  def __init__(self, subscription: Subscription) -> None:
    super().__init__(subscription)
    self._decode = decoder(Combined[KlineMessage]).decode

  def __call__(self, frame: bytes, received: Received, events: Batch) -> None:
    message = self._decode(frame).data
    bar = message.k
    if self._is_new(message.E, received):
      events.append(
        Candle(
          exchange=self._exchange,
          symbol=self._symbol,
          ts_event=received.ts_ms,
          ts_exchange=message.E,
          market_type=self._market_type,
          ts_internal=received.mono_ns,
          interval=bar.i,
          start=bar.t,
          # The venue names the last millisecond; Candle.end is exclusive.
          end=bar.T + 1,
          open=bar.o,
          high=bar.h,
          low=bar.l,
          close=bar.c,
          volume=bar.v,
          quote_volume=bar.q,
          trades=bar.n,
          closed=bar.x,
          expiry=self._expiry,
        )
      )


def make_stream(
  subscription: Subscription, kind: str, ask: Callable[[Depth, Received], None]
) -> Stream:
  """The stream that serves a subscription; `ask` is called for a book that needs a snapshot."""
  if kind == "orderbook":
    return Depth(subscription, ask)
  kinds: dict[str, type[Trades | Quotes | Stats | Marks | Forced | Klines]] = {
    "trades": Trades,
    "aggregate": AggregateTrades,
    "quotes": Quotes,
    "stats": Stats,
    "funding": Marks,
    "liquidation": Forced,
    "candle": Klines,
  }
  return kinds[kind](subscription)
