"""The one connection to Jetstream, for all sources of the process.

Jetstream has no search: it sends every post of the network, and each source takes what it looks
for. One of the sources drives; when it leaves, the next one goes on from the same place.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

import attrs
import trio
from bond_social.inbox import Inbox, post_gap

from bond_bluesky.messages import COLLECTION, Wanted, read_message, words_of
from bond_bluesky.replay import Replay
from bond_core import Disconnected, Refused, SourceContext
from bond_core.feeds import Backoff
from bond_core.websockets import WebSocket, open_websocket

PING_AFTER = 10.0
SILENCE = 60.0
"""Seconds without a message that are a dead stream: the network writes dozens of posts a second."""
STABLE = 30.0
MAX_MESSAGE_BYTES = 1024 * 1024


@attrs.define(eq=False)
class Reader:
  """A source: what it looks for, and where that goes."""

  wanted: Wanted
  inbox: Inbox


class Firehose:
  """What the sources of a process share. `servers` are base URLs of websockets, tried in turn."""

  def __init__(self, servers: Sequence[str]) -> None:
    self.readers: list[Reader] = []
    self.lead = trio.Lock()
    self._servers = servers
    self._turn = 0
    self._replay = Replay()
    self._backoff = Backoff()
    self._heard = 0.0
    self._cause = ""

  async def drive(self, ctx: SourceContext) -> None:
    """Keeps the connection up until cancelled. Raises Refused where no server can be used."""
    refused = 0
    while True:
      server = self._servers[self._turn % len(self._servers)]
      started = trio.current_time()
      try:
        await self._connected(server, ctx)
        cause, refused = self._cause, 0
      except Disconnected as exc:
        cause, refused = str(exc), 0
      except Refused as exc:
        cause, refused = str(exc), refused + 1
        if refused >= len(self._servers):
          raise
      self._turn += 1
      if trio.current_time() - started >= STABLE:
        self._backoff.reset()
      wait = self._backoff.delay()
      ctx.log.warning("%s: %s; connecting again in %.1f s", server, cause, wait)
      await trio.sleep(wait)

  async def _connected(self, server: str, ctx: SourceContext) -> None:
    """Reads until the connection ends; then `_cause` says why."""
    query = [("wantedCollections", COLLECTION)]
    if (cursor := self._replay.cursor()) is not None:
      query.append(("cursor", str(cursor)))
    url = f"{server}/subscribe?{urlencode(query)}"
    async with open_websocket(url, max_message_bytes=MAX_MESSAGE_BYTES) as websocket:
      self._replay.opened(ctx.clock.now_ms() * 1000)
      self._heard = trio.current_time()
      ctx.log.info("%s: connected", server)
      async with trio.open_nursery() as nursery:
        nursery.start_soon(self._watch, websocket, nursery.cancel_scope)
        try:
          while True:
            frames = await websocket.receive()
            self._heard = trio.current_time()
            for frame in frames:
              self._take(frame, ctx)
        except Disconnected as exc:
          self._cause = str(exc)
        nursery.cancel_scope.cancel()

  async def _watch(self, websocket: WebSocket, scope: trio.CancelScope) -> None:
    """Ends a connection that is dead, or whose stream is."""
    try:
      while True:
        pongs, heard = websocket.pongs, self._heard
        await trio.sleep(PING_AFTER)
        if self._heard != heard:
          continue
        await websocket.ping()
        await trio.sleep(PING_AFTER)
        if self._heard == heard and websocket.pongs == pongs:
          self._cause = f"no answer to a ping for {PING_AFTER:.0f} s"
          break
        if trio.current_time() - self._heard >= SILENCE:
          self._cause = f"no message for {SILENCE:.0f} s"
          break
    except Disconnected as exc:
      self._cause = str(exc)
    scope.cancel()

  def _take(self, frame: bytes, ctx: SourceContext) -> None:
    """Hands a message to those who look for it."""
    try:
      message = read_message(frame)
    except (ValueError, RecursionError):
      now = ctx.clock.now_ms()
      self._declare("a message could not be read", now, now, 1)
      return
    if (missing := self._replay.heard(message.time_us)) is not None:
      since, until = missing
      cause = "the server no longer has what was written during an outage"
      self._declare(cause, since // 1000, until // 1000)
    if message.record is None or not self._replay.is_new((message.did, message.rkey)):
      return
    words = words_of(message.record)
    for reader in self.readers:
      if posts := reader.wanted.posts(message, words):
        reader.inbox.give(list(posts))

  def _declare(self, cause: str, since: int, until: int, missed: int | None = None) -> None:
    for reader in self.readers:
      reader.inbox.give([post_gap("bluesky", cause, since, until, missed)])
