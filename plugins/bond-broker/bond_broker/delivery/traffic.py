"""Traffic of the broker: rates, latencies and losses, from figures that it has anyway."""

import time
from bisect import bisect_left
from collections import Counter, deque

import trio
from bond_bookkit import Skew

from bond_core import AnyEvent, Gap, GapReason

BUCKETS_MS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
RATE_SECONDS = 10.0
MAX_LISTED = 1000
"""Venues and reasons that are counted one by one."""


class Histogram:
  """Latencies in ms, one sample a batch."""

  def __init__(self) -> None:
    self.counts = [0] * (len(BUCKETS_MS) + 1)
    self.sum = 0.0

  def add(self, ms: float) -> None:
    """One more sample."""
    self.counts[bisect_left(BUCKETS_MS, ms)] += 1
    self.sum += ms

  @property
  def count(self) -> int:
    """How many samples there are."""
    return sum(self.counts)

  def quantile(self, share: float) -> float | None:
    """The upper bound of the bucket in which this share of the samples ends; None where there are
    none or it lies beyond the last bucket."""
    rank = share * self.count
    seen = 0
    for bound, count in zip(BUCKETS_MS, self.counts, strict=False):
      seen += count
      if count and seen >= rank:
        return bound
    return None


class Traffic:
  """Counts batches and gaps."""

  def __init__(self) -> None:
    self.from_venue = Histogram()
    self.from_receipt = Histogram()
    self.skews: dict[str, Skew] = {}
    self.gaps: Counter[tuple[str, GapReason]] = Counter()
    self._started = trio.current_time()
    self._seen: deque[tuple[float, int]] = deque()

  def count_batch(self, last: AnyEvent) -> None:
    """Counts a batch that went out; `last` is its last event."""
    received = getattr(last, "ts_internal", None)
    if received is not None:
      self.from_receipt.add((time.monotonic_ns() - received) / 1e6)
    happened = getattr(last, "ts_exchange", None)
    if happened is not None:
      exchange: str = last.exchange  # type: ignore[union-attr]
      ts_event: int = last.ts_event  # type: ignore[union-attr]
      self.from_venue.add(time.time_ns() / 1e6 - happened)
      skew = self.skews.get(exchange)
      if skew is None:
        if len(self.skews) >= MAX_LISTED:
          return
        skew = self.skews[exchange] = Skew()
      skew.add(ts_event, ts_event - happened)

  def wrong_clocks(self) -> dict[str, int]:
    """How far behind ours the clocks are that are out of bounds (ms), by exchange."""
    skews = sorted(self.skews.items())
    return {name: skew.ms for name, skew in skews if skew.out_of_bounds and skew.ms is not None}

  def count_gap(self, gap: Gap) -> None:
    """Counts a declared loss."""
    if len(self.gaps) < MAX_LISTED:
      self.gaps[gap.exchange, gap.reason] += 1

  def tick(self, seq: int) -> None:
    """Notes how far the log is, about twice a second."""
    now = trio.current_time()
    self._seen.append((now, seq))
    while self._seen[0][0] < now - RATE_SECONDS and len(self._seen) > 2:
      self._seen.popleft()

  def rate(self) -> float:
    """Events per second over the last 10 s."""
    if len(self._seen) < 2:
      return 0.0
    (before, first), (now, last) = self._seen[0], self._seen[-1]
    return (last - first) / (now - before) if now > before else 0.0

  def uptime(self) -> float:
    """Seconds since the start."""
    return trio.current_time() - self._started
