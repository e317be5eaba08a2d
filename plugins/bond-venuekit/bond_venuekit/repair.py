"""Declaring that a book broke, and pacing its repair."""

from bond_core import Batch
from bond_core.feeds import Subscription
from bond_core.venues import SECOND
from bond_venuekit.book_sync import Need

MAX_WAIT_NS = 60 * SECOND
HEALTHY_NS = 60 * SECOND
"""A book that was right for so long starts its next repair at once."""


class BookRepair:
  """When a book may be repaired: at once the first time, and while that does not help ever more
  rarely, down to once a minute. Times are monotonic ns."""

  def __init__(self, subscription: Subscription) -> None:
    self.attempts = 0
    """Repairs in a row that have not helped yet."""
    self._subscription = subscription
    self._not_before = 0
    self._right_since = 0

  def restart(self) -> None:
    """A new connection: the driver paces those, so the book need not wait beyond that."""
    self.attempts = self._not_before = self._right_since = 0

  def succeeded(self, mono_ns: int) -> None:
    """The book is right, now or since an earlier call."""
    self._right_since = self._right_since or mono_ns

  def broken(self, need: Need, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """The book needs a snapshot. Declares the loss where readers were following the book."""
    if self._right_since and mono_ns - self._right_since >= HEALTHY_NS:
      self.attempts = self._not_before = 0
    self._right_since = 0
    if need.gap:
      gap = need.declare(self._subscription.instrument, ts_ms)
      gap.ts_to = ts_ms if gap.ts_to is None else gap.ts_to
      gap.streams = [str(self._subscription)]
      out.append(gap)

  def start(self, mono_ns: int) -> bool:
    """Whether a repair may start now; then it counts as started."""
    if mono_ns < self._not_before:
      return False
    self.attempts += 1
    self._not_before = mono_ns + min(SECOND << min(self.attempts - 1, 6), MAX_WAIT_NS)
    return True
