"""Distinguishing a quiet market from a dead feed, without I/O.

A venue that stopped sending looks the same as a market where nothing happens, unless its rhythm is
known. Each slot learns the longest silence that was normal for it, over all its connections; one
far beyond that is looked into. Only a connection that answers no ping, or breaks a rhythm that the
venue promises, counts as dead.
"""

from enum import StrEnum


class SourceState(StrEnum):
  """The state of a source: `quiet` is healthy silence, `stale` is silence that should not be,
  `unavailable` what is refused for now and looked at again."""

  CONNECTING = "connecting"
  LIVE = "live"
  QUIET = "quiet"
  STALE = "stale"
  RECONNECTING = "reconnecting"
  UNAVAILABLE = "unavailable"
  REJECTED = "rejected"


class Rhythm:
  """The normal silences of a slot. Times are seconds of any steady clock."""

  FLOOR = 10.0
  UNKNOWN = 300.0
  """The limit while the rhythm is not known."""
  FACTOR = 5.0
  QUIET_AFTER = 5.0
  KNOWN_AFTER = 10
  """How often data must have come before the rhythm is known."""

  def __init__(self, now: float) -> None:
    self._last = now
    self._heard = 0
    self._longest = 0.0

  @property
  def last(self) -> float:
    """When data last came."""
    return self._last

  def heard(self, now: float) -> None:
    """Data came."""
    if self._heard:
      # The longest silence fades slowly, so that a market that woke up is held to its new rhythm.
      self._longest = max(self._longest * 0.999, now - self._last)
    self._heard += 1
    self._last = now

  def reopened(self, now: float) -> None:
    """A new socket: its silence counts from now."""
    self._last = now

  def answered(self, now: float) -> None:
    """A ping was answered in a silence beyond the limit: it is the market's, and normal so far."""
    self._longest = max(self._longest, now - self._last)

  def limit(self) -> float:
    """Seconds of silence that would be too long."""
    least = self.UNKNOWN if self._heard < self.KNOWN_AFTER else self.FLOOR
    return max(least, self._longest * self.FACTOR)

  def state(self, now: float) -> SourceState:
    """LIVE, QUIET or STALE."""
    silence = now - self._last
    if silence > self.limit():
      return SourceState.STALE
    return SourceState.QUIET if silence > self.QUIET_AFTER else SourceState.LIVE
