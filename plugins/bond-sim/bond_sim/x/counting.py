"""Recent counts: how many posts match a query, in rows of equal length.

Source: X API v2, "Get count of recent posts": queries of 512 characters; rows of whole minutes,
hours or days, except for the first and last, which start_time and end_time may cut short; seven
days at most; `end_time` is exclusive, 30 s before the request by default and 10 s at least."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bond_simkit import HttpRequest, SimulatorError

from bond_sim.x.matching import compile_rule
from bond_sim.x.times import iso

MAX_QUERY = 512
SETTLED_MS = 30_000
MIN_AGE_MS = 10_000
REACH_MS = 7 * 86_400_000
GRANULARITY_MS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


def count(request: HttpRequest, written: Iterable[dict[str, Any]], now_ms: int) -> dict[str, Any]:
  """The body of the response. Raises SimulatorError for a request that X refuses."""
  query, step = request.param("query") or "", request.param("granularity") or "hour"
  matches = compile_rule(query)
  if len(query) > MAX_QUERY or step not in GRANULARITY_MS:
    raise SimulatorError("query has 1 to 512 characters, and granularity is minute, hour or day")
  last = _time(request.param("end_time"), now_ms - SETTLED_MS)
  first = _time(request.param("start_time"), last - REACH_MS)
  if not now_ms - REACH_MS - SETTLED_MS <= first < last <= now_ms - MIN_AGE_MS:
    raise SimulatorError(
      "start_time is within the last seven days and before end_time, which is a minimum of 10 "
      "seconds prior to the request time"
    )
  size = GRANULARITY_MS[step]
  counts = Counter(
    post["created_ms"] // size
    for post in written
    if first <= post["created_ms"] < last and matches(post)
  )
  rows = [
    {
      "end": iso(min(last, (number + 1) * size)),
      "start": iso(max(first, number * size)),
      "tweet_count": counts[number],
    }
    for number in range(first // size, -(-last // size))
  ]
  return {"data": rows, "meta": {"total_tweet_count": counts.total()}}


def _time(text: str | None, default: int) -> int:
  """A time as epoch ms; X reads whole seconds."""
  if text is None:
    return default
  try:
    return int(datetime.fromisoformat(text).timestamp()) * 1000
  except ValueError:
    raise SimulatorError(f"{text!r} is no time; write 2026-01-31T12:00:00Z") from None
