"""Time as the core sees it: one small object that tests and replays can drive."""

import time
from typing import Protocol


class Clock(Protocol):
  """The source of receive times; everything that stamps an event reads one."""

  def now_ms(self) -> int:
    """Epoch milliseconds."""

  def mono_ns(self) -> int:
    """Nanoseconds of a clock that never goes back."""


class SystemClock:
  """The machine's clocks."""

  def now_ms(self) -> int:
    return time.time_ns() // 1_000_000

  def mono_ns(self) -> int:
    return time.monotonic_ns()


class DataClock:
  """The time of the data itself: it stands where the newest event put it. A recording played
  through a pipeline moves this clock, so that equal input gives equal output at any speed."""

  def __init__(self, start_ms: int = 0) -> None:
    self._now_ms = start_ms

  def now_ms(self) -> int:
    return self._now_ms

  def mono_ns(self) -> int:
    return self._now_ms * 1_000_000

  def advance(self, to_ms: int) -> None:
    """Moves to `to_ms`; never back."""
    self._now_ms = max(self._now_ms, to_ms)
