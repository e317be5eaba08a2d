"""Books whose snapshots come on the connection: each subscription starts with one, so does each
repair."""

from bond_core import Batch, Gap
from bond_core.books import Book
from bond_core.feeds import Moment, Subscription
from bond_core.venues import SECOND, FeedControl, SubscriptionState
from bond_venuekit.book_sync import BookSync, Update
from bond_venuekit.numbered import LEAP
from bond_venuekit.repair import BookRepair
from bond_venuekit.sequence import SequenceRule

SNAPSHOT_WITHIN_NS = 20 * SECOND
"""A venue sends a snapshot right after it has confirmed a subscription."""


class SubscribedBook(SubscriptionState):
  """The book of one instrument. When its chain breaks the loss is declared and the feed renews the
  subscription: it unsubscribes and subscribes again.

  A venue's own class decodes a message in `take` and calls `update`. `rule` says how the venue
  numbers its updates; None where it does not number them.
  """

  numbered = True

  def __init__(
    self,
    subscription: Subscription,
    name: str,
    feed: FeedControl,
    rule: SequenceRule | None,
  ) -> None:
    super().__init__(subscription, name)
    self._feed = feed
    self._rule = rule
    self._sync = BookSync(subscription.instrument, rule)
    self._repair = BookRepair(subscription)
    self._renewed_ns = 0
    # A renewal is due that came too early.
    self._renewal_due = False

  @property
  def synced(self) -> bool:
    """Whether the book is known and right."""
    return not self._sync.needs_snapshot

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if overlap:
      return
    self._repair.restart()
    self._renewal_due = False
    self._sync.restart("the connection was lost")
    # The driver has declared the outage, and a first start is no loss.
    self._sync.take_need()
    self._renewed_ns = now.mono_ns

  def start_book(self, rule: SequenceRule | None, book: Book) -> None:
    """Starts over with an empty book of another kind, for a venue whose snapshot shows which."""
    resyncs, self._rule = self._sync.resyncs, rule
    self._sync = BookSync(self.subscription.instrument, rule, book)
    self._sync.resyncs = resyncs
    self._sync.take_need()

  def update(self, update: Update, out: Batch, *, snapshot: bool) -> None:
    """Adds to `out` what an update proves right: `update` is a whole book where it is a `snapshot`,
    else the levels that changed. Its `ts_event` and `ts_internal` are the times of `take`."""
    self.received_ns = update.ts_internal
    sync = self._sync
    if not snapshot:
      events = sync.on_delta(update)
    else:
      # While one connection takes over from another, its snapshot may be older than the chain.
      chain = sync.sequence if self.synced else None
      events = sync.on_snapshot(update, in_stream=len(self.carriers) < 2)
      if chain is not None and events and chain != sync.sequence and self._rule is not None:
        out.append(self._missed(chain, sync.sequence, update))
      if self.synced:
        self._repair.succeeded(update.ts_internal or 0)
        self._renewal_due = False
    out += events
    if sync.needs_snapshot:
      self._on_broken(update.ts_event, update.ts_internal or 0, out)

  def _missed(self, before: int, after: int, update: Update) -> Gap:
    """The Gap for changes that a snapshot contains and that never came."""
    cause = f"deltas between {before} and {after} did not come before another snapshot"
    known = 0 < after - before <= LEAP
    return self.gap(
      cause if after > before else f"the book went back from {before} to {after}",
      update.ts_event,
      update.ts_internal or 0,
      venue_from=before + 1 if known else None,
      venue_to=after if known else None,
    )

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.missed += 1
    self.begin_anew(f"a message could not be read: {cause}", ts_ms, mono_ns, out)

  def begin_anew(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares that the book cannot go on from what it is, and renews the subscription."""
    self._sync.spoil(cause)
    self._on_broken(ts_ms, mono_ns, out)

  def on_timer(self, now: Moment, out: Batch) -> None:
    if self.synced or not self.carriers:
      return
    if self._renewal_due or now.mono_ns - self._renewed_ns >= SNAPSHOT_WITHIN_NS:
      self._renew(now.mono_ns)

  def _on_broken(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares the loss if there is one to declare, and renews the subscription once."""
    need = self._sync.take_need()
    if need is None:
      return  # The snapshot is on its way.
    self._repair.broken(need, ts_ms, mono_ns, out)
    self._renewal_due = True
    self._renew(mono_ns)

  def _renew(self, mono_ns: int) -> None:
    if self._repair.start(mono_ns):
      self._renewal_due = False
      self._renewed_ns = mono_ns
      self._feed.renew(self.subscription)
