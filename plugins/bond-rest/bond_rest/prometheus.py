"""The figures of the control plane's /metrics in Prometheus' form."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from prometheus_client.metrics_core import Metric

_SERVER = (
  ("streams", "Streams of all callers."),
  ("running", "Streams of this caller that run."),
  ("failed", "Streams that could not be started."),
)
_COUNTED = (
  ("msgs_in", "stream_messages_in", "Events that came from a stream's sources."),
  ("msgs_out", "stream_messages_out", "Events that a stream gave."),
  ("dropped", "stream_dropped", "Events that a stream missed, each declared by a gap."),
)
_MEASURED = (
  ("uptime_sec", "stream_uptime_seconds", "Since a stream was started.", 1.0),
  ("latency_p50_ms", "stream_latency_p50_seconds", "Half of a stream's batches took less.", 1e-3),
  ("latency_p95_ms", "stream_latency_p95_seconds", "95 % of a stream's took less.", 1e-3),
)


def metrics_of(found: Mapping[str, Any]) -> Iterator["Metric"]:
  """What /metrics answers as JSON, as metrics."""
  from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

  for key, description in _SERVER:
    yield GaugeMetricFamily(f"bond_api_{key}", description, found[key])
  streams = found["per_stream"]
  for key, name, description in _COUNTED:
    counter = CounterMetricFamily(f"bond_api_{name}", description, labels=["stream"])
    for one in streams:
      counter.add_metric([one["stream_id"]], one[key])
    yield counter
  simulated = GaugeMetricFamily(
    "bond_api_stream_simulated",
    "1 where a stream has events of a simulator, 0 where it has none.",
    labels=["stream"],
  )
  for one in streams:
    simulated.add_metric([one["stream_id"]], 1.0 if one["simulated"] else 0.0)
  yield simulated
  for key, name, description, unit in _MEASURED:
    gauge = GaugeMetricFamily(f"bond_api_{name}", description, labels=["stream"])
    for one in streams:
      if one[key] is not None:
        gauge.add_metric([one["stream_id"]], one[key] * unit)
    yield gauge
