"""The figures of a stream, from counts that it keeps anyway."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bond_core.services import Stream


def figures(stream: Stream | None, stream_id: str, created_at: float) -> dict[str, Any]:
  """The metrics of a stream; of one that does not run they are zero."""
  status = None if stream is None else stream.status()
  latencies = sorted(status.latencies_ms) if status is not None else []
  return {
    "stream_id": stream_id,
    "uptime_sec": 0.0 if status is None else round(time.time() - status.created_at, 3),
    "created_at": rfc3339(created_at),
    "msgs_in": 0 if status is None else status.events_in,
    "msgs_out": 0 if status is None else status.events_out,
    "dropped": 0 if status is None else status.missed,
    "latency_p50_ms": _quantile(latencies, 0.5),
    "latency_p95_ms": _quantile(latencies, 0.95),
    "latency_samples": 0 if status is None else status.batches,
    "simulated": [] if status is None else status.simulated,
  }


def rfc3339(seconds: float) -> str:
  """A time in UTC as text, to the millisecond."""
  text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
  return text.replace("+00:00", "Z")


def _quantile(ordered: Sequence[float], share: float) -> float | None:
  if not ordered:
    return None
  return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3)
