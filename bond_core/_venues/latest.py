"""Streams that tell a state, such as statistics, funding or candles: of two messages the newer one
counts; one that is not newer than the last is left out, as a second connection sends it during a
change-over."""

from collections.abc import Callable
from typing import Any, TypeAlias

from bond_core._events import AnyEvent, Batch
from bond_core._feeds.contract import Subscription
from bond_core._venues.state import SubscriptionState

Order: TypeAlias = tuple[float, ...]
"""What tells a stream's messages apart and which is newer."""

ReadLatest: TypeAlias = Callable[[bytes, dict[str, Any]], tuple[Order, AnyEvent]]
"""(message, the event's fields that do not depend on it) → its order, its event."""


class LatestValue(SubscriptionState):
  """One state. A venue's own class reads a message and calls `tell` for each state in it."""

  def __init__(self, subscription: Subscription, name: str) -> None:
    super().__init__(subscription, name)
    self._last: Order = ()
    self._fixed = {
      "exchange": self._exchange,
      "symbol": self._symbol,
      "market_type": self._market_type,
      "expiry": self._expiry,
    }

  def fixed(self, ts_ms: int, mono_ns: int) -> dict[str, Any]:
    """The event's fields that do not depend on the message."""
    return {**self._fixed, "ts_event": ts_ms, "ts_internal": mono_ns}

  def tell(self, order: Order, event: AnyEvent, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Lets a state out if it is newer than the last."""
    self.heard = mono_ns
    if order == self._last:
      self.duplicates += 1
      return
    if order < self._last:
      if not self.began_anew(self._last):
        return
      cause = "the venue's times went back"
      out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
    self._last = order
    out.append(event)


class LatestFromMessage(LatestValue):
  """One state in each message; `read` makes its event."""

  def __init__(self, subscription: Subscription, name: str, read: ReadLatest) -> None:
    super().__init__(subscription, name)
    self._read = read

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    order, event = self._read(frame, self.fixed(ts_ms, mono_ns))
    self.tell(order, event, ts_ms, mono_ns, out)
