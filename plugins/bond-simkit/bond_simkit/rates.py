"""A venue's published limit: so many of something within so many seconds."""

from collections import deque
from collections.abc import Hashable

import trio


class RateMeter:
  """Counts what each key (a client's address, say) does within a sliding window of `seconds`."""

  def __init__(self, limit: int, seconds: float) -> None:
    self.limit = limit
    self.seconds = seconds
    self._times: dict[Hashable, deque[float]] = {}

  def admit(self, key: Hashable = None, *, now: float | None = None) -> bool:
    """Counts one event at `now` (seconds, default: trio's clock); false where the key is above its
    limit. A refused event counts too."""
    if now is None:
      now = trio.current_time()
    times = self._times.get(key)
    if times is None:
      times = self._times[key] = deque(maxlen=self.limit + 1)
    while times and times[0] <= now - self.seconds:
      times.popleft()
    times.append(now)
    return len(times) <= self.limit
