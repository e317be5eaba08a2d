"""What the broker can tell about itself, from figures that it has anyway."""

import time
from bisect import bisect_left
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import trio

from bond_core import AnyEvent, Gap
from bond_core.books import Skew

if TYPE_CHECKING:
  from bond_broker.server import Broker

BUCKETS_MS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
RATE_SECONDS = 10.0
# Streams that are listed; more are only counted.
LISTED = 1000

# Contract words for the states of sources.
STATUS = {
  "live": "connected",
  "quiet": "connected",
  "simulated": "connected",
  "connecting": "reconnecting",
  "reconnecting": "reconnecting",
  "stale": "stale",
  "rejected": "disconnected",
}


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
    wanted = share * self.count
    seen = 0
    for bound, count in zip(BUCKETS_MS, self.counts, strict=False):
      seen += count
      if count and seen >= wanted:
        return bound
    return None


class Metrics:
  """Counts what goes by; `figures` is the answer of /metrics."""

  def __init__(self) -> None:
    self.from_venue = Histogram()
    self.from_receipt = Histogram()
    self.skews: dict[str, Skew] = {}
    self.gaps: Counter[tuple[str, str]] = Counter()
    self._started = trio.current_time()
    self._seen: deque[tuple[float, int]] = deque()

  def batch(self, last: AnyEvent) -> None:
    """A batch went out; `last` is its last event."""
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
        if len(self.skews) >= LISTED:
          return
        skew = self.skews[exchange] = Skew()
      skew.add(ts_event, ts_event - happened)

  def gap(self, gap: Gap) -> None:
    """A loss was declared."""
    if len(self.gaps) < LISTED:
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
    """Seconds."""
    return trio.current_time() - self._started


def figures(broker: "Broker") -> dict[str, Any]:
  """All figures, as /metrics gives them in JSON."""
  metrics, backing = broker.metrics, broker.backing
  sources = backing.sources()
  clients = [session.client for session in broker.sessions]
  lags = [
    session.pump.position - session.client.position
    for session in broker.sessions
    if not session.client.fast
  ]
  pumps = [pump for _, pump in broker.pumps.values()]
  found: dict[str, Any] = {
    "active_subscriptions": sum(len(client.subscriptions) for client in clients),
    "messages_per_second": round(metrics.rate(), 1),
    "uptime": round(metrics.uptime()),
    "reconnects": backing.reconnects(),
    "exchange_status": {name: STATUS.get(state, "disconnected") for name, state in sources.items()},
    "figures": backing.figures(),
    "clients": len(clients),
    "clients_behind": len(lags),
    "lag_max": max(lags, default=0),
    "groups": sum(pump.groups for pump in pumps),
    "delivered": sum(pump.delivered for pump in pumps),
    "lost": broker.past.lost + sum(client.lost for client in clients),
    "conflated": broker.past.conflated + sum(client.conflated for client in clients),
    "refused": dict(broker.refused),
    "gaps": [
      {"exchange": exchange, "reason": reason, "count": count}
      for (exchange, reason), count in sorted(metrics.gaps.items())
    ],
    "skew_ms": {name: skew.ms for name, skew in sorted(metrics.skews.items())},
    "latency_ms": {
      "venue": _latency(metrics.from_venue),
      "receive": _latency(metrics.from_receipt),
    },
  }
  log = backing.log
  if log is not None:
    found["log"] = {
      "epoch": log.epoch,
      "seq": log.head,
      "oldest": log.oldest,
      "kept": log.kept if log.engine is not None else None,
      "not_kept": log.lost,
      "failure": log.failure,
    }
    found["streams"] = broker.market_streams(backing.clock.now_ms())[:LISTED]
  return found


def _latency(histogram: Histogram) -> dict[str, Any]:
  return {
    "count": histogram.count,
    **{f"p{share}": histogram.quantile(share / 100) for share in (50, 95, 99)},
  }
