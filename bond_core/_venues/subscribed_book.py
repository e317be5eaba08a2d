"""Books whose snapshots come on the stream: each subscription and each repair begins with one."""

from collections.abc import Callable

from bond_core._books.book import Book
from bond_core._books.sequence import SequenceRule
from bond_core._books.sync import BookSync, Update
from bond_core._events import Batch
from bond_core._feeds.contract import Moment, Subscription
from bond_core._venues.state import SECOND, SubscriptionState

SNAPSHOT_WITHIN_NS = 20 * SECOND
"""A venue sends a snapshot right after it has confirmed a subscription."""

MAX_BACKOFF_NS = 60 * SECOND
HEALTHY_NS = 60 * SECOND
"""A book that held for so long starts its next repair at once."""


class SubscribedBook(SubscriptionState):
  """The book of one instrument. When its chain breaks the loss is declared and `renew` is called
  with the stream's name, to leave it and subscribe anew: at once the first time, and while it does
  not help ever more rarely, down to once a minute.

  A venue's own class reads a message and calls `update`.
  """

  numbered = True

  def __init__(
    self,
    subscription: Subscription,
    name: str,
    renew: Callable[[str], None],
    rule: SequenceRule | None,
  ) -> None:
    super().__init__(subscription, name)
    self._renew = renew
    self._sync = BookSync(subscription.instrument, rule)
    self._attempts = 0
    self._not_before = 0
    self._asked_ns = 0
    self._good_since = 0
    # A renewal is due that came too early.
    self._owed = False

  @property
  def synced(self) -> bool:
    """Whether the book is known and right."""
    return not self._sync.needs_snapshot

  def opened(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().opened(connection, overlap=overlap, now=now)
    if overlap:
      return
    # The driver paces reconnects; a book need not wait beyond that.
    self._attempts = self._not_before = self._good_since = 0
    self._owed = False
    self._sync.restart("the connection was lost")
    # The driver has declared the outage, and a first start is none.
    self._sync.take_need()
    self._asked_ns = now.mono_ns

  def keep(self, rule: SequenceRule | None, book: Book) -> None:
    """Begins with an empty book of another kind, for a venue whose snapshot tells which."""
    resyncs = self._sync.resyncs
    self._sync = BookSync(self.subscription.instrument, rule, book)
    self._sync.resyncs = resyncs
    self._sync.take_need()

  def update(self, update: Update, out: Batch, *, snapshot: bool) -> None:
    """Lets out what an update proves right."""
    mono_ns = self.heard = update.ts_internal or 0
    sync = self._sync
    if not snapshot:
      out += sync.on_delta(update)
    else:
      # While one connection follows another, the second one's snapshot may be older than the chain.
      out += sync.on_snapshot(update, in_stream=len(self.carriers) < 2)
      if self.synced and not self._good_since:
        self._good_since, self._owed = mono_ns, False
    if sync.needs_snapshot:
      self._lacking(update.ts_event, mono_ns, out)

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    self.missed += 1
    self._sync.restart(f"a message could not be read: {cause}")
    self._lacking(ts_ms, mono_ns, out)

  def due(self, now: Moment, out: Batch) -> None:
    if not self._sync.needs_snapshot or not self.carriers:
      return
    if self._owed or now.mono_ns - self._asked_ns >= SNAPSHOT_WITHIN_NS:
      self._ask(now.mono_ns)

  def _lacking(self, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares the loss if there is one to declare, and asks for a snapshot once."""
    need = self._sync.take_need()
    if need is None:
      return  # It is on its way.
    if self._good_since and mono_ns - self._good_since >= HEALTHY_NS:
      self._attempts = self._not_before = 0
    self._good_since = 0
    if need.gap:
      gap = need.declare(self.subscription.instrument, ts_ms)
      gap.ts_to = ts_ms if gap.ts_to is None else gap.ts_to
      gap.streams = [str(self.subscription)]
      out.append(gap)
    self._owed = True
    self._ask(mono_ns)

  def _ask(self, mono_ns: int) -> None:
    if mono_ns < self._not_before:
      return
    self._owed = False
    self._attempts += 1
    self._asked_ns = mono_ns
    self._not_before = mono_ns + min(SECOND << min(self._attempts - 1, 6), MAX_BACKOFF_NS)
    self._renew(self.name)
