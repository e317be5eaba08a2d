"""The transport of sessions that speak over a WebSocket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from bond_core._errors import Disconnected
from bond_core._feeds.contract import Handshake
from bond_core._ssrf import vetted_addresses
from bond_core._ws.client import WebSocket, open_websocket

PONG_WITHIN = 10.0


class WebSocketTransport:
  """Messages as bytes, requests as text messages."""

  def __init__(self, websocket: WebSocket) -> None:
    self._websocket = websocket
    self._reads = 0

  async def receive(self) -> list[bytes]:
    """The next messages, at least one."""
    messages = await self._websocket.receive()
    self._reads += 1
    return messages

  async def send(self, request: bytes) -> None:
    """Sends a text message."""
    await self._websocket.send(request)

  async def ping(self, after: float) -> None:
    """Pings after so many seconds without a message. Raises Disconnected where neither a pong nor a
    message comes within 10 s."""
    while True:
      reads, pongs = self._reads, self._websocket.pongs
      await trio.sleep(after)
      if self._reads != reads:
        continue
      await self._websocket.ping()
      await trio.sleep(PONG_WITHIN)
      if self._reads == reads and self._websocket.pongs == pongs:
        raise Disconnected(f"no answer to a ping for {PONG_WITHIN:.0f} s")


@asynccontextmanager
async def open_websocket_transport(
  handshake: Handshake,
  *,
  max_message_bytes: int = 16 * 1024 * 1024,
  ping_after: float | None = None,
) -> AsyncIterator[WebSocketTransport]:
  """A WebSocket for a session whose `target` returns a Handshake. A connection that has been silent
  for `ping_after` seconds is pinged. Raises HandshakeRefused, a Disconnected, for an HTTP answer.
  """
  addresses = None
  if handshake.allowance is not None:
    addresses = await vetted_addresses(handshake.url, handshake.allowance)
  async with (
    open_websocket(
      handshake.url,
      headers=handshake.headers,
      subprotocols=handshake.subprotocols,
      addresses=addresses,
      max_message_bytes=max_message_bytes,
    ) as websocket,
    trio.open_nursery() as nursery,
  ):
    transport = WebSocketTransport(websocket)
    if ping_after is not None:
      nursery.start_soon(transport.ping, ping_after)
    yield transport
    nursery.cancel_scope.cancel()
