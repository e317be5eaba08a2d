"""Books, quotes and candles, read for the kit's states: of two messages the newer one counts.

A book comes whole each time, 20 levels a side, or 5 where that is enough, and is resent when
nothing has changed. It has no number and no checksum: what can be verified is that its levels are
in order, that it is not crossed, and that it is newer than the last one; whether one was left out
in between cannot. So each goes out as what it is, a book that nothing links to the one before: a
snapshot with `is_reset`, whose `sequence` is the venue's time of it.
Source: "Subscriptions" (WsBook, WsBbo, Candle).
"""

from itertools import pairwise
from typing import Any

from bond_venuekit import Order

from bond_core import AnyEvent, Candle, OrderBook, Ticker
from bond_hyperliquid.messages import Level, decode_bar, decode_best, decode_book

SLOW_LEVELS, FAST_LEVELS = 20, 5
"""Levels of a book, and of one that is sent more often."""


def read_book(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads a whole book. Raises ValueError for one that cannot be right."""
  book = decode_book(frame).data
  bids, asks = ([(level.price, level.size) for level in side] for side in book.levels)
  if any(one[0] <= next_[0] for one, next_ in pairwise(bids)):
    raise ValueError("the bids are not in order")
  if any(one[0] >= next_[0] for one, next_ in pairwise(asks)):
    raise ValueError("the asks are not in order")
  if bids and asks and bids[0][0] >= asks[0][0]:
    raise ValueError(
      f"the book is crossed: the best bid is {bids[0][0]}, the best ask {asks[0][0]}"
    )
  event = OrderBook(
    ts_exchange=book.time,
    bids=bids,
    asks=asks,
    sequence=book.time,
    is_reset=True,
    **common,
  )
  return [((book.time,), event)]


def read_best(frame: bytes, common: dict[str, Any]) -> list[tuple[Order, AnyEvent]]:
  """Reads the best bid and ask."""
  best = decode_best(frame).data
  bid, ask = best.bbo
  event = Ticker(
    ts_exchange=best.time,
    bid=_price(bid),
    bid_size=_size(bid),
    ask=_price(ask),
    ask_size=_size(ask),
    sequence=best.time,
    **common,
  )
  return [((best.time,), event)]


def read_candle(frame: bytes, common: dict[str, Any]) -> list[tuple[float, Candle]]:
  """Reads candles as they are now; their trades are what grows."""
  found = decode_bar(frame).data
  return [
    (
      bar.count,
      Candle(
        interval=bar.interval,
        start=bar.start,
        end=bar.end + 1,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        trades=bar.count,
        closed=False,
        **common,
      ),
    )
    for bar in (found if isinstance(found, list) else [found])
  ]


def _price(level: Level | None) -> float | None:
  return None if level is None else level.price


def _size(level: Level | None) -> float | None:
  return None if level is None else level.size
