"""Subscriptions that report a state, such as statistics, funding or candles: of two messages the
newer one counts. One that is not newer than the last is left out, as a second connection sends it
while it takes over from the first."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from bond_core import AnyEvent, Batch
from bond_core.feeds import Moment, Subscription
from bond_core.venues import UNREADABLE
from bond_venuekit.apart import take_apart
from bond_venuekit.numbered import NumberedState, witnesses

Order: TypeAlias = tuple[float, ...]
"""Tells messages of a subscription apart, and which is newer: the greater one."""

ReadLatest: TypeAlias = Callable[[bytes, dict[str, Any]], Iterable[tuple[Order, AnyEvent]]]
"""(message, the event fields that do not depend on it) → each state in it: its order, its event."""


class LatestValue(NumberedState):
  """The latest state of one subscription; `read` makes its events. Their order is a time, or a
  number that the venue has `counted`."""

  def __init__(
    self,
    subscription: Subscription,
    name: str,
    read: ReadLatest,
    *,
    silence: float | None = None,
    counted: bool = False,
  ) -> None:
    super().__init__(subscription, name, silence=silence)
    self._read = read
    self._counted = counted
    self._last: Order = ()
    self._before: float | None = None
    self._common: dict[str, Any] = {
      "exchange": self._exchange,
      "symbol": self._symbol,
      "market_type": self._market_type,
      "expiry": self._expiry,
    }

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if self._counted and not overlap:
      # A new connection may have a new numbering.
      self._last, self._before = (), None

  def take(self, frame: bytes, ts_ms: int, mono_ns: int, out: Batch) -> None:
    common = {**self._common, "ts_event": ts_ms, "ts_internal": mono_ns}
    try:
      # All of it before the first goes out: what is taken apart must not come twice.
      found = list(self._read(frame, common))
    except UNREADABLE as exc:
      take_apart(self, frame, exc, ts_ms, mono_ns, out)
      return
    for order, event in found:
      self._offer(order, event, ts_ms, mono_ns, out)

  def _offer(self, order: Order, event: AnyEvent, ts_ms: int, mono_ns: int, out: Batch) -> None:
    """Lets a state out if it is newer than the last."""
    self.received_ns = mono_ns
    if order == self._last:
      self.duplicates += 1
      return
    if order < self._last:
      last, counted = self._last, self._counted
      needed = witnesses(self._before, last[0], order[0])
      if not self.numbering_restarted(last, order, mono_ns, counted=counted, needed=needed):
        return
      self._last = ()
      what = "numbers" if self._counted else "times"
      cause = f"the venue's {what} went back"
      out.append(self.gap(cause, ts_ms, mono_ns, missed=self.stale_in_a_row - 1))
    self._before, self._last = (self._last[0] if self._last else None), order
    out.append(event)


class LatestCandles(LatestValue):
  """The candles of one length; their order is (start, closed, what grows). The end of one may come
  behind the beginning of the next, and may be corrected: it is an event all the same."""

  _ended: Order = ()
  """The order of the last event of the candle before the newest."""

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if not overlap:
      self._ended = ()

  def _offer(self, order: Order, event: AnyEvent, ts_ms: int, mono_ns: int, out: Batch) -> None:
    if self._is_of_ended(order[0]) and order[1] and order > self._ended:
      self._ended, self.received_ns = order, mono_ns
      out.append(event)
      return
    if self._last and order[0] > self._last[0]:
      self._ended = self._last
    super()._offer(order, event, ts_ms, mono_ns, out)

  def _is_of_ended(self, start: float) -> bool:
    """Whether a candle is the one before the newest."""
    return bool(self._ended) and start == self._ended[0] < self._last[0]
