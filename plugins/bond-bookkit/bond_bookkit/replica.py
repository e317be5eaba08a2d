"""A copy of an order book, made from its events, and whether it is known to be right."""

from typing import TypeAlias

from bond_core import Gap, Level, MarketType, OrderBook
from bond_core.books import Book

BookKey: TypeAlias = tuple[str, MarketType | None, str, str | None]
"""Exchange, market type, symbol, expiry."""


class ReplicaBook:
  """A book that is kept up to date by its snapshots and deltas.

  `chained` is false after its chain broke, until the next snapshot. `doubt` is the last Gap that
  may concern it: only a delta that continues the chain proves that nothing is missing. `last` is
  the last update it contains, `trimmed` the levels that had to go with it to keep within the
  book's bound (as removals), `reset` that the next view starts a new chain.
  """

  __slots__ = ("book", "chained", "doubt", "last", "reset", "sequence", "trimmed")

  def __init__(self, book: Book, first: OrderBook) -> None:
    self.book = book
    self.last = first
    self.sequence: int | None = None
    self.trimmed: tuple[list[Level], list[Level]] = ([], [])
    self.chained = True
    self.doubt: Gap | None = None
    self.reset = False

  def restart(self, event: OrderBook) -> bool:
    """Takes a snapshot and returns True; False where its levels are malformed."""
    try:
      self.book.snapshot(event.bids, event.asks)
    except ValueError:
      return False
    # After a broken chain this is a new chain, whether the event says so or not.
    self.reset = self.reset or bool(event.is_reset) or not self.chained
    self.chained = True
    self.doubt = None
    self.sequence = event.sequence
    self.last = event
    return True

  def holds(self, event: OrderBook) -> bool:
    """Returns whether a delta is in the book already, as after a replay that overlaps."""
    return (
      self.sequence is not None
      and event.sequence is not None
      and event.sequence <= self.sequence
      and event.prev_sequence != self.sequence
    )

  def advance(self, event: OrderBook) -> bool:
    """Applies a delta and returns True; False where it does not continue the chain or its levels
    are malformed."""
    if self.sequence is None or event.prev_sequence is None:
      if self.doubt is not None:
        return False
    elif event.prev_sequence != self.sequence:
      return False
    try:
      self.trimmed = self.book.apply(event.bids, event.asks)
    except ValueError:
      return False
    self.doubt = None
    self.sequence = event.sequence
    self.last = event
    return True

  def view(self, depth: int | None, *, reset: bool = False) -> OrderBook:
    """Returns the best `depth` levels of each side (None for all) as an `orderbook` snapshot with
    the times and the sequence of the last update."""
    last = self.last
    bids, asks = self.book.levels() if depth is None else self.book.top(depth)
    return OrderBook(
      exchange=last.exchange,
      symbol=last.symbol,
      market_type=last.market_type,
      expiry=last.expiry,
      ts_event=last.ts_event,
      ts_exchange=last.ts_exchange,
      ts_internal=last.ts_internal,
      seq_internal=last.seq_internal,
      simulated=last.simulated,
      bids=bids,
      asks=asks,
      depth=depth,
      sequence=self.sequence,
      is_reset=True if reset else None,
      book_id=last.book_id,
    )


def may_concern(gap: Gap, key: BookKey) -> bool:
  """Returns whether a gap names this book or leaves open which one it means."""
  return all(
    said in (None, "*") or said == ours
    for said, ours in zip((gap.exchange, gap.market_type, gap.symbol, gap.expiry), key, strict=True)
  )


def concerns(gap: Gap, key: BookKey) -> bool:
  """Returns whether a gap is surely this book's."""
  return (
    gap.channel == "orderbook" and (gap.exchange, gap.market_type, gap.symbol, gap.expiry) == key
  )
