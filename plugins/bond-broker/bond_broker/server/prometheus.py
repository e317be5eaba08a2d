"""The snapshot of /metrics in the form of Prometheus."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from bond_broker.delivery.traffic import BUCKETS_MS, Histogram, Traffic
from bond_broker.server.metrics import ChannelStatus, Snapshot

if TYPE_CHECKING:
  from prometheus_client.metrics_core import Metric

_GAUGES = (
  ("active_subscriptions", "Subscriptions of all clients."),
  ("messages_per_second", "Events a second over the last 10 s."),
  ("clients", "Connected clients."),
  ("clients_behind", "Clients that follow the log alone."),
  ("lag_max", "Events that the client furthest behind has not received yet."),
  ("groups", "Different sets of filters."),
)
_COUNTERS = (
  ("reconnects", "Reconnects to venues."),
  ("delivered", "Messages handed to clients."),
  ("lost", "Events that clients lost, each declared by a gap."),
  ("conflated", "States that slow clients were spared."),
)


def metrics_of(snapshot: Snapshot, traffic: Traffic) -> "Iterator[Metric]":
  """What /metrics answers as JSON, and the histograms behind it, as metrics."""
  from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

  yield GaugeMetricFamily("bond_uptime_seconds", "Since the start.", snapshot.uptime)
  for name, help_text in _GAUGES:
    yield GaugeMetricFamily(f"bond_{name}", help_text, getattr(snapshot, name))
  for name, help_text in _COUNTERS:
    yield CounterMetricFamily(f"bond_{name}", help_text, getattr(snapshot, name))
  status = GaugeMetricFamily(
    "bond_exchange_connected", "1 where the venue is connected.", labels=["exchange", "status"]
  )
  for exchange, state in snapshot.exchange_status.items():
    status.add_metric([exchange, state], float(state == "connected"))
  yield status
  simulated = GaugeMetricFamily(
    "bond_exchange_simulated", "1 where no venue stands behind it.", labels=["exchange"]
  )
  for exchange in snapshot.exchange_status:
    simulated.add_metric([exchange], float(exchange in snapshot.simulated))
  yield simulated
  figures = GaugeMetricFamily(
    "bond_source_figure", "What a source reports about itself.", labels=["exchange", "figure"]
  )
  for exchange, values in snapshot.figures.items():
    for figure, value in values.items():
      figures.add_metric([exchange, figure], value)
  yield figures
  gaps = CounterMetricFamily("bond_gaps", "Declared losses.", labels=["exchange", "reason"])
  for gap in snapshot.gaps:
    gaps.add_metric([gap.exchange, gap.reason], gap.count)
  yield gaps
  refused = CounterMetricFamily("bond_refused", "Connections refused.", labels=["reason"])
  for reason, count in snapshot.refused.items():
    refused.add_metric([reason], count)
  yield refused
  skew = GaugeMetricFamily(
    "bond_clock_skew_ms", "How far a venue's clock is behind.", labels=["exchange"]
  )
  for exchange, ms in snapshot.skew_ms.items():
    if ms is not None:
      skew.add_metric([exchange], ms)
  yield skew
  yield from _channels([] if snapshot.streams is msgspec.UNSET else snapshot.streams)
  if (log := snapshot.log) is not msgspec.UNSET:
    yield CounterMetricFamily("bond_log_seq", "The last number given.", log.seq)
    yield GaugeMetricFamily("bond_log_oldest", "The first number stored.", log.oldest)
    yield CounterMetricFamily("bond_log_not_kept", "Events that no engine took.", log.not_kept)
  yield _histogram("bond_latency_venue_ms", "From venue time to clients.", traffic.from_venue)
  yield _histogram("bond_latency_receive_ms", "From receipt to clients.", traffic.from_receipt)


def _channels(channels: list[ChannelStatus]) -> "Iterator[Metric]":
  from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

  labels = ["exchange", "channel", "symbol", "market_type"]
  age = GaugeMetricFamily("bond_stream_age_ms", "Since the last event.", labels=labels)
  events = CounterMetricFamily("bond_stream_events", "Events so far.", labels=labels)
  resyncs = CounterMetricFamily("bond_book_resyncs", "Books that began again.", labels=labels)
  for channel in channels:
    values = [str(getattr(channel, label) or "") for label in labels]
    age.add_metric(values, channel.age_ms)
    events.add_metric(values, channel.events)
    if channel.resyncs is not None:
      resyncs.add_metric(values, channel.resyncs)
  yield age
  yield events
  yield resyncs


def _histogram(name: str, help_text: str, histogram: Histogram) -> "Metric":
  from prometheus_client.core import HistogramMetricFamily

  seen, buckets = 0, []
  for bound, count in zip((*map(str, BUCKETS_MS), "+Inf"), histogram.counts, strict=True):
    seen += count
    buckets.append((bound, seen))
  family: Metric = HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=histogram.sum)
  return family
