"""Order books: depth updates joined to a REST snapshot by the venue's recipe.

Sources: Spot "How to manage a local order book correctly", USD-M "How to manage a local order book
correctly"; the sequence rules themselves are bond_venuekit's `contiguous` and `linked_ranges`.
"""

from bond_venuekit import FetchedBook, Ids, SnapshotSource, Update, contiguous, linked_ranges

from bond_binance.contracts import Worth, levels_in_base
from bond_binance.endpoints import SNAPSHOT_LEVELS, SNAPSHOT_WEIGHT, Connection
from bond_binance.messages import decode_depth, decode_snapshot
from bond_binance.refusals import is_final, reason
from bond_binance.symbols import SPOT, market_of, venue_symbol
from bond_core import Batch, Instrument
from bond_core.feeds import Subscription
from bond_core.venues import FeedControl


class BookState(FetchedBook):
  """The book of one instrument, changed every 100 ms. `worth` is for sizes in contracts."""

  def __init__(
    self,
    subscription: Subscription,
    name: str,
    feed: FeedControl,
    snapshots: SnapshotSource,
    worth: Worth | None = None,
  ) -> None:
    rule = contiguous if market_of(subscription.instrument) == SPOT else linked_ranges
    super().__init__(subscription, name, feed, rule, snapshots)
    self._worth = worth

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    depth = decode_depth(frame).data
    if depth.last < depth.first:
      raise ValueError(f"updates {depth.first} to {depth.last} are no range")
    bids, asks = depth.bids, depth.asks
    if self._worth is not None:
      bids, asks = (levels_in_base(side, self._worth()) for side in (bids, asks))
    self.update(
      Update(
        bids=bids,
        asks=asks,
        ids=Ids(depth.last, depth.first, depth.previous),
        ts_event=ts_ms,
        ts_exchange=depth.sent if depth.time is None else depth.time,
        ts_internal=mono_ns,
      ),
      out,
    )


def snapshots_of(
  instrument: Instrument, connection: Connection, worth: Worth | None = None
) -> SnapshotSource:
  """Where the snapshots of an instrument's book are."""
  market = market_of(instrument)

  def read(body: bytes) -> Update:
    update = read_snapshot(body)
    if worth is not None:
      update.bids = levels_in_base(list(update.bids), worth())
      update.asks = levels_in_base(list(update.asks), worth())
    return update

  return SnapshotSource(
    url=connection.snapshot(market, venue_symbol(instrument)),
    group=market,
    weight=SNAPSHOT_WEIGHT[market],
    levels=SNAPSHOT_LEVELS,
    read=read,
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
