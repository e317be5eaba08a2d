"""REST requests of a Feed: paced by weight, retried, bounded."""

import heapq
import logging
import ssl
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import trio

from bond_core._feeds.contract import Feed, Fetch, Response
from bond_core._feeds.rate_limit import RateLimit, retry_after
from bond_core._simulated import note_answer
from bond_core._supervise import Backoff
from bond_core._words import said

if TYPE_CHECKING:
  import httpx

MAX_BODY_BYTES = 64 * 1024 * 1024
IN_FLIGHT = 4
PASSING = frozenset((401, 403, 407, 408, 418, 425, 429, 451))
"""Refusals of an address, a place or a rate: none of them is about what was requested."""
_JSON = {"content-type": "application/json"}
# A share of the published weight is left to whatever else runs from this address.
WEIGHT_SHARE = 0.8


class Fetcher:
  """Carries out the Fetch actions of one group. `deliver` takes each final answer; refusals that
  may pass and network failures are waited out and tried again while the answer is `wanted`."""

  def __init__(
    self,
    feed: Feed,
    group: str,
    deliver: Callable[[Fetch, Response], None],
    wanted: Callable[[Fetch], bool],
    log: logging.LoggerAdapter[logging.Logger],
  ) -> None:
    allowed, seconds = feed.limits(group).weight
    self.rate = RateLimit(allowed * WEIGHT_SHARE, seconds)
    self.troubles: dict[Fetch, str] = {}
    """Why requests that will be tried again have no answer yet."""
    self._feed = feed
    self._deliver = deliver
    self._wanted = wanted
    self._log = log
    self._queue: list[tuple[int, int, Fetch]] = []
    self._backoffs: dict[Fetch, Backoff] = {}
    self._order = count()
    self._ready = trio.Event()

  def put(self, fetch: Fetch) -> None:
    """Adds a request. Equal requests that still wait are one."""
    if fetch not in self.troubles and all(waiting != fetch for _, _, waiting in self._queue):
      self._push(fetch)

  def _push(self, fetch: Fetch) -> None:
    heapq.heappush(self._queue, (fetch.priority, next(self._order), fetch))
    self._ready.set()

  async def run(self) -> None:
    """Works until it is cancelled."""
    # 170 ms of import belong off the event loop, and only to those who need REST.
    httpx = await trio.to_thread.run_sync(__import__, "httpx")
    # What this machine trusts, as websockets have it; httpx has a list of its own.
    trusted = await trio.to_thread.run_sync(ssl.create_default_context)
    async with (
      httpx.AsyncClient(
        verify=trusted, trust_env=False, follow_redirects=False, timeout=10.0
      ) as client,
      trio.open_nursery() as nursery,
    ):
      slots = trio.CapacityLimiter(IN_FLIGHT)
      while True:
        while not self._queue:
          self._ready = trio.Event()
          await self._ready.wait()
        await slots.acquire_on_behalf_of(ticket := object())
        fetch = self._queue[0][2]
        if wait := self.rate.delay(trio.current_time(), fetch.weight):
          slots.release_on_behalf_of(ticket)
          # While it waits, something more urgent may arrive or a block may be lifted or set.
          await trio.sleep(min(wait, 1.0))
          continue
        heapq.heappop(self._queue)
        self.rate.spend(trio.current_time(), fetch.weight)
        nursery.start_soon(self._fetch, client, fetch, slots, ticket)

  async def _fetch(
    self, client: "httpx.AsyncClient", fetch: Fetch, slots: trio.CapacityLimiter, ticket: object
  ) -> None:
    try:
      response, trouble = await self._get(client, fetch)
    finally:
      # While this one waits for its next try, others have their turn.
      slots.release_on_behalf_of(ticket)
    if response is not None and trouble is None:
      self._forget(fetch)
      self._deliver(fetch, response)
      return
    wait = self._backoffs.setdefault(fetch, Backoff(first=1.0, cap=60.0)).delay()
    if response is not None and (required := retry_after(response.headers)) is not None:
      wait = max(wait, required)
    if response is not None and response.status in (418, 429):
      # The venue means this address, not one request: everything waits.
      wait = max(wait, 1.0)
      self.rate.block(trio.current_time() + wait)
    self.troubles[fetch] = f"{fetch.purpose}: {trouble}"
    self._log.warning("%s: %s; trying again in %.1f s", fetch.purpose, trouble, wait)
    await trio.sleep(wait)
    if self._wanted(fetch):
      self._push(fetch)
    else:
      self._forget(fetch)

  def _forget(self, fetch: Fetch) -> None:
    self.troubles.pop(fetch, None)
    self._backoffs.pop(fetch, None)

  async def _get(
    self, client: "httpx.AsyncClient", fetch: Fetch
  ) -> tuple[Response | None, str | None]:
    """The answer, and what is wrong with it where the request has to be repeated."""
    import httpx

    body = bytearray()
    method, headers = ("GET", None) if fetch.body is None else ("POST", _JSON)
    try:
      with trio.fail_after(30):
        async with client.stream(method, fetch.url, content=fetch.body, headers=headers) as answer:
          async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
              return None, f"the answer is longer than {MAX_BODY_BYTES} bytes"
    except (httpx.HTTPError, OSError) as exc:
      return None, f"{type(exc).__name__}: {exc or 'no answer'}"
    except trio.TooSlowError:
      return None, "no complete answer within 30 s"
    note_answer(answer.headers)
    response = Response(answer.status_code, dict(answer.headers), bytes(body))
    begin = response.body.lstrip()[:1]
    success = 200 <= response.status < 300 and begin != b"<"
    # Only a refusal in the venue's own words is one; what a firewall or a proxy says passes.
    own_words = 400 <= response.status < 500 and begin in (b"{", b"[")
    if success or (own_words and response.status not in PASSING):
      return response, None
    reason = self._feed.explain(response.status, response.body)
    return response, reason or f"HTTP {response.status}{said(response.body)}"
