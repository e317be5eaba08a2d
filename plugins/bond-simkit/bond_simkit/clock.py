"""A venue's clock: wall time at the start, then trio's clock, so that tests can drive it."""

import time
from typing import Protocol

import trio


class VenueTime(Protocol):
  """Anything that gives a venue's time; `VenueClock` does, and a test can."""

  def now_ms(self) -> int:
    """Epoch ms."""


class VenueClock:
  """Epoch milliseconds that advance from `start_ms` (default: now, and `ahead` seconds more) with
  trio's clock."""

  def __init__(self, start_ms: int | None = None, *, ahead: float = 0.0) -> None:
    begin = time.time_ns() // 1_000_000 if start_ms is None else start_ms
    self._start_ms = begin + int(ahead * 1000)
    self._started_at = trio.current_time()

  def now_ms(self) -> int:
    return self._start_ms + int((trio.current_time() - self._started_at) * 1000)
