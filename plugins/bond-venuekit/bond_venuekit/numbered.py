"""Subscriptions whose messages are numbered or ordered: when is a lower number a new numbering?"""

from typing import Any

from bond_core.feeds import Moment, Subscription
from bond_core.venues import SECOND, SubscriptionState

STALE_IN_A_ROW = 100
"""Messages that are not new, in a row and on one connection, after which the venue must have
started a new numbering, also where it repeats some."""

REPEATS_NS = 10 * SECOND
"""So long after a connection opened, or one of two closed, what is not new may be a repeat."""

LEAP = 1_000_000
"""No message, and no outage that went unnoticed, leaves out so many numbers, or ms. A number that
is further ahead is not believed by itself: another one has to follow it."""


def witnesses(before: float | None, newest: float, number: float) -> int:
  """How many messages such as `number` in a row show that `newest`, which is a leap ahead, was
  wrong: one where it goes on from `before`, the number before the newest, else two; 0 where there
  is no leap."""
  if newest - number <= LEAP:
    return 0
  return 1 if before is not None and 0 < number - before <= LEAP else 2


class NumberedState(SubscriptionState):
  """The state of a subscription whose messages have an order of the venue's own."""

  def __init__(
    self, subscription: Subscription, name: str, *, silence: float | None = None
  ) -> None:
    super().__init__(subscription, name, silence=silence)
    self.stale_in_a_row = 0
    self._stale_after: Any = None
    self._stale: Any = None
    self._ascending = 0
    self._far = 0
    self._repeats_until_ns = 0

  def on_open(self, connection: int, *, overlap: bool, now: Moment) -> None:
    super().on_open(connection, overlap=overlap, now=now)
    if not overlap:
      self._repeats_until_ns = now.mono_ns + REPEATS_NS
      self._stale_after = None

  def on_close(self, connection: int, now_ns: int) -> None:
    if connection in self.carriers:
      self._repeats_until_ns = now_ns + REPEATS_NS
    super().on_close(connection, now_ns)

  def numbering_restarted(
    self,
    newest: Any,
    number: Any,
    mono_ns: int,
    *,
    counted: bool = True,
    needed: int = 0,
  ) -> bool:
    """Counts a message whose number is not newer than `newest`; true when the venue must have
    started a new numbering, or `newest` was wrong.

    With one connection TCP repeats nothing, so the third lower number in a row is one where they go
    up again, if the venue has `counted` them: times may go back for a moment. Soon after a
    connection opened, or another one closed, it takes a hundred; with two connections it is none.
    Where `witnesses` says how many are needed, so many do, on any number of connections.
    """
    self.duplicates += 1
    if newest != self._stale_after:
      self._stale_after, self._stale, self.stale_in_a_row, self._far = newest, None, 0, 0
    goes_up = self._stale is not None and self._stale < number < newest
    self._ascending = self._ascending + 1 if goes_up else 0
    self._stale = number
    self.stale_in_a_row += 1
    self._far = self._far + 1 if needed and (goes_up or not self._far) else 0
    if needed and self._far >= needed:
      return True
    if len(self.carriers) > 1:
      return False
    if self.stale_in_a_row >= STALE_IN_A_ROW:
      return True
    return counted and self._ascending >= 2 and mono_ns >= self._repeats_until_ns
