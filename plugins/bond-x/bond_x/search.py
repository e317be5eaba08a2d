"""Recent search, polled: every post that matches a query once, also over an outage.

Source: X API v2, "Search recent posts" and "Paginate": newest first in pages of up to 100,
`next_token` for older ones, `since_id` for those after a post; without `end_time` a search ends
30 s before its request, so that what it shows is complete; seven days are searched.
"""

from datetime import UTC, datetime
from typing import Any

import httpx
import trio

from bond_core.components import Out, SourceContext
from bond_core.errors import Refused
from bond_core.events import Batch
from bond_core.social.inbox import post_gap
from bond_x.app import Answered, failure
from bond_x.config import SEARCH_WINDOW, Search
from bond_x.messages import FIELDS, posts_of
from bond_x.patience import Patience
from bond_x.spending import POST_USD, USER_USD, Spending

SEARCH = "/2/tweets/search/recent"
PAGE = 100
SMALLEST_PAGE = 10
MAX_PAGES = 20
"""Pages of one look-up; more are declared as a gap, since nobody reads a backlog to its end."""
BEFORE = 60
"""Seconds before its start from which a source reads: X wants a time before the last 30 s."""


class Gate:
  """One request at a time for a token, and none before its limit opens again."""

  def __init__(self) -> None:
    self.turn = trio.Lock()
    self.not_before = 0.0
    self.patience = Patience()

  def spare(self, headers: httpx.Headers, now_ms: int) -> None:
    """Waits for the reset where the limit is used up, instead of being told so."""
    reset = headers.get("x-rate-limit-reset", "")
    if headers.get("x-rate-limit-remaining") == "0" and reset.isdecimal() and len(reset) < 12:
      wait = int(reset) - now_ms / 1000
      self.not_before = trio.current_time() + min(SEARCH_WINDOW, max(0.0, wait))


_gates: dict[tuple[object, str, str], Gate] = {}


def gate_of(key: tuple[object, str, str]) -> Gate:
  """The gate that all searches of this process with a token go through."""
  return _gates.setdefault(key, Gate())


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
      answer = await self._ask({**params, "max_results": str(self._page())})
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
      token = _token(answer)
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

  async def _ask(self, params: dict[str, str]) -> dict[str, Any] | None:
    """A page; None where X refuses the post to begin from. Waits as X wants it."""
    gate = self._gate
    while True:
      async with gate.turn:
        await trio.sleep_until(gate.not_before)
        now = self._ctx.clock.now_ms()
        try:
          answer = await self._client.get(SEARCH, params=params)
          gate.spare(answer.headers, now)
          if answer.status_code == 400 and "since_id" in params and "since_id" in answer.text:
            return None
          if not answer.is_success:
            raise failure(answer, "recent search")
          page = answer.json()
          if not isinstance(page, dict):
            raise ValueError
        except Answered as exc:
          wait = gate.patience.answered(exc.status, exc.headers, now)
          cause = f"X answered {exc.status}"
        except httpx.HTTPError as exc:
          wait = gate.patience.network()
          cause = f"the connection to X failed: {type(exc).__name__}"
        except ValueError:
          wait = gate.patience.answered(502, {}, now)
          cause = "X answered with something that is no JSON object"
        else:
          gate.patience = Patience()
          return page
        gate.not_before = max(gate.not_before, trio.current_time() + wait)
      self._ctx.log.warning("%s; asking again in %.2f s", cause, wait)


def _listed(data: Any) -> list[dict[str, Any]]:
  """The posts of a page that have a number."""
  rows = data if isinstance(data, list) else []
  return [row for row in rows if isinstance(row, dict) and str(row.get("id", "")).isdecimal()]


def _token(answer: dict[str, Any]) -> str | None:
  """Where the next page begins, None for the last one."""
  meta = answer.get("meta")
  token = meta.get("next_token") if isinstance(meta, dict) else None
  return token if isinstance(token, str) else None
