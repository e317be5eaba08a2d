"""Recent search: pages of posts that match a query, newest first.

Source: X API v2, "Search recent posts": queries of 512 characters, pages of 10 to 100 posts, no
posts of the last 30 s."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bond_simkit import HttpRequest, SimulatorError

from bond_sim.x.counting import MAX_QUERY, SETTLED_MS
from bond_sim.x.matching import compile_rule
from bond_sim.x.posts import post_and_author


def search(request: HttpRequest, written: Sequence[dict[str, Any]], now_ms: int) -> dict[str, Any]:
  """The body of the response. Raises SimulatorError or ValueError for a request that X refuses."""
  query, size = request.param("query") or "", request.param("max_results") or "10"
  until = request.param("next_token")
  since = int(request.param("since_id") or 0)
  begin = request.param("start_time")
  matches = compile_rule(query)
  if len(query) > MAX_QUERY or not size.isdecimal() or not 10 <= int(size) <= 100:
    raise SimulatorError("query has 1 to 512 characters, and max_results is 10 to 100")
  first_ms = 0.0 if begin is None else datetime.fromisoformat(begin).timestamp() * 1000
  last_ms = now_ms - SETTLED_MS
  if first_ms >= last_ms or (since and begin):
    raise SimulatorError("start_time is before end_time, and not beside since_id")
  found = [
    post
    for post in reversed(written)
    if since < int(post["id"]) < int(until or 1 << 63)
    and first_ms <= post["created_ms"] <= last_ms
    and matches(post)
  ]
  page = found[: int(size)]
  meta: dict[str, Any] = {"result_count": len(page)}
  if not page:
    return {"meta": meta}
  meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
  if len(found) > len(page):
    meta["next_token"] = page[-1]["id"]
  written_as = [post_and_author(post) for post in page]
  users = list({user["id"]: user for _, user in written_as}.values())
  return {"data": [data for data, _ in written_as], "includes": {"users": users}, "meta": meta}
