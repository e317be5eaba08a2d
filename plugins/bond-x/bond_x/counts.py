"""Recent counts, polled: how many posts of each minute match a query, each whole minute once.

Source: X API v2, "Get count of recent posts": `granularity=minute` gives rows of `start`, `end` and
`tweet_count` (`post_count` in the new spelling), also of minutes without a post; `start_time` is
inclusive, `end_time` exclusive and by default 30 s before the request; a row is cut short where it
begins before `start_time` or ends after `end_time`; seven days are counted. 300 requests in 15
minutes for an app, queries of 512 characters. "Post counts": no compliance filter is applied, so a
count may differ a little from what a search finds.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import msgspec
import trio
from bond_social import post_gap

from bond_core import Batch, Gap, Out, Post, Refused, SourceContext
from bond_x.account import Account
from bond_x.config import MINUTE, Counts
from bond_x.endpoint import Endpoint, next_token
from bond_x.messages import read_time
from bond_x.queries import Queries
from bond_x.spending import Budget

COUNTS = "/2/tweets/counts/recent"
MINUTE_MS = MINUTE * 1000
SETTLED_MS = 30_000
"""How long after a minute's end X has counted it."""
CLOCK_MARGIN_MS = 3_000
"""How much later than that the request is sent, since two clocks are never the same."""
BEHIND_MS = MINUTE_MS + SETTLED_MS + CLOCK_MARGIN_MS
"""How long after a minute's beginning its count comes, at the soonest."""
ANSWER_WITHIN = 300.0
"""Seconds after which a request that X did not answer is given up for one of more minutes."""
REACH_MS = 7 * 86_400_000 - 10 * MINUTE_MS
"""How far back is requested: seven days, less the time that an answer may take."""


class CountPoller:
  """The counts of one source, one query for each asset, and the minute that each has reached."""

  def __init__(
    self,
    config: Counts,
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
    self._reached = dict.fromkeys(config.queries(), _minute(ctx.clock.now_ms()))

  async def run(self) -> None:
    """Polls until cancelled. Raises Refused at the cap, and where X will never answer."""
    queries = Queries(self._config.queries(), self._ctx)
    while True:
      await trio.sleep(self._until_next() / 1000)
      await queries.each(self._count)

  def _until_next(self) -> int:
    """Returns the ms until a minute is complete and `every` has passed, by the wall clock."""
    every = round(self._config.every) * 1000
    return every - (self._ctx.clock.now_ms() - SETTLED_MS - CLOCK_MARGIN_MS) % every

  async def _count(self, query: str, asset: str) -> None:
    """Sends the counts of all whole minutes since the last one."""
    end = _minute(self._ctx.clock.now_ms() - SETTLED_MS)
    begin = max(self._reached[query], _minute(end - REACH_MS))
    found: Batch = []
    # Where another source used the endpoint for long, or a clock was set back, there is none.
    if begin < end:
      with trio.move_on_after(ANSWER_WITHIN):
        for start, count in await self._minutes(query, begin, end):
          if start > self._reached[query]:
            found.append(self._skip(query, asset, start, begin))
          if start == self._reached[query]:
            self._reached[query] = start + MINUTE_MS
            found.append(_post(asset, start, count))
    if found:
      await self._out.send(found)

  async def _minutes(self, query: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Returns the start (epoch ms) and count of each whole minute between two, oldest first."""
    found: list[tuple[int, int]] = []
    params = {
      "query": query,
      "granularity": "minute",
      "start_time": _rfc3339(begin),
      "end_time": _rfc3339(end),
    }
    while True:
      page = await self._endpoint.get(self._client, partial(self._paid, params), self._ctx) or {}
      self._budget.counted(self._ctx.clock.now_ms())
      if self._account.charged:
        self._ctx.figures["spent_usd"] = self._budget.usd
      found += whole_minutes(page.get("data"), end)
      if (token := next_token(page)) is None:
        return sorted(found)
      params["next_token"] = token

  def _paid(self, params: dict[str, str]) -> dict[str, str]:
    """Returns the parameters where the cap allows one more request. Raises Refused otherwise."""
    if over := self._budget.over(self._ctx.clock.now_ms()):
      raise Refused(over)
    return params

  def _skip(self, query: str, asset: str, reached: int, requested: int) -> Gap:
    """Declares that the minutes before `reached` have no count, and goes on from there."""
    since, self._reached[query] = self._reached[query], reached
    cause = "X left minutes out of its counts"
    if since < requested:
      cause = "X no longer counts so far back"
    # A gap is in receive time, and a second shorter at both ends: it is to lie within its minutes.
    gap = post_gap("x", cause, since + BEHIND_MS + 1000, reached + BEHIND_MS - 1000)
    return msgspec.structs.replace(gap, symbol=asset or "*")


def whole_minutes(data: Any, end: int) -> list[tuple[int, int]]:
  """Returns the start (epoch ms) and count of each row that is a whole minute before `end`."""
  found = []
  for row in data if isinstance(data, list) else ():
    if not isinstance(row, dict):
      continue
    start, stop = read_time(row.get("start")), read_time(row.get("end"))
    count = row.get("tweet_count", row.get("post_count"))
    if start is None or stop is None or type(count) is not int or count < 0:
      continue
    if start % MINUTE_MS == 0 and stop == start + MINUTE_MS and stop <= end:
      found.append((start, count))
  return found


def _post(asset: str, start: int, count: int) -> Post:
  symbols = [asset] if asset else []
  return Post(exchange="x", symbol=asset, ts_exchange=start, text="", symbols=symbols, count=count)


def _minute(ms: int) -> int:
  """Returns the beginning of a time's minute."""
  return ms - ms % MINUTE_MS


def _rfc3339(ms: int) -> str:
  return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
