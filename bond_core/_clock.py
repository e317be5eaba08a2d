"""Time as the core sees it: one small object that tests and replays can drive."""

import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(time: datetime | float | str, per_second: int = 1_000) -> int:
  """Whole epoch milliseconds of a moment (one without a zone is UTC), or of a number of which there
  are so many a second. The rest is cut off, by the decimals as they are written, so that a time is
  the same wherever it is read. Raises ValueError for what is no such number."""
  if isinstance(time, datetime):
    return (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)
  # The exact value of a text such as 1e999999999 would fill the memory.
  if not abs(float(time)) < 1e40:
    raise ValueError(f"{time!r:.60} is no time")
  number = time if isinstance(time, int) else Fraction(str(time))
  return int(number * 1_000 // per_second)


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
