"""Where a replay begins: the forms of `from`."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from bond_broker.requests import BadRequest


class AtTime(NamedTuple):
  """The first event received at or after a time (epoch ms)."""

  time_ms: int


class AfterNumber(NamedTuple):
  """The event after a number of an epoch: what a reader had last."""

  epoch: str
  number: int


FORMS = (
  "now-60s, now-5m, now-2h, now-1d, a time in seconds since 1970, 2026-11-23T13:30:00Z, or "
  "EPOCH:SEQ to resume"
)
_AGO = re.compile(r"now(?:-(?P<count>\d{1,9}(?:\.\d{1,3})?)(?P<unit>ms|s|m|h|d))?")
_SECONDS = re.compile(r"\d{1,11}(?:\.\d{1,9})?")
_RESUME = re.compile(r"(?P<epoch>[0-9a-zA-Z_-]{1,64}):(?P<number>\d{1,18})")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_since(text: str, now_ms: int) -> AtTime | AfterNumber:
  """The place that a `from` means. Raises BadRequest that shows the forms."""
  text = text.strip()
  if found := _AGO.fullmatch(text):
    if found["count"] is None:
      return AtTime(now_ms)
    return AtTime(max(0, now_ms - round(float(found["count"]) * _MS[found["unit"]])))
  if _SECONDS.fullmatch(text):
    return AtTime(round(float(text) * 1000))
  if found := _RESUME.fullmatch(text):
    return AfterNumber(found["epoch"], int(found["number"]))
  if len(text) <= 40 and "T" in text.upper():
    try:
      moment = datetime.fromisoformat(text)
      moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
      return AtTime(max(0, round(moment.timestamp() * 1000)))
    except (ValueError, OverflowError):
      pass
  shown = text if len(text) <= 40 else text[:37] + "…"
  raise BadRequest(f"from is {shown!r}; write {FORMS}", name="bad_from")
