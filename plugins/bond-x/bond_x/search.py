"""Recent search, polled: every post that matches a query once, also over an outage.

Source: X API v2, "Search recent posts" and "Paginate": newest first in pages of up to 100,
`next_token` for older ones, `since_id` for those after a post; without `end_time` a search ends
30 s before its request, so that what it shows is complete; seven days are searched.
"""

from datetime import UTC, datetime
from typing import Any

import httpx
import trio
from bond_social.inbox import post_gap

from bond_core import Batch, Out, Refused, SourceContext
from bond_x.config import Search
from bond_x.gate import Gate, next_token
from bond_x.messages import FIELDS, posts_of
from bond_x.spending import POST_USD, USER_USD, Spending

SEARCH = "/2/tweets/search/recent"
PAGE = 100
SMALLEST_PAGE = 10
MAX_PAGES = 20
"""Pages of one look-up; more are declared as a gap, since nobody reads a backlog to its end."""
BEFORE = 60
"""Seconds before its start from which a source reads: X wants a time before the last 30 s."""


class Searcher:
  """The searches of one source, one for each asset, and how far each has come."""

  def __init__(
    self,
    config: Search,
    spending: Spending,
    gate: Gate,
    client: httpx.AsyncClient,
    out: Out,
    ctx: SourceContext,
  ) -> None:
    self._config = config
    self._spending = spending
    self._gate = gate
    self._client = client
    self._out = out
    self._ctx = ctx
    self._newest: dict[str, int] = {}
    self._begun = ctx.clock.now_ms() - BEFORE * 1000

  async def run(self) -> None:
    """Looks up until cancelled. Raises Refused at the cap, and where X will never answer."""
    while True:
      began = trio.current_time()
      for query, asset in self._config.queries().items():
        await self._look_up(query, asset)
      await trio.sleep_until(began + self._config.every)

  async def _look_up(self, query: str, asset: str) -> None:
    """Sends all that is new, the oldest first."""
    params = {**FIELDS, "query": query}
    since = self._newest.get(query)
    if since is None:
      params["start_time"] = datetime.fromtimestamp(self._begun // 1000, UTC).isoformat()
    else:
      params["since_id"] = str(since)
    found: Batch = []
    capped = ""
    for _ in range(MAX_PAGES):
      if capped := self._spending.over(self._config.spend_cap, self._ctx.clock.now_ms()):
        break
      page = {**params, "max_results": str(self._page())}
      answer = await self._gate.ask(self._client, page, self._ctx)
      if answer is None:
        # Posts of more than seven days ago are out of reach, and with them the last one read.
        now = self._ctx.clock.now_ms()
        cause = "X no longer searches from the last post that was read"
        await self._out.send([post_gap("x", cause, now, now)])
        self._newest.pop(query, None)
        self._begun = now - BEFORE * 1000
        return
      posts = _listed(answer.get("data"))
      self._spending.read(self._ctx.clock.now_ms(), len(posts))
      if self._config.endpoint is None:
        self._ctx.figures["spent_usd"] = self._spending.usd
      for post in posts:
        if since is None or int(post["id"]) > since:
          self._newest[query] = max(self._newest.get(query, 0), int(post["id"]))
          found += posts_of({"data": post, "includes": answer.get("includes")}, [asset])
      token = next_token(answer)
      if token is None:
        break
      params["next_token"] = token
    else:
      now = self._ctx.clock.now_ms()
      cause = f"more than {MAX_PAGES * PAGE} posts came between two searches"
      found.append(post_gap("x", cause, now, now))
    if found:
      await self._out.send(found[::-1])
    if capped:
      raise Refused(capped)

  def _page(self) -> int:
    """How many posts to ask for: no more than the cap still allows, as far as X can do that."""
    if not self._config.spend_cap:
      return PAGE
    left = (self._config.spend_cap - self._spending.usd) / (POST_USD + USER_USD)
    return max(SMALLEST_PAGE, min(PAGE, int(left + 0.01)))


def _listed(data: Any) -> list[dict[str, Any]]:
  """The posts of a page that have a number."""
  rows = data if isinstance(data, list) else []
  return [row for row in rows if isinstance(row, dict) and str(row.get("id", "")).isdecimal()]
