"""The server of a simulated venue: HTTP/1.1 and WebSocket on one port, driven by trio."""

import itertools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Protocol

import trio

from bond_core.config import cannot_listen
from bond_simkit.http import Abort, HttpPeer, HttpRequest, HttpResponse
from bond_simkit.websocket import ClientConnection, ClientHandler, ConnectionPolicy, reset


class Site(Protocol):
  """What is served: responses to requests, and a handler for each WebSocket."""

  async def http(self, request: HttpRequest) -> HttpResponse:
    """The response to a request. Raises Abort to have the TCP connection reset instead."""

  async def upgrade(self, request: HttpRequest) -> ConnectionPolicy | HttpResponse:
    """The policy of a WebSocket that is accepted, or the response that refuses it. Raises Abort to
    have the TCP connection reset instead."""

  def opened(self, connection: ClientConnection) -> ClientHandler:
    """A WebSocket is open; its handler gets what the client sends."""


def _as_it_is(site: Site) -> Site:
  return site


between: ContextVar[Callable[[Site], Site]] = ContextVar("between", default=_as_it_is)
"""What stands between the sites that are served from here on and their clients, such as
`Hostility.site`."""


async def serve_site(
  site: Site, host: str, port: int, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
  """Serves `site` until cancelled and reports its base URL. Port 0 takes a free one."""
  listeners = await open_listeners(host, port)
  handler = partial(serve_client, between.get()(site), itertools.count(1))
  async with trio.open_nursery() as nursery:
    await nursery.start(partial(trio.serve_listeners, handler, listeners))
    task_status.started(base_url(host, listeners))


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
  """The sockets that a simulator listens on. Raises BondError, which says what is in the way."""
  try:
    return await trio.open_tcp_listeners(port, host=host)
  except OSError as exc:
    raise cannot_listen(host, port, exc) from exc


def base_url(host: str, listeners: list[trio.SocketListener]) -> str:
  """The URL at which listeners on `host` are reached."""
  shown = f"[{host}]" if ":" in host else host
  return f"http://{shown}:{listeners[0].socket.getsockname()[1]}"


async def serve_client(site: Site, numbers: Iterator[int], stream: trio.SocketStream) -> None:
  """Serves one TCP connection until it ends; `numbers` gives each WebSocket its number."""
  async with stream:
    peer = HttpPeer(stream, stream.socket.getpeername()[0])
    try:
      while (request := await peer.request()) is not None:
        if request.upgrades:
          decision = await site.upgrade(request)
          if isinstance(decision, ConnectionPolicy):
            connection = ClientConnection(next(numbers), request, decision, stream)
            if await connection.handshake(peer.rest):
              await connection.run(site.opened(connection))
            return
          response = decision
        else:
          response = await site.http(request)
        if not await peer.respond(response):
          return
    except Abort:
      await reset(stream)
