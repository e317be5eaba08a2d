"""Figures in Prometheus' form, for services that bring prometheus-client."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from prometheus_client.metrics_core import Metric

TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ACCEPTED_AS = ("text/plain", "application/openmetrics-text")


def requested(accept: str) -> bool:
  """Whether a request's Accept header asks for this form."""
  return any(kind in accept for kind in _ACCEPTED_AS)


class _Collector:
  """What prometheus_client collects metrics from."""

  def __init__(self, metrics: Iterable["Metric"]) -> None:
    self._metrics = metrics

  def collect(self) -> Iterable["Metric"]:
    return self._metrics


def exposition(metrics: Iterable["Metric"]) -> str:
  """The text that Prometheus reads."""
  from prometheus_client import CollectorRegistry, generate_latest

  registry = CollectorRegistry(auto_describe=False)
  registry.register(_Collector(metrics))
  return generate_latest(registry).decode()
