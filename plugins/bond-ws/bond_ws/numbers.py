"""Numbers that grow by one: those that are missing are lost messages."""

from collections.abc import Hashable

MOST_SERIES = 10_000


class Numbers:
  """The last number of each series on one connection; a new connection begins anew."""

  def __init__(self) -> None:
    self._last: dict[Hashable, int] = {}

  def skipped(self, series: Hashable, number: int) -> range:
    """The numbers of a series that are missing before this one; none where it is lower than the
    last, which is a restart or a repetition."""
    last = self._last.pop(series, number)
    if len(self._last) >= MOST_SERIES:
      del self._last[next(iter(self._last))]
    self._last[series] = number
    return range(last + 1, number)
