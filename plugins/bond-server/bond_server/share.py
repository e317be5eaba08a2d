"""A share of the event loop's time, for what somebody from outside made."""

import time
from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")

SHARE = 1 / 3
BURST = 0.1
"""Seconds that may be spent at once."""

LATE_MS, LATE_FOR = 3000, 10.0
"""What is so late for so many seconds will not catch up."""


class Share:
  """Measures turns of work, and has the worker rest where it takes more than its share."""

  def __init__(self) -> None:
    self._left = BURST
    self._at = trio.current_time()
    self._late_since: float | None = None
    self._began = 0.0

  def begin(self) -> None:
    """A turn begins."""
    # Not the time on the wall: what else runs on the machine is not the worker's.
    self._began = time.thread_time()

  async def rest(self) -> None:
    """Ends a turn; returns when the next may begin."""
    now = trio.current_time()
    left = min(BURST, self._left + SHARE * (now - self._at))
    self._left, self._at = left - (time.thread_time() - self._began), now
    if self._left < 0:
      await trio.sleep(-self._left / SHARE)

  def measured(self, work: Callable[[T], None]) -> Callable[[T], None]:
    """The same work, of which the next rest takes account."""

    def run(given: T) -> None:
      began = time.thread_time()
      work(given)
      self._left -= time.thread_time() - began

    return run

  def overdue(self, late_ms: int) -> str | None:
    """Why the work cannot go on: it has been too late for too long; `late_ms` is how late it is."""
    now = trio.current_time()
    if late_ms < LATE_MS:
      self._late_since = None
    elif self._late_since is None:
      self._late_since = now
    if self._late_since is None or now - self._late_since <= LATE_FOR:
      return None
    return (
      "ended: it makes more than a third of this server's time is enough for, and was "
      f"{LATE_MS} ms late for {LATE_FOR:.0f} s; take longer windows, or fewer of them or of their "
      "symbols"
    )
