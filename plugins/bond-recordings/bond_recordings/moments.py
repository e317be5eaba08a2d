"""Moments as a user writes them."""

import re
from datetime import UTC, datetime

from bond_core.config import parse_duration

FORMS = "RFC 3339 (2026-11-30T12:00:00Z), epoch seconds, or +5m from the beginning"

_NUMBER = re.compile(r"\d+(\.\d+)?")


def read_moment(text: str, begin_ms: int) -> int:
  """Epoch ms of a moment; `begin_ms` is when the recording begins. Raises ValueError, which shows
  the forms that there are."""
  text = text.strip()
  if text.startswith("+"):
    return begin_ms + round(float(parse_duration(text[1:])) * 1000)
  if _NUMBER.fullmatch(text):
    return round(float(text) * 1000)
  try:
    found = datetime.fromisoformat(text)
  except ValueError:
    raise ValueError(f"{text!r} is no time; write {FORMS}") from None
  return round(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)


def shown_moment(ms: int) -> str:
  """A moment as users may write it."""
  return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
