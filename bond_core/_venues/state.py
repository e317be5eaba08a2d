"""What every subscription to a venue has: counters, who carries it, and how it declares a loss."""

from abc import ABC, abstractmethod

from bond_core._events import Batch, Gap
from bond_core._feeds.contract import Moment, Response, Subscription

SECOND = 1_000_000_000
"""A second of the monotonic clock, which counts nanoseconds."""


class SubscriptionState(ABC):
  """The state of one subscription; it outlives connections. `name` is its topic's.

  A venue's own class writes `take` and reads `_exchange`, `_symbol`, `_market_type` and `_expiry`,
  the event fields that the instrument gives. `carriers` are the numbers of the connections that
  carry the subscription: none during an outage, two while one connection takes over from another.
  `received_ns` is when its last message came, `subscribed_ns` when it was last subscribed to (both
  monotonic ns).
  """

  numbered = False
  """Whether messages are numbered without holes, so that a lost one shows by itself."""

  def __init__(
    self, subscription: Subscription, name: str, *, silence: float | None = None
  ) -> None:
    self.subscription = subscription
    self.name = name
    self.silence = silence
    """Seconds of silence that mean death, where the venue promises a rhythm; None where it does
    not."""
    self.carriers: set[int] = set()
    self.received_ns: int | None = None
    self.subscribed_ns = 0
    self.duplicates = 0
    self.missed = 0
    self.skipped = 0
    """Messages left out because they are not what the channel means."""
    instrument = subscription.instrument
    self._exchange = instrument.exchange
    self._symbol = instrument.symbol
    self._market_type = instrument.market_type
    self._expiry = instrument.expiry

  @abstractmethod
  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Adds the events of one message to `out`, in order. Raises UNREADABLE for a message that makes
    no sense; `unreadable` is then called. Sets `received_ns`, as do `offer` and `update` of the
    kit's classes."""

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    """A connection carries the subscription; with `overlap` another one still does."""
    self.carriers.add(connection)
    if not overlap:
      self.subscribed_ns = now.mono_ns

  def on_close(self, connection: int, now_ns: int) -> None:
    """A connection no longer carries it. One that goes on may be behind."""
    self.carriers.discard(connection)

  # Most states have nothing to do here, so these two are not abstract.

  def on_response(self, response: Response, received: Moment, out: Batch) -> None:  # noqa: B027
    """The answer to a Fetch that names this subscription."""

  def on_timer(self, now: Moment, out: Batch) -> None:  # noqa: B027
    """Adds the events that are due; called about once a second."""

  def unreadable(self, cause: str, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Declares that a message of this subscription could not be read."""
    self.missed += 1
    out.append(self.gap(f"a message could not be read: {cause}", ts_ms, mono_ns, missed=1))

  def gap(
    self,
    cause: str,
    ts_ms: int,
    mono_ns: int,
    *,
    venue_from: int | None = None,
    venue_to: int | None = None,
    missed: int | None = None,
    since_ns: int | None = None,
  ) -> Gap:
    """The Gap for a loss between `since_ns` (monotonic; None: the last message) and now. `cause`
    becomes part of a sentence; `venue_from` and `venue_to` are the first and last missing number
    of the venue."""
    since = self.received_ns if since_ns is None else since_ns
    silent_ns = 0 if since is None else mono_ns - since
    return Gap(
      channel=self.subscription.channel,
      exchange=self._exchange,
      symbol=self._symbol,
      market_type=self._market_type,
      expiry=self._expiry,
      ts_event=ts_ms,
      ts_from=ts_ms - silent_ns // 1_000_000,
      ts_to=ts_ms,
      venue_from=venue_from,
      venue_to=venue_to,
      missed=missed,
      cause=cause,
      streams=[str(self.subscription)],
    )
