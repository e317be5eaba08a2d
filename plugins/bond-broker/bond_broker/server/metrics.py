"""What the broker reports about itself, as one snapshot: the answer of /metrics in JSON."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from bond_broker.delivery.delivery import Delivery, State
from bond_broker.delivery.market import ChannelFigures
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.traffic import Histogram, Traffic
from bond_core import Channel, GapReason, MarketType
from bond_core.logs import DurableLog
from bond_core.services import SourceStatus

MAX_LISTED = 1000
"""Channels of markets that are listed one by one."""
MAX_SLOWEST = 20
"""Clients that are listed one by one: those that have most still to get."""

ExchangeStatus = Literal["connected", "reconnecting", "stale", "disconnected"]
_STATUS: dict[SourceStatus, ExchangeStatus] = {
  "live": "connected",
  "quiet": "connected",
  "simulated": "connected",
  "replay": "connected",
  "connecting": "reconnecting",
  "reconnecting": "reconnecting",
  "unavailable": "reconnecting",
  "stale": "stale",
  "rejected": "disconnected",
}


class Losses(msgspec.Struct, frozen=True):
  """What clients did not receive: events, each declared by a gap, and states that a later one of
  the same thing replaced."""

  lost: int = 0
  conflated: int = 0

  def plus(self, deliveries: Iterable[Delivery]) -> "Losses":
    """These and what these clients did not receive."""
    lost, conflated = self.lost, self.conflated
    for delivery in deliveries:
      lost += delivery.lost
      conflated += delivery.conflated
    return Losses(lost, conflated)


class GapCount(msgspec.Struct, frozen=True):
  """Declared losses of one venue and reason."""

  exchange: str
  reason: GapReason
  count: int


class Latency(msgspec.Struct, frozen=True):
  """Quantiles in ms: the upper bounds of the buckets that they lie in."""

  count: int
  p50: float | None
  p95: float | None
  p99: float | None


class Latencies(msgspec.Struct, frozen=True):
  """From the venue's time, and from the receipt here, until clients are written to."""

  venue: Latency
  receive: Latency


class ChannelStatus(msgspec.Struct, frozen=True):
  """One channel of one market; see ChannelFigures."""

  exchange: str
  channel: Channel
  symbol: str
  market_type: MarketType | None
  age_ms: int
  events: int
  resyncs: int | None


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
  """One client, without a word of who it is: `id` counts the connections of this process. `state`
  is live (it has everything), behind or replaying, `lag` the events that it has still to get, and
  `unsent_bytes` what waits for its socket."""

  id: int
  state: State
  lag: int
  unsent_bytes: int
  sent: int
  lost: int
  conflated: int
  subscriptions: int
  connected_sec: int


class LogStatus(msgspec.Struct, frozen=True):
  """The log of all events: its epoch and numbers; `kept` is the last number that its engine has
  (None: it has none), `not_kept` counts events that no engine took."""

  epoch: str
  seq: int
  oldest: int
  kept: int | None
  not_kept: int
  failure: str | None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
  """All figures at one moment. `simulated` are the exchanges that no venue stands behind, `slowest`
  the clients that are furthest behind. The two at the end are there where the broker serves all
  events."""

  active_subscriptions: int
  messages_per_second: float
  uptime: int
  reconnects: int
  exchange_status: dict[str, ExchangeStatus]
  simulated: list[str]
  figures: dict[str, dict[str, float]]
  clients: int
  clients_behind: int
  lag_max: int
  slowest: list[ClientStatus]
  groups: int
  delivered: int
  lost: int
  conflated: int
  refused: dict[str, int]
  gaps: list[GapCount]
  skew_ms: dict[str, float | None]
  latency_ms: Latencies
  log: LogStatus | msgspec.UnsetType = msgspec.UNSET
  streams: list[ChannelStatus] | msgspec.UnsetType = msgspec.UNSET


def snapshot_of(
  *,
  traffic: Traffic,
  deliveries: list[Delivery],
  slowest: list[ClientStatus],
  pumps: list[Pump],
  departed: Losses,
  refused: Mapping[str, int],
  sources: Mapping[str, SourceStatus],
  reconnects: int,
  figures: dict[str, dict[str, float]],
  log: DurableLog | None,
  channels: list[ChannelFigures],
) -> Snapshot:
  """The figures of a broker with these clients; `departed` is what those who left did not
  receive."""
  behind = [d.lag for d in deliveries if d.state in (State.BEHIND, State.REPLAYING)]
  losses = departed.plus(deliveries)
  return Snapshot(
    active_subscriptions=sum(len(d.subscriptions.listed) for d in deliveries),
    messages_per_second=round(traffic.rate(), 1),
    uptime=round(traffic.uptime()),
    reconnects=reconnects,
    exchange_status={name: _STATUS[state] for name, state in sources.items()},
    simulated=sorted(name for name, state in sources.items() if state == "simulated"),
    figures=figures,
    clients=len(deliveries),
    clients_behind=len(behind),
    lag_max=max(behind, default=0),
    slowest=slowest,
    groups=sum(len(pump.groups) for pump in pumps),
    delivered=sum(pump.delivered for pump in pumps),
    lost=losses.lost,
    conflated=losses.conflated,
    refused=dict(refused),
    gaps=[
      GapCount(exchange, reason, count)
      for (exchange, reason), count in sorted(traffic.gaps.items())
    ],
    skew_ms={name: skew.ms for name, skew in sorted(traffic.skews.items())},
    latency_ms=Latencies(_latency(traffic.from_venue), _latency(traffic.from_receipt)),
    log=msgspec.UNSET if log is None else _log_status(log),
    streams=(
      msgspec.UNSET if log is None else [ChannelStatus(*found) for found in channels[:MAX_LISTED]]
    ),
  )


def _latency(histogram: Histogram) -> Latency:
  p50, p95, p99 = map(histogram.quantile, (0.5, 0.95, 0.99))
  return Latency(histogram.count, p50, p95, p99)


def _log_status(log: DurableLog) -> LogStatus:
  return LogStatus(
    epoch=log.epoch,
    seq=log.head,
    oldest=log.oldest,
    kept=log.kept if log.engine is not None else None,
    not_kept=log.lost,
    failure=log.failure,
  )
