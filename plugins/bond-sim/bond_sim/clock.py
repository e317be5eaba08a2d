"""A venue's clock: the wall's when the server started, then trio's, so that tests can drive it."""

import time
from typing import Protocol

import trio


class Clock(Protocol):
  """Tells a venue's time."""

  def now_ms(self) -> int:
    """Epoch ms."""


class VenueClock:
  """Epoch milliseconds that go on from `start_ms` (now by default) with trio's clock."""

  def __init__(self, start_ms: int | None = None) -> None:
    self._start_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
    self._started_at = trio.current_time()

  def now_ms(self) -> int:
    return self._start_ms + int((trio.current_time() - self._started_at) * 1000)
