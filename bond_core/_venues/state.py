"""One stream of a venue: the state that every kind of subscription has."""

from bond_core._events import Batch, Gap
from bond_core._feeds.contract import Moment, Subscription

SECOND = 1_000_000_000
"""A second of the monotonic clock, which counts nanoseconds."""

STALE_IN_A_ROW = 100
"""Numbers that are not new, in a row and on one connection, after which the venue must have begun
to count anew; TCP repeats nothing."""


class SubscriptionState:
  """The state of one subscription; it outlives connections. `name` is the venue's name of it, and
  `prefix` what each of its messages begins with, where that tells streams apart.

  `carriers` are the connections that carry it: none while it is cut off, two while one follows the
  other. `heard` is when it last delivered (monotonic ns), `since` when it was last asked for.
  """

  numbered = False
  """Whether each message is numbered, so that a lost one shows by itself."""

  steady: float | None = None
  """Seconds of silence that this stream never has, where the venue promises a rhythm."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    self.subscription = subscription
    self.name = name
    self.prefix = b""
    self.carriers: set[int] = set()
    self.heard: int | None = None
    self.since = 0
    self.duplicates = 0
    self.missed = 0
    self.skipped = 0
    """Messages left out because they are not what the channel means."""
    self.stale_in_a_row = 0
    self._stale_from: object = None
    instrument = subscription.instrument
    self._exchange = instrument.exchange
    self._symbol = instrument.symbol
    self._market_type = instrument.market_type
    self._expiry = instrument.expiry

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the events of one message. Raises UNREADABLE for a message that makes no sense."""
    raise NotImplementedError

  def opened(self, connection: int, *, overlap: bool, now: Moment) -> None:
    """A connection carries the stream; without `overlap` nothing carried it before."""
    self.carriers.add(connection)
    if not overlap:
      self.since = now.mono_ns

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """A message of this stream could not be read."""
    self.missed += 1
    out.append(self.gap(f"a message could not be read: {cause}", ts_ms, mono_ns, missed=1))

  def due(self, now: Moment, out: Batch) -> None:
    """Adds what time alone brings."""

  def gap(
    self,
    cause: str,
    ts_ms: int,
    mono_ns: int,
    *,
    venue_from: int | None = None,
    venue_to: int | None = None,
    missed: int | None = None,
    since: int | None = None,
  ) -> Gap:
    """Declares a loss between `since` (monotonic ns), or the last message, and now."""
    good = self.heard if since is None else since
    heard = mono_ns if good is None else good
    return Gap(
      channel=self.subscription.channel,
      exchange=self._exchange,
      symbol=self._symbol,
      market_type=self._market_type,
      expiry=self._expiry,
      ts_event=ts_ms,
      ts_from=ts_ms - (mono_ns - heard) // 1_000_000,
      ts_to=ts_ms,
      venue_from=venue_from,
      venue_to=venue_to,
      missed=missed,
      cause=cause,
      streams=[str(self.subscription)],
    )

  def began_anew(self, newest: object) -> bool:
    """Counts a message that is not newer than `newest`. True when there were so many in a row that
    the venue must be counting anew."""
    self.duplicates += 1
    if newest != self._stale_from:
      self._stale_from, self.stale_in_a_row = newest, 0
    self.stale_in_a_row += 1
    return self.stale_in_a_row >= STALE_IN_A_ROW and len(self.carriers) < 2
