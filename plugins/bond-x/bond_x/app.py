"""The one connection that X allows an app, for all sources of the process that use its token.

The rules are the union of all sources', and a post goes to the sources whose rules it matches. One
of the sources drives; when it leaves, the next one goes on from the same state.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import attrs
import httpx
import trio
from bond_social.inbox import Inbox, post_gap

from bond_core import AuthError, Disconnected, Refused, SourceContext
from bond_x.messages import FIELDS, Lines, posts_of, read_line, tags_of
from bond_x.patience import Patience
from bond_x.rules import changes, tag_of
from bond_x.spending import Spending

URL = "https://api.x.com"
RULES = "/2/tweets/search/stream/rules"
STREAM = "/2/tweets/search/stream"
SILENCE = 20.0
REMEMBERED = 100_000
HAND_OVER = 60.0
"""Seconds after the driving source left in which X may still count its connection."""


@attrs.define(eq=False)
class Reader:
  """A source: its rules by tag, with the asset of each, and where its events go."""

  assets: dict[str, str]
  rules: list[str]
  cap: float
  inbox: Inbox


class App:
  """What the sources of one token share."""

  def __init__(self, spending: Spending) -> None:
    self.readers: list[Reader] = []
    self.lead = trio.Lock()
    self.spending = spending
    self._changed = trio.Event()
    self._seen: OrderedDict[str, None] = OrderedDict()
    self._patience = Patience()
    self._not_before = 0.0
    self._up_since: float | None = None
    self._down_since: int | None = None
    self._left: float | None = None
    self._tries = 0

  def join(self, reader: Reader) -> None:
    """One more source; its rules are made."""
    self.readers.append(reader)
    self._changed.set()

  def leave(self, reader: Reader) -> None:
    """A source goes, and rules that were only its own."""
    self.readers.remove(reader)
    self._changed.set()

  async def drive(self, client: httpx.AsyncClient, minutes: int, ctx: SourceContext) -> None:
    """Keeps the connection up until cancelled. Raises Refused where X will never accept it."""
    self._tries = 0
    if self._left is not None:
      # X has to see the end of one connection before the next one begins.
      self._not_before = max(self._not_before, self._left + 1.0)
    try:
      await self._keep(client, minutes, ctx)
    finally:
      self._left = trio.current_time()

  async def _keep(self, client: httpx.AsyncClient, minutes: int, ctx: SourceContext) -> None:
    while True:
      wait = 0.0
      await trio.sleep(max(0.0, self._not_before - trio.current_time()))
      try:
        await self._connected(client, minutes, ctx)
      except Disconnected as exc:
        cause = str(exc)
      except Answered as exc:
        wait = self._handed_over(exc)
        wait = wait or self._patience.answered(exc.status, exc.headers, ctx.clock.now_ms())
        cause = f"X answered {exc.status}"
      except httpx.HTTPError as exc:
        cause = f"the connection to X failed: {type(exc).__name__}"
        wait = 0.0 if self._up_since is not None else self._patience.network()
      else:
        cause = "X ended the stream"
      if self._up_since is not None:
        wait = max(wait, self._patience.ended(trio.current_time() - self._up_since))
        self._up_since = None
      self._not_before = trio.current_time() + wait
      ctx.log.warning("%s; connecting again in %.2f s", cause, wait)

  def _handed_over(self, answer: "Answered") -> float:
    """Seconds to wait where the connection of the source that drove before is still in the way, 0
    where that is not the reason: 5, 10 and 20, since X lets go of it soon."""
    recent = self._left is not None and trio.current_time() - self._left < HAND_OVER
    limited = answer.headers.get("x-rate-limit-remaining") == "0"
    if answer.status != 429 or not recent or limited or self._tries >= 3:
      return 0.0
    self._tries += 1
    return 5.0 * 2.0 ** (self._tries - 1)

  async def _connected(self, client: httpx.AsyncClient, minutes: int, ctx: SourceContext) -> None:
    """Reads the stream until it ends."""
    self._changed = trio.Event()
    await self._set_rules(client)
    params = dict(FIELDS)
    if minutes and self._down_since is not None:
      params["backfill_minutes"] = str(minutes)
    up = False
    try:
      async with client.stream("GET", STREAM, params=params) as answer:
        if answer.status_code != 200:
          raise failure(answer, "the filtered stream")
        self._up_since = trio.current_time()
        self._back(minutes, ctx)
        up = True
        async with trio.open_nursery() as nursery:
          nursery.start_soon(self._follow_rules, client)
          await self._read(answer, ctx)
          nursery.cancel_scope.cancel()
    except ExceptionGroup as group:
      raise _first(group) from None
    finally:
      if up:
        self._down_since = ctx.clock.now_ms()

  async def _read(self, answer: httpx.Response, ctx: SourceContext) -> None:
    lines = Lines()
    told: Disconnected | None = None
    # To the end even where X says that it ends: what was left open here would be left to the
    # garbage collector.
    async for data in answer.aiter_raw():
      for line in lines.feed(data):
        try:
          message = read_line(line)
        except Disconnected as exc:
          told, message = exc, None
        if message is not None:
          self._take(message, ctx)
    if told is not None:
      raise told

  async def _follow_rules(self, client: httpx.AsyncClient) -> None:
    while True:
      await self._changed.wait()
      self._changed = trio.Event()
      await self._set_rules(client)

  async def _set_rules(self, client: httpx.AsyncClient) -> None:
    wanted = dict.fromkeys(rule for reader in self.readers for rule in reader.rules)
    there = await _asked(client, "GET")
    delete, add = changes(there.get("data") or [], wanted)
    if delete:
      await _asked(client, "POST", {"delete": {"ids": delete}})
    if add:
      rows = [{"value": rule, "tag": tag_of(rule)} for rule in add]
      answer = await _asked(client, "POST", {"add": rows})
      made = {rule.get("value") for rule in answer.get("data") or ()}
      for error in answer.get("errors") or ():
        if (value := error.get("value")) in wanted and value not in made:
          raise Refused(f"X does not take the rule {value!r}: {error.get('title')}; change it")

  def _take(self, message: dict[str, Any], ctx: SourceContext) -> None:
    """Hands a post to its readers; one that was seen before is left out."""
    name = message["data"]["id"]
    if name in self._seen:
      return
    self._seen[name] = None
    if len(self._seen) > REMEMBERED:
      self._seen.popitem(last=False)
    self.spending.read(ctx.clock.now_ms())
    tags = tags_of(message)
    for reader in self.readers:
      assets = list(dict.fromkeys(reader.assets[tag] for tag in tags if tag in reader.assets))
      if assets:
        reader.inbox.give(list(posts_of(message, assets)))
      over = self.spending.over(reader.cap, ctx.clock.now_ms())
      if over and not reader.inbox.failed:
        reader.inbox.fail(over)

  def _back(self, minutes: int, ctx: SourceContext) -> None:
    """Declares an outage to all readers, unless the backfill covers it."""
    since, self._down_since = self._down_since, None
    now = ctx.clock.now_ms()
    if since is None or now - since < minutes * 60_000:
      return
    for reader in self.readers:
      reader.inbox.give([post_gap("x", "the stream of X was interrupted", since, now)])


class Answered(Exception):
  """An answer that is no success, and may be one later."""

  def __init__(self, status: int, headers: Mapping[str, str]) -> None:
    super().__init__(status)
    self.status = status
    self.headers = headers


def failure(answer: httpx.Response, of: str) -> Exception:
  """What an answer without success means: AuthError, Refused, or Answered where it may pass."""
  status = answer.status_code
  if status in (401, 403):
    return AuthError(
      f"X answered {status}: the bearer token is not accepted or has no access to "
      f"{of}; look at the app in X's developer console"
    )
  if 400 <= status < 500 and status != 429:
    return Refused(f"X answered {status} to {answer.request.method} {answer.request.url.path}")
  return Answered(status, answer.headers)


def _first(group: ExceptionGroup[Exception]) -> Exception:
  found: Exception = group
  while isinstance(found, ExceptionGroup):
    found = found.exceptions[0]
  return found


async def _asked(client: httpx.AsyncClient, method: str, body: Any = None) -> dict[str, Any]:
  answer = await client.request(method, RULES, json=body)
  if not answer.is_success:
    raise failure(answer, "the filtered stream")
  try:
    found = answer.json()
  except ValueError:
    raise Answered(502, {}) from None
  return found if isinstance(found, dict) else {}
