"""Distinguishing a quiet market from a dead feed, without I/O.

A venue that stopped sending looks the same as a market where nothing happens, unless its rhythm is
known. Each connection learns the longest silence that was normal for it; only a silence far beyond
that, or one that breaks a rhythm that the venue promises, counts as death.
"""

from enum import StrEnum


class SourceState(StrEnum):
  """The state of a source: `quiet` is healthy silence, `stale` is silence that should not be."""

  CONNECTING = "connecting"
  LIVE = "live"
  QUIET = "quiet"
  STALE = "stale"
  RECONNECTING = "reconnecting"
  REJECTED = "rejected"


class Rhythm:
  """The normal silences of one connection. Times are seconds of any steady clock."""

  FLOOR = 10.0
  CEILING = 300.0
  FACTOR = 5.0
  QUIET_AFTER = 5.0
  KNOWN_AFTER = 20
  """How often data must have come before the rhythm is known."""

  def __init__(self, now: float) -> None:
    self._last = now
    self._heard = 0
    self._longest = 0.0
    self._patience = 1.0

  @property
  def last(self) -> float:
    """When data last came."""
    return self._last

  def heard(self, now: float) -> None:
    """Data came."""
    silence = now - self._last
    if self._heard:
      # The longest silence fades slowly, so that a market that woke up is held to its new rhythm.
      self._longest = max(self._longest * 0.999, silence)
    self._heard += 1
    self._patience = 1.0
    self._last = now

  def reopened(self, now: float) -> None:
    """A new socket: its silence counts from now. If death was a mistake (a halt, not a fault), the
    next verdict takes twice as long."""
    self._last = now
    self._patience = min(self._patience * 2.0, 16.0)

  def limit(self) -> float:
    """Seconds of silence that would be too long."""
    if self._heard < self.KNOWN_AFTER:
      return self.CEILING
    normal = max(self.FLOOR, self._longest * self.FACTOR)
    return min(self.CEILING, normal * self._patience)

  def state(self, now: float) -> SourceState:
    """LIVE, QUIET or STALE."""
    silence = now - self._last
    if silence > self.limit():
      return SourceState.STALE
    return SourceState.QUIET if silence > self.QUIET_AFTER else SourceState.LIVE
