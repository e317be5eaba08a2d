"""Order books: depth updates joined to a REST snapshot by the venue's recipe.

Sources: Spot "How to manage a local order book correctly", USD-M "How to manage a local order book
correctly"; the sequence rules themselves are bond_venuekit's `contiguous` and `linked_ranges`.
"""

from bond_venuekit import FetchedBook, Ids, SnapshotSource, Update, contiguous, linked_ranges

from bond_binance.endpoints import SNAPSHOT_LEVELS, SNAPSHOT_WEIGHT, Connection
from bond_binance.messages import decode_depth, decode_snapshot
from bond_binance.refusals import is_final, reason
from bond_binance.symbols import USDM, market_of, venue_symbol
from bond_core import Batch, Instrument
from bond_core.feeds import Subscription
from bond_core.venues import FeedControl


class BookState(FetchedBook):
  """The book of one instrument, changed every 100 ms."""

  def __init__(
    self, subscription: Subscription, name: str, feed: FeedControl, snapshots: SnapshotSource
  ) -> None:
    rule = linked_ranges if market_of(subscription.instrument) == USDM else contiguous
    super().__init__(subscription, name, feed, rule, snapshots)

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    depth = decode_depth(frame).data
    if depth.last < depth.first:
      raise ValueError(f"updates {depth.first} to {depth.last} are no range")
    self.update(
      Update(
        bids=depth.bids,
        asks=depth.asks,
        ids=Ids(depth.last, depth.first, depth.previous),
        ts_event=ts_ms,
        ts_exchange=depth.sent if depth.time is None else depth.time,
        ts_internal=mono_ns,
      ),
      out,
    )


def snapshots_of(instrument: Instrument, connection: Connection) -> SnapshotSource:
  """Where the snapshots of an instrument's book are."""
  market = market_of(instrument)
  return SnapshotSource(
    url=connection.snapshot(market, venue_symbol(instrument)),
    group=market,
    weight=SNAPSHOT_WEIGHT[market],
    levels=SNAPSHOT_LEVELS,
    read=read_snapshot,
    explain=reason,
    final=is_final,
  )


def read_snapshot(body: bytes) -> Update:
  """The book in an answer of GET depth."""
  snapshot = decode_snapshot(body)
  return Update(
    bids=snapshot.bids,
    asks=snapshot.asks,
    ids=Ids(snapshot.last),
    ts_exchange=snapshot.time,
  )
