"""What can be told about a stream, from counts that it keeps anyway."""

import time
from collections.abc import Sequence
from typing import Any

from bond_core.serving.streams import Stream


def figures(stream: Stream | None, stream_id: str, created_at: float) -> dict[str, Any]:
  """The metrics of a stream; of one that does not run they are zero."""
  pipeline = None if stream is None else stream.pipeline
  latencies = sorted(pipeline.latencies) if pipeline is not None else []
  return {
    "stream_id": stream_id,
    "uptime_sec": 0.0 if stream is None else round(time.time() - stream.created_at, 3),
    "created_at": created_at,
    "msgs_in": 0 if pipeline is None else pipeline.events,
    "msgs_out": 0 if stream is None else stream.published,
    "dropped": 0 if pipeline is None else pipeline.missed,
    "latency_p50_ms": _quantile(latencies, 0.5),
    "latency_p95_ms": _quantile(latencies, 0.95),
    "latency_samples": 0 if pipeline is None else pipeline.batches,
  }


def _quantile(ordered: Sequence[float], share: float) -> float | None:
  if not ordered:
    return None
  return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3)
