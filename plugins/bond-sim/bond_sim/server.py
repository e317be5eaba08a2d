"""A server for simulated venues: HTTP/1.1 and WebSocket on one port, driven by trio."""

import itertools
from functools import partial
from typing import Protocol

import trio

from bond_sim.http import Abort, HttpPeer, Request, Response
from bond_sim.websocket import Connection, Policy, Session, reset


class Site(Protocol):
  """What is served: answers to requests, and sessions on WebSockets."""

  async def http(self, request: Request) -> Response:
    """The answer to a request. Raises Abort to have the TCP connection reset instead."""

  async def upgrade(self, request: Request) -> Policy | Response:
    """Whether a WebSocket is accepted, and on which terms, or the answer that refuses it. Raises
    Abort to have the TCP connection reset instead."""

  def opened(self, connection: Connection) -> Session:
    """A WebSocket is open."""


async def serve(
  site: Site, host: str, port: int, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves `site` until cancelled and reports its base URL. Port 0 takes a free one."""
  listeners = await trio.open_tcp_listeners(port, host=host)
  bound = listeners[0].socket.getsockname()[1]
  shown = f"[{host}]" if ":" in host else host
  handler = partial(_serve_peer, site, itertools.count(1))
  async with trio.open_nursery() as nursery:
    await nursery.start(partial(trio.serve_listeners, handler, listeners))
    task_status.started(f"http://{shown}:{bound}")


async def _serve_peer(
  site: Site, numbers: "itertools.count[int]", stream: trio.SocketStream
) -> None:
  async with stream:
    peer = HttpPeer(stream, stream.socket.getpeername()[0])
    try:
      while (request := await peer.request()) is not None:
        if request.upgrades:
          terms = await site.upgrade(request)
          if isinstance(terms, Policy):
            await _serve_websocket(
              site, Connection(next(numbers), request, terms, stream), peer.rest
            )
            return
          answer = terms
        else:
          answer = await site.http(request)
        if not await peer.respond(answer):
          return
    except Abort:
      await reset(stream)


async def _serve_websocket(site: Site, connection: Connection, early: bytes) -> None:
  if await connection.handshake(early):
    await connection.run(site.opened(connection))
