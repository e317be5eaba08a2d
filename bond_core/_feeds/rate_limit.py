"""Keeping a venue's published rates."""

from collections import deque
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

JITTER = 0.25
"""Seconds. So much closer together than sent may messages arrive; venues count arrivals."""


def retry_after(headers: Mapping[str, str]) -> float | None:
  """The seconds that an answer says to wait, an hour at most; None where it says nothing."""
  text = headers.get("retry-after", "")
  if text.isascii() and text.isdigit():
    return min(float(text), 3600.0)
  try:
    # By the other side's clock, which its own Date shows.
    wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
  except (ValueError, TypeError):
    return None
  return min(max(wait.total_seconds(), 0.0), 3600.0)


class RateLimit:
  """At most `count` units in any `seconds`, over a sliding window. It has no clock: the caller
  brings the time in seconds."""

  def __init__(self, count: float, seconds: float) -> None:
    self.count = count
    self.seconds = seconds
    self._spent: deque[tuple[float, float]] = deque()
    self._total = 0.0
    self._blocked_until = 0.0

  def delay(self, now: float, units: float = 1.0) -> float:
    """Seconds until `units` more may be spent; 0 for now."""
    while self._spent and self._spent[0][0] <= now - self.seconds:
      self._total -= self._spent.popleft()[1]
    blocked = max(0.0, self._blocked_until - now)
    over = self._total + min(units, self.count) - self.count
    if over <= 0:
      return blocked
    for when, spent in self._spent:
      over -= spent
      if over <= 0:
        return max(blocked, when + self.seconds - now)
    return max(blocked, self.seconds)

  def spend(self, now: float, units: float = 1.0) -> None:
    """Notes that `units` were spent."""
    self._spent.append((now, units))
    self._total += units

  def block(self, until: float) -> None:
    """Nothing may be spent before `until`, whatever the window says: the venue required it."""
    self._blocked_until = max(self._blocked_until, until)
