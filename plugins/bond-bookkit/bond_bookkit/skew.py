"""How far a venue's clock is from ours."""

AHEAD_MS = 5_000
"""A venue time further ahead of our clock than this cannot be right: nothing is received before it
happens."""

BEHIND_MS = 600_000
"""One that is always further behind than this is no slow source but a wrong clock."""


class Skew:
  """How far a venue's clock is behind ours: receive time less venue time, in ms. The smallest of
  the last minute or two is the clock's part, the rest is the network's."""

  __slots__ = ("_before", "_least", "_minute")

  def __init__(self) -> None:
    self._minute = -1
    self._least = 0
    self._before: int | None = None

  def add(self, ts_ms: int, difference: int) -> None:
    """One more sample."""
    minute = ts_ms // 60_000
    if minute != self._minute:
      self._before = self._least if self._minute >= 0 else None
      self._minute, self._least = minute, difference
    elif difference < self._least:
      self._least = difference

  @property
  def ms(self) -> int | None:
    """The estimate, None before the first sample."""
    if self._minute < 0:
      return None
    return self._least if self._before is None else min(self._least, self._before)

  @property
  def out_of_bounds(self) -> bool:
    """Whether the venue's clock, or ours, must be wrong."""
    ms = self.ms
    return ms is not None and not -AHEAD_MS <= ms <= BEHIND_MS
