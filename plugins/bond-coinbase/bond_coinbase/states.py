"""Trades, books, tickers and candles.

All messages of a connection are numbered together, which is how a lost one shows; the numbers of
two connections have nothing to do with each other. Source: "WebSocket Overview", "Sequence
Numbers".
"""

from itertools import chain
from typing import Any

from bond_venuekit import (
  Ids,
  SubscribedBook,
  UnnumberedTrades,
  Update,
  amount_or_none,
  as_they_come,
  opposite,
  price_or_none,
  read_side,
)

from bond_coinbase.apart import by_row
from bond_coinbase.messages import (
  Trades,
  decode_candles,
  decode_levels,
  decode_tickers,
  decode_trades,
  epoch_ms,
)
from bond_core import Batch, Candle, Level, Ticker, Trade
from bond_core.feeds import Moment, Subscription
from bond_core.venues import UNREADABLE, FeedControl, SubscriptionState

CANDLE, CANDLE_MS = "5m", 300_000
"""The only length that the venue has."""


class TradesState(UnnumberedTrades):
  """The trades of one product. A snapshot of those before it comes after each subscription: of the
  first one it is history and left out, after an outage it has what was missed."""

  numbered = True

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._begun = False

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    begun = self._begun
    try:
      self._tell(decode_trades(frame).events, begun, ts_ms, mono_ns, out)
    except UNREADABLE:
      rows = by_row(frame)
      if len(rows) < 2:
        raise
      # The venue has the newest first.
      for row in reversed(rows):
        try:
          self._tell(decode_trades(row).events, begun, ts_ms, mono_ns, out)
        except UNREADABLE as exc:
          self.unreadable(str(exc), ts_ms, mono_ns, out)

  def _tell(self, events: list[Trades], begun: bool, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.received_ns = mono_ns
    self._begun = True
    # All of them in the order of their times.
    trades = list(chain.from_iterable(event.trades for event in events))
    trades.reverse()
    if len(trades) > 1:
      trades.sort(key=lambda trade: trade.time)
    history = not begun and all(event.type == "snapshot" for event in events)
    for trade in self.once(trades):
      if history:
        self.skipped += 1
        continue
      maker = read_side(trade.maker)
      out.append(
        Trade(
          exchange=self._exchange,
          symbol=self._symbol,
          market_type=self._market_type,
          ts_event=ts_ms,
          ts_exchange=epoch_ms(trade.time),
          ts_internal=mono_ns,
          price=trade.price,
          size=trade.size,
          side=opposite(maker),
          trade_id=str(trade.id),
          maker=None if maker == "unknown" else maker == "buy",
        )
      )


class BookState(SubscribedBook):
  """The whole book of one product. Its updates have the numbers of their connection, so it is read
  from one at a time, and begins anew where that one leaves it to another."""

  def __init__(self, subscription: Subscription, name: str, feed: FeedControl) -> None:
    super().__init__(subscription, name, feed, as_they_come)
    self._left = False

  def on_close(self, connection: int, now_ns: int) -> None:
    self._left = self._left or connection == min(self.carriers, default=None)
    super().on_close(connection, now_ns)

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if not overlap:
      self._left = False

  def on_timer(self, now: Moment, out: Batch) -> None:
    self._begin_on_another(now.ts_ms, now.mono_ns, out)
    super().on_timer(now, out)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self._begin_on_another(ts_ms, mono_ns, out)
    message = decode_levels(frame)
    time = epoch_ms(message.time)
    for event in message.events:
      bids: list[Level] = []
      asks: list[Level] = []
      for level in event.updates:
        (bids if level.side == "bid" else asks).append((level.price, level.size))
      whole = event.type == "snapshot"
      if whole:
        bids, asks = ([level for level in side if level[1]] for side in (bids, asks))
      self.update(
        Update(
          bids=bids,
          asks=asks,
          ids=Ids(message.number),
          ts_event=ts_ms,
          ts_exchange=time,
          ts_internal=mono_ns,
        ),
        out,
        snapshot=whole,
      )

  def _begin_on_another(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    if self._left and self.carriers:
      self._left = False
      self.begin_anew("its connection has ended", ts_ms, mono_ns, out)


class TickerState(SubscriptionState):
  """Last price, best bid and ask, and the volume of 24 hours, after each trade."""

  numbered = True

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    message = decode_tickers(frame)
    self.received_ns = mono_ns
    time = epoch_ms(message.time)
    for ticker in chain.from_iterable(event.tickers for event in message.events):
      out.append(
        Ticker(
          exchange=self._exchange,
          symbol=self._symbol,
          market_type=self._market_type,
          ts_event=ts_ms,
          ts_exchange=time,
          ts_internal=mono_ns,
          last=price_or_none(ticker.last),
          bid=price_or_none(ticker.bid),
          bid_size=amount_or_none(ticker.bid_size),
          ask=price_or_none(ticker.ask),
          ask_size=amount_or_none(ticker.ask_size),
          volume=amount_or_none(ticker.volume),
          sequence=message.number,
        )
      )


def read_candles(frame: bytes, common: dict[str, Any]) -> list[tuple[float, Candle]]:
  """Reads candles of five minutes as they are now; their volume is what grows."""
  message = decode_candles(frame)
  time = epoch_ms(message.time)
  return [
    (
      bar.volume,
      Candle(
        ts_exchange=time,
        interval=CANDLE,
        start=bar.start * 1000,
        end=bar.start * 1000 + CANDLE_MS,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        closed=False,
        **common,
      ),
    )
    for bar in chain.from_iterable(event.candles for event in message.events)
  ]
