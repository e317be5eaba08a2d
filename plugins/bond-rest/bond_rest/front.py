"""The control plane's port: who has a place there, and who serves a connection.

A WebSocket goes to the service that serves its path, with all that the client has sent so far. All
else is one HTTP/1.1 request of the application; the port knows no other protocol.
"""

import logging
import os
import socket
from contextlib import suppress
from urllib.parse import unquote

import h11
import trio
from bond_server.access.accepting import accept_from
from bond_server.access.limits import LimitReached, Seats
from bond_server.access.port import PortRules
from bond_server.doors import Arrival, Doors

from bond_rest.exchange import READ_BYTES, App, Exchange, refusal, refuse, send_all

logger = logging.getLogger("bond.rest")

MAX_HEAD = 64 * 1024
MOST_TURNED_AWAY = 32
"""Connections that are held at one time to say that there is no place for them."""
SOCKETS = ("/stream", "/raw")
"""The paths of WebSockets, where a broker runs in this process."""


class Front:
  """Serves connections in a nursery. Whatever goes wrong with one of them is its own. `within` are
  the seconds to send the head of a request, and then its body."""

  def __init__(
    self,
    app: App,
    doors: Doors,
    *,
    rules: PortRules,
    seats: Seats,
    within: float,
    nursery: trio.Nursery,
  ) -> None:
    self._app = app
    self._doors = doors
    self._rules = rules
    self._seats = seats
    self._within = within
    self._nursery = nursery
    self._turned_away = 0

  async def listen(self, listener: socket.socket) -> None:
    """Takes connections until it is cancelled."""

    def take(sock: socket.socket, address: str | None) -> None:
      self._nursery.start_soon(self._serve, sock, address)

    await accept_from(listener, take)

  async def drain(self, within: float) -> None:
    """Waits until all connections have ended, or so many seconds have passed."""
    with trio.move_on_after(within):
      while self._seats.connections:
        await trio.sleep(0.01)

  async def _serve(self, sock: socket.socket, address: str | None) -> None:
    try:
      connection = trio.socket.from_stdlib_socket(sock)
    except OSError:
      # The client has gone already.
      sock.close()
      return
    try:
      with self._seats.enter(address):
        await self._serve_request(connection, address)
    except LimitReached as exc:
      await self._turn_away(connection, exc)
    except OSError:
      return
    except Exception as exc:
      logger.error("a connection failed with %s: %s", type(exc).__name__, exc)
    finally:
      connection.close()

  async def _serve_request(self, connection: trio.socket.SocketType, address: str | None) -> None:
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    received = bytearray()
    try:
      with trio.move_on_after(self._within) as waiting:
        request = await _request(connection, parser, received)
    except h11.RemoteProtocolError as exc:
      await refuse(connection, exc.error_status_hint, f"this is no HTTP/1.1 request: {exc}")
      return
    if waiting.cancelled_caught:
      if received:
        await refuse(connection, 408, f"a request has to come within {self._within:g} seconds")
      return
    if request is None:
      return
    if request.http_version not in (b"1.0", b"1.1"):
      await refuse(connection, 505, "this port speaks HTTP/1.1 and nothing else")
      return
    path = _path(request.target)
    if path is None:
      await refuse(connection, 400, "the target of a request is a path, as in GET /docs")
    elif not _opens_websocket(request) and path not in SOCKETS:
      await Exchange(connection, parser, request, address, self._within).run(self._app)
    elif (door := self._doors.find(path)) is not None:
      taken = socket.socket(fileno=connection.detach())
      door(Arrival(taken, address, bytes(received), self._rules))
    elif path in SOCKETS:
      await refuse(connection, 503, "no broker runs in this process; use the one that does")
    else:
      await refuse(connection, 404, f"this is no WebSocket; there are {' and '.join(SOCKETS)}")

  async def _turn_away(self, connection: trio.socket.SocketType, exc: LimitReached) -> None:
    answer = refusal(503, str(exc), {"Retry-After": str(exc.retry_after)})
    if self._turned_away >= MOST_TURNED_AWAY:
      # What is held for a moment counts, too: these have what can be said without waiting.
      with suppress(OSError):
        os.write(connection.fileno(), answer)
      return
    self._turned_away += 1
    try:
      with trio.move_on_after(1.0):
        # What the client has sent is read, or closing would reset the answer away.
        await connection.recv(READ_BYTES)
        await send_all(connection, answer)
    except OSError:
      return
    finally:
      self._turned_away -= 1


async def _request(
  connection: trio.socket.SocketType, parser: h11.Connection, received: bytearray
) -> h11.Request | None:
  """The head of the request, None where the client leaves before it. `received` is filled with all
  that came. Raises h11.RemoteProtocolError."""
  while True:
    data = await connection.recv(READ_BYTES)
    if not data:
      return None
    received += data
    parser.receive_data(data)
    event = parser.next_event()
    if isinstance(event, h11.Request):
      return event


def _path(target: bytes) -> str | None:
  """The path of a request's target, None where it has none; a whole URL loses scheme and host."""
  text = target.decode("latin-1")
  scheme, separator, rest = text.partition("://")
  if separator and scheme.isalpha():
    text = "/" + rest.partition("/")[2]
  if not text.startswith("/"):
    return None
  return "/" + unquote(text.partition("?")[0].partition("#")[0]).strip("/")


def _opens_websocket(request: h11.Request) -> bool:
  return any(
    name == b"upgrade" and b"websocket" in value.lower() for name, value in request.headers
  )
