"""Restarting what failed: full-jitter back-off, and a budget for what keeps failing."""

import random
from collections import deque

from bond_core._errors import RetryAfter, Unavailable


class Backoff:
  """Delays before the next try: a random part of a bound that doubles with each failure.

  Full jitter (a uniform draw from zero to the bound) keeps many clients from coming back in step.
  """

  def __init__(
    self, first: float = 0.5, cap: float = 30.0, *, rng: random.Random | None = None
  ) -> None:
    self.failures = 0
    self._first = first
    self._cap = cap
    self._rng = rng or random.Random()

  def delay(self) -> float:
    """Seconds to wait after one more failure."""
    bound = min(self._cap, self._first * 2.0 ** min(self.failures, 30))
    self.failures += 1
    return self._rng.uniform(0.0, bound)

  def after(self, error: Exception) -> float:
    """Seconds to wait after this error: what the other side said, else as `delay`."""
    if isinstance(error, RetryAfter):
      return error.seconds
    required = error.seconds if isinstance(error, Unavailable) else None
    return max(self.delay(), required or 0.0)

  def reset(self) -> None:
    """It worked: the next failure starts from the first bound."""
    self.failures = 0


class RestartBudget:
  """How often something may fail before it is given up: `restarts` times in `seconds`."""

  def __init__(self, restarts: int = 5, seconds: float = 60.0) -> None:
    self.restarts = restarts
    self.seconds = seconds
    self._times: deque[float] = deque()

  def spend(self, now: float) -> bool:
    """Whether one more restart at time `now` (seconds) is within the budget."""
    while self._times and self._times[0] <= now - self.seconds:
      self._times.popleft()
    self._times.append(now)
    return len(self._times) <= self.restarts
