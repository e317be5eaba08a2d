"""Where a replay begins: the forms of `from`."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from bond_broker.protocol.bad_request import BadRequest
from bond_core import epoch_ms


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
_AGO = re.compile(r"now(?:-(?P<count>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>ms|s|m|h|d))?")
_SECONDS = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")
# RFC 3339, and the same without seconds or without an offset, which is then UTC. In a URL a plus
# that was not escaped arrives as a space.
_MOMENT = re.compile(
  r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2})"
  r"(?P<second>:[0-9]{2}(?:\.[0-9]{1,9})?)?(?P<offset>[Zz]|[-+ ][0-9]{2}:[0-9]{2})?"
)
_RESUME = re.compile(r"(?P<epoch>[0-9a-zA-Z_-]{1,64}):(?P<number>[0-9]{1,18})")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_since(text: str, now_ms: int) -> AtTime | AfterNumber:
  """The place that `from` names. BadRequest shows the forms."""
  text = text.strip()
  if found := _AGO.fullmatch(text):
    if found["count"] is None:
      return AtTime(now_ms)
    return AtTime(max(0, now_ms - round(float(found["count"]) * _MS[found["unit"]])))
  if _SECONDS.fullmatch(text):
    return AtTime(epoch_ms(text, 1))
  # Before EPOCH:SEQ, which 2026-11-23T13:30 looks like.
  if found := _MOMENT.fullmatch(text):
    try:
      return AtTime(_epoch_ms(found))
    except (ValueError, OverflowError):
      # There is no 31 February.
      pass
  elif found := _RESUME.fullmatch(text):
    return AfterNumber(found["epoch"], int(found["number"]))
  shown = text if len(text) <= 40 else text[:37] + "…"
  raise BadRequest(f"from is {shown!r}; write {FORMS}", name="bad_from")


def _epoch_ms(found: re.Match[str]) -> int:
  offset = (found["offset"] or "Z").upper().replace(" ", "+")
  text = f"{found['day']}T{found['time']}{found['second'] or ':00'}{offset}"
  return max(0, epoch_ms(datetime.fromisoformat(text).astimezone(UTC)))
