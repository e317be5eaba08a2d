"""Order books: a snapshot and then changes, each numbered one above the last.

Source: "Orderbook": a snapshot may come at any time, when the service was started anew with number
1; the copy is then to be replaced. Deltas count up by one.
"""

from typing import Any

from bond_venuekit import Ids, Order, ReadLatest, SubscribedBook, Update, contiguous

from bond_bybit.messages import BookMessage, decode_book
from bond_bybit.sizes import in_base
from bond_core import AnyEvent, Batch, Level, Ticker
from bond_core.feeds import Subscription
from bond_core.venues import (
  FeedControl,
)


class BookState(SubscribedBook):
  """The book of one instrument, as deep as its topic."""

  def __init__(self, subscription: Subscription, name: str, feed: FeedControl) -> None:
    super().__init__(subscription, name, feed, contiguous)
    self._in_base = in_base(subscription.instrument)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    message = decode_book(frame)
    book = message.data
    self.update(
      Update(
        bids=self._levels(book.bids),
        asks=self._levels(book.asks),
        ids=Ids(book.number),
        ts_event=ts_ms,
        ts_exchange=_matched(message),
        ts_internal=mono_ns,
      ),
      out,
      snapshot=message.type == "snapshot",
    )

  def _levels(self, levels: list[Level]) -> list[Level]:
    convert = self._in_base
    if convert is None:
      return levels
    return [(price, convert(size, price)) for price, size in levels]


class Top:
  """The best level of a side, None where it is empty."""

  def __init__(self) -> None:
    self.level: Level | None = None

  def change(self, levels: list[Level]) -> None:
    """Takes what a delta says of the side. It has one level, so the level that is there now is the
    best; one that is only removed leaves none."""
    for level in levels:
      if level[1]:
        self.level = level
        return
      if self.level is not None and level[0] == self.level[0]:
        self.level = None


def read_quotes(subscription: Subscription) -> ReadLatest:
  """Reads best bids and asks: the book of one level. Snapshots are documented, and that one is sent
  again after three quiet seconds; deltas have been sent too. Those name a side only where it has
  changed, and count only after a snapshot."""
  convert = in_base(subscription.instrument)
  top_bid, top_ask = Top(), Top()
  newest: int | None = None

  def read(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
    nonlocal newest
    message = decode_book(frame)
    book = message.data
    if message.type != "delta":
      top_bid.level = book.bids[0] if book.bids else None
      top_ask.level = book.asks[0] if book.asks else None
      newest = book.number
    elif newest is None:
      return []
    elif book.number > newest:
      top_bid.change(book.bids)
      top_ask.change(book.asks)
      newest = book.number
    bid, ask = top_bid.level, top_ask.level
    if convert is not None:
      bid = bid and (bid[0], convert(bid[1], bid[0]))
      ask = ask and (ask[0], convert(ask[1], ask[0]))
    event = Ticker(
      ts_exchange=_matched(message),
      bid=bid and bid[0],
      bid_size=bid and bid[1],
      ask=ask and ask[0],
      ask_size=ask and ask[1],
      sequence=book.number,
      **common,
    )
    return [((book.number,), event)]

  return read


def _matched(message: BookMessage) -> int:
  """When the matching engine made it (epoch ms); when it was sent, where it does not say that."""
  return message.ts if message.cts is None else message.cts
