"""Requests to one endpoint of X for all sources of an account, one at a time and within its limit.

Source: X API v2, "Rate limits": `x-rate-limit-remaining` and `x-rate-limit-reset` (epoch seconds)
come with every answer, and count for one endpoint and app.
"""

from collections.abc import Callable
from typing import Any

import httpx
import trio

from bond_core import Instrument, SourceContext
from bond_core.feeds import RateLimit, Subscription
from bond_x.answers import explained, read_object, refusal
from bond_x.config import LIMIT_WINDOW
from bond_x.waits import Waits, until_reset

CLOCK_DRIFT = 1.0
"""Seconds in 15 minutes by which X's clock may run slower than this machine's."""


POSTS = Subscription("post", Instrument("x", None, "*"))
"""What does not come while X refuses."""


class Endpoint:
  """An endpoint (`path`) that takes `limit` requests in 15 minutes; `access` names it in messages.

  The limit holds whatever the two clocks say: X counts a request when it arrives, so before its
  answer is here. A request is sent only when the answer to the one `limit` requests before it is
  older than 15 minutes.
  """

  def __init__(self, path: str, access: str, limit: int) -> None:
    self._path = path
    self._access = access
    self._limit = RateLimit(limit, LIMIT_WINDOW + CLOCK_DRIFT)
    self._turn = trio.Lock()
    self._waits = Waits()

  async def get(
    self, client: httpx.AsyncClient, params: Callable[[], dict[str, str]], ctx: SourceContext
  ) -> dict[str, Any] | None:
    """Returns a page, None where X refuses the post to begin from. Waits as X wants it, and tries
    again until there is an answer; meanwhile readers see why there is none. `params` is called when
    it is this request's turn, and may raise. Raises Refused where X will never answer."""
    while True:
      async with self._turn:
        while wait := self._limit.delay(trio.current_time()):
          await trio.sleep(wait)
        now = ctx.clock.now_ms()
        query = params()
        try:
          answer = await self._request(client, query)
        except httpx.HTTPError as exc:
          wait = self._waits.network_failed()
          cause = f"the connection to X failed: {type(exc).__name__}"
        else:
          status, headers = answer.status_code, answer.headers
          # Other processes may use the limit, too.
          self._block(min(LIMIT_WINDOW, until_reset(headers, now)))
          if status == 400 and "since_id" in query and "since_id" in answer.text:
            return None
          if answer.is_success:
            if (page := read_object(answer.content)) is not None:
              self._waits = Waits()
              ctx.live()
              ctx.notice(POSTS, None)
              return page
            wait = self._waits.answered(502, {}, now)
            cause = "X answered with something that is no JSON object"
          elif (refused := refusal(status, f"GET {self._path}", answer.content)) is not None:
            raise refused
          else:
            wait = self._waits.answered(status, headers, now)
            cause = explained(status, f"GET {self._path}", self._access, answer.content)
        self._block(wait)
      ctx.log.warning("%s; trying again in %.2f s", cause, wait)
      ctx.notice(POSTS, cause)

  async def _request(self, client: httpx.AsyncClient, query: dict[str, str]) -> httpx.Response:
    try:
      return await client.get(self._path, params=query)
    finally:
      # Also where it failed or was cancelled: it may have arrived.
      self._limit.spend(trio.current_time())

  def _block(self, seconds: float) -> None:
    self._limit.block(trio.current_time() + seconds)


def next_token(page: dict[str, Any]) -> str | None:
  """Returns where the next page begins, None for the last one."""
  meta = page.get("meta")
  token = meta.get("next_token") if isinstance(meta, dict) else None
  return token if isinstance(token, str) else None
