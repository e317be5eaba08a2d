"""The same property for counts: how many posts each minute had."""

from collections.abc import Iterable
from typing import Any

import trio

from bond_core import Gap, Post
from bond_core._sources.source import SourceReader
from tests.chaos.items import ItemTruth
from tests.chaos.judge import Judge, Violation
from tests.chaos.world import START_MS

MINUTE_MS = 60_000
WITHIN = 100.0
"""Seconds after a minute within which its count is told: it is settled after 30, and asked for
every 60."""


class CountJudge(Judge):
  """Reads what was told: each whole minute once, in order, with the venue's number."""

  def __init__(
    self, exchange: str, truth: ItemTruth, withheld: Iterable[bytes], *, numbered: bool
  ) -> None:
    super().__init__(exchange)
    self._truth = truth
    self._last: int | None = None
    self._gapped = False

  def take(self, event: Any) -> None:
    if isinstance(event, Gap):
      self._gapped = True
    elif isinstance(event, Post):
      self._minute(event)

  def wrong(self, readers: list[SourceReader]) -> str | None:
    """The minute that is missing; None where none is."""
    now = START_MS + round(trio.current_time() * 1000)
    first = START_MS // MINUTE_MS if self._last is None else self._last // MINUTE_MS + 1
    late = (first + 1) * MINUTE_MS + WITHIN * 1000 < now
    return f"the minute {first * MINUTE_MS} was not told" if late or self._last is None else None

  def _minute(self, event: Post) -> None:
    start = event.ts_exchange
    if start is None or start % MINUTE_MS:
      raise Violation(self.at, f"{start} is no minute")
    if self._last is not None and start != self._last + MINUTE_MS:
      if start <= self._last:
        raise Violation(self.at, f"the minute {start} is told after {self._last}")
      if not self._gapped:
        raise Violation(self.at, f"minutes between {self._last} and {start} are missing")
    ends = [START_MS + round(at * 1000) for at in self._truth.since]
    true = sum(start <= at < start + MINUTE_MS for at in ends)
    if event.count != true:
      raise Violation(self.at, f"{event.count} posts in the minute {start}, the venue's {true}")
    self._last, self._gapped = start, False
