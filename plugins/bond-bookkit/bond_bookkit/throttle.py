"""Limiting how often each of many values is shown."""

from collections.abc import Hashable
from typing import Generic, TypeVar

_STEP_BACK_MS = 10_000
"""Receive times that lie this far behind are no disorder: a clock was set back or a recording began
again, and waiting starts over from there."""

NEVER = 1 << 62
"""A time (ms) that does not come."""

Key = TypeVar("Key", bound=Hashable)


class Throttle(Generic[Key]):
  """Lets a key be shown at once if it was last shown `speed_ms` ago, else when that time has
  passed, so its final state always comes out; `speed_ms` 0 shows each change.

  Time is the greatest that was given (ms). It counts from when a key was due, so equal input gives
  equal output however punctual the timer is.
  """

  __slots__ = ("_due", "_shown", "_speed", "next", "now")

  def __init__(self, speed_ms: int) -> None:
    if speed_ms < 0:
      raise ValueError(f"speed_ms is {speed_ms}; give milliseconds between views, or 0 for all")
    self.now = 0
    self.next = NEVER
    """When the next key is due."""
    self._speed = speed_ms
    self._shown: dict[Key, int] = {}
    self._due: dict[Key, int] = {}

  def move_to(self, now_ms: int) -> bool:
    """Moves the time on to `now_ms`, unless it is later already, and returns whether a key is due
    now."""
    if now_ms > self.now:
      self.now = now_ms
      return now_ms >= self.next
    if 0 < now_ms < self.now - _STEP_BACK_MS:
      self._step_back(now_ms)
    return False

  def changed(self, key: Key) -> bool:
    """Returns whether a key that has changed should be shown at once; else it is due later."""
    shown = self._shown.get(key)
    if shown is None or self.now >= shown + self._speed:
      self._shown[key] = self.now
      return True
    if key not in self._due:
      due = self._due[key] = shown + self._speed
      self.next = min(self.next, due)
    return False

  def show(self, key: Key) -> bool:
    """Returns whether a key was waiting to be shown; it counts as shown now."""
    if key not in self._due:
      return False
    self.forget(key)
    self._shown[key] = self.now
    return True

  def take_due(self, until: int) -> list[Key]:
    """Returns the keys that are due by then, soonest first, and of those due together the one that
    changed first; they count as shown."""
    taken = [entry for entry in self._due.items() if entry[1] <= until]
    taken.sort(key=lambda entry: entry[1])
    for key, due in taken:
      del self._due[key]
      self._shown[key] = due
    self.next = min(self._due.values(), default=NEVER)
    return [key for key, _ in taken]

  def forget(self, key: Key) -> None:
    """Drops a change that waits to be shown."""
    if self._due.pop(key, None) is not None:
      self.next = min(self._due.values(), default=NEVER)

  def _step_back(self, to: int) -> None:
    self.now = to
    for key, shown in self._shown.items():
      self._shown[key] = min(shown, to)
    for key, due in self._due.items():
      self._due[key] = min(due, to + self._speed)
    self.next = min(self._due.values(), default=NEVER)
