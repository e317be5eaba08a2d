"""Times as X writes them."""

from datetime import UTC, datetime


def iso(ms: int) -> str:
  """RFC 3339 with milliseconds, in UTC."""
  text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
  return f"{text}.{ms % 1000:03}Z"
