"""Recent search, polled: every post that matches a query once, also over an outage.

Source: X API v2, "Search recent posts" and "Paginate": newest first in pages of up to 100,
`next_token` for older ones, `since_id` for those after a post; without `end_time` a search ends
30 s before its request, so that what it shows is complete; seven days are searched.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import trio
from bond_social import post_gap

from bond_core import Batch, Out, Refused, SourceContext
from bond_x.account import Account
from bond_x.config import Search
from bond_x.endpoint import Endpoint, next_token
from bond_x.messages import MAX_ID, fields, originals_in, posts_of
from bond_x.queries import Queries
from bond_x.spending import POST_USD, USER_USD, Budget

SEARCH = "/2/tweets/search/recent"
PAGE = 100
SMALLEST_PAGE = 10
MAX_PAGES = 20
"""Pages of one search; more are declared as a gap, since nobody reads a backlog to its end."""
AGAIN = (2.0, 10.0, 30.0)
"""Seconds until a page that is not whole is requested again."""
SNOWFLAKE_EPOCH_MS, SNOWFLAKE_BITS = 1_288_834_974_657, 22
"""An id holds the ms since then, above so many bits (X, "Snowflake")."""
FUTURE_MS = 2 * 86_400_000
"""How far ahead of this machine's clock the time in a post's id may be."""
BEFORE = 60
"""Seconds before its start from which a source reads: X wants a time before the last 30 s."""


class SearchPoller:
  """The searches of one source, one for each asset, and the newest post of each."""

  def __init__(
    self,
    config: Search,
    account: Account,
    budget: Budget,
    endpoint: Endpoint,
    client: httpx.AsyncClient,
    out: Out,
    ctx: SourceContext,
  ) -> None:
    self._config = config
    self._account = account
    self._budget = budget
    self._endpoint = endpoint
    self._client = client
    self._out = out
    self._ctx = ctx
    self._newest: dict[str, int] = {}
    self._start_ms = ctx.clock.now_ms() - BEFORE * 1000

  async def run(self) -> None:
    """Searches until cancelled. Raises Refused at the cap, and where X will never answer."""
    queries = Queries(self._config.queries(), self._ctx)
    while True:
      began = trio.current_time()
      await queries.each(self._search)
      await trio.sleep_until(began + self._config.every)

  async def _search(self, query: str, asset: str) -> None:
    """Sends all posts that are new, the oldest first."""
    params = {**fields(originals=self._config.retweets), "query": query}
    since = self._newest.get(query)
    if since is None:
      params["start_time"] = datetime.fromtimestamp(self._start_ms // 1000, UTC).isoformat()
    else:
      params["since_id"] = str(since)
    found: Batch = []
    refused: Refused | None = None
    for _ in range(MAX_PAGES):
      try:
        page = await self._whole_page(params)
      except Refused as exc:
        # What has been paid for is sent.
        refused = exc
        break
      if page is None:
        await self._begin_anew(query)
        return
      now = self._ctx.clock.now_ms()
      posts = posts_in(page, now)
      if (lost := len(rows_in(page)) - len(posts)) > 0:
        found.append(post_gap("x", "X sent posts without an id that can be one", now, now, lost))
      for post in posts:
        if since is None or int(post["id"]) > since:
          self._newest[query] = max(self._newest.get(query, 0), int(post["id"]))
          found += posts_of({"data": post, "includes": page.get("includes")}, [asset])
      if not is_whole(page):
        # Where no page came, the next search begins where this one did.
        if self._newest.get(query) != since:
          found.append(post_gap("x", "X left a page of a search out of its answers", now, now))
        break
      token = next_token(page)
      if token is None:
        break
      params["next_token"] = token
    else:
      cause = f"more than {MAX_PAGES * PAGE} posts came between two searches"
      found.append(post_gap("x", cause, now, now))
    if found:
      await self._out.send(found[::-1])
    if refused is not None:
      raise refused

  async def _whole_page(self, params: dict[str, str]) -> dict[str, Any] | None:
    """Returns the next page; the last of several where none was whole: X answers 200 with nothing
    but errors, which does not mean that there are no posts."""
    waits = iter(AGAIN)
    while True:
      page = await self._endpoint.get(self._client, partial(self._page, params), self._ctx)
      if page is not None:
        self._budget.read(self._ctx.clock.now_ms(), len(rows_in(page)) + originals_in(page))
        if self._account.charged:
          self._ctx.figures["spent_usd"] = self._budget.usd
      if page is None or is_whole(page) or (wait := next(waits, None)) is None:
        return page
      self._ctx.log.warning("X answered with a page that is not whole; trying again in %g s", wait)
      await trio.sleep(wait)

  async def _begin_anew(self, query: str) -> None:
    """Posts of more than seven days ago are out of reach, and with them the last one read."""
    now = self._ctx.clock.now_ms()
    cause = "X no longer searches from the last post that was read"
    await self._out.send([post_gap("x", cause, now, now)])
    self._newest.pop(query, None)
    self._start_ms = now - BEFORE * 1000

  def _page(self, params: dict[str, str]) -> dict[str, str]:
    """Returns the parameters of the next page. It has no more posts than the cap still allows, as
    far as X can do that. Raises Refused at the cap."""
    now, size = self._ctx.clock.now_ms(), PAGE
    if over := self._budget.over(now):
      raise Refused(over)
    if (left := self._budget.left(now)) is not None:
      size = max(SMALLEST_PAGE, min(PAGE, int(left / (POST_USD + USER_USD) + 0.01)))
    return {**params, "max_results": str(size)}


def is_whole(page: dict[str, Any]) -> bool:
  """Whether a page says how many posts it has, and has some if it says so."""
  meta = page.get("meta")
  count = meta.get("result_count") if isinstance(meta, dict) else None
  return type(count) is int and (count == 0 or bool(page.get("data")))


def rows_in(page: dict[str, Any]) -> list[Any]:
  """Returns what a page has for posts, whatever it is."""
  data = page.get("data")
  return data if isinstance(data, list) else []


def posts_in(page: dict[str, Any], now_ms: int) -> list[dict[str, Any]]:
  """Returns the posts of a page that have a number, whose time is not far in the future: the next
  search begins after it."""
  latest = (now_ms + FUTURE_MS - SNOWFLAKE_EPOCH_MS) << SNOWFLAKE_BITS
  return [
    row
    for row in rows_in(page)
    if isinstance(row, dict) and _is_number(row.get("id")) and int(row["id"]) <= latest
  ]


def _is_number(value: Any) -> bool:
  return isinstance(value, str | int) and str(value).isdecimal() and len(str(value)) <= MAX_ID
