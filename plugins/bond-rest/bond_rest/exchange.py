"""One request and its answer: HTTP/1.1 on one side, an ASGI application on the other.

One a connection, so nothing that follows a request is ever read as another. The body comes as the
application takes it, within a time; an answer is read within a time too, or the connection ends.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import unquote

import h11
import msgspec
import trio

from bond_rest.problems import MEDIA_TYPE, ApiError, problem_of

logger = logging.getLogger("bond.rest")

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
  [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
  Awaitable[None],
]

READ_BYTES = 64 * 1024
TAKE_WITHIN = 10.0
"""Seconds in which a client has to take a piece of the answer."""
WRITE_BYTES = 64 * 1024
PART_WITHIN = 1.0
"""Seconds that a client has to close after its answer."""


class Exchange:
  """A request whose head is `request`; `parser` has what came after it. The body has `within`
  seconds."""

  def __init__(
    self,
    connection: trio.socket.SocketType,
    parser: h11.Connection,
    request: h11.Request,
    address: str | None,
    within: float,
  ) -> None:
    self._connection = connection
    self._parser = parser
    self._request = request
    self._address = address
    self._within = within
    self._scope = trio.CancelScope()
    self._body_by: float | None = None
    self._started = False
    self._complete = False

  async def run(self, app: App) -> None:
    """Has the application answer, for as long as the client is there."""
    with self._scope:
      try:
        await app(self._asgi_scope(), self._receive, self._send)
      except Exception as exc:
        # What is raised after a whole answer was logged by the application's own handler.
        if not self._complete:
          logger.error("a request failed with %s: %s", type(exc).__name__, exc)
      if not self._started:
        await refuse(self._connection, 500, "this is a fault of the server, which has logged it")
      elif self._complete:
        await part(self._connection)

  def _asgi_scope(self) -> Message:
    request = self._request
    path, _, query = request.target.partition(b"#")[0].partition(b"?")
    scheme, separator, rest = path.partition(b"://")
    if separator and scheme.isalpha():
      path = b"/" + rest.partition(b"/")[2]
    return {
      "type": "http",
      "asgi": {"version": "3.0", "spec_version": "2.3"},
      "http_version": request.http_version.decode(),
      "method": request.method.decode(),
      "scheme": "http",
      "path": unquote(path.decode("latin-1")),
      "raw_path": path,
      "query_string": query,
      "root_path": "",
      "headers": list(request.headers),
      "client": None if self._address is None else (self._address, 0),
      "server": None,
    }

  async def _receive(self) -> Message:
    """The next piece of the body, as ASGI has it. Raises ApiError where it cannot be read."""
    if self._parser.their_state in (h11.DONE, h11.MUST_CLOSE):
      return await self._departure()
    if self._body_by is None:
      self._body_by = trio.current_time() + self._within
    with trio.move_on_at(self._body_by):
      event = await self._next_event()
      body = bytes(event.data) if isinstance(event, h11.Data) else b""
      return {"type": "http.request", "body": body, "more_body": isinstance(event, h11.Data)}
    raise ApiError(408, f"the body of a request has to come within {self._within:g} seconds")

  async def _departure(self) -> Message:
    """Returns when the client has gone. What it sends after its request is read and left: this
    connection has no other."""
    with suppress(OSError):
      while await self._connection.recv(READ_BYTES):
        continue
    return {"type": "http.disconnect"}

  async def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
    while True:
      try:
        event = self._parser.next_event()
      except h11.RemoteProtocolError as exc:
        raise ApiError(400, f"the body is not sent as HTTP/1.1 has it: {exc}") from None
      if event is not h11.NEED_DATA:
        return event
      if self._parser.they_are_waiting_for_100_continue:
        reply = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
        await self._write(self._parser.send(reply) or b"")
      try:
        data = await self._connection.recv(READ_BYTES)
      except OSError:
        data = b""
      if not data:
        await self._end()
      self._parser.receive_data(data)

  async def _send(self, message: Message) -> None:
    """Writes what the application answers."""
    parser = self._parser
    if message["type"] == "http.response.start":
      self._started = True
      status = message["status"]
      headers = [
        *message.get("headers", ()),
        (b"date", formatdate(usegmt=True).encode()),
        (b"connection", b"close"),
      ]
      head = h11.Response(status_code=status, headers=headers, reason=_phrase(status))
      await self._write(parser.send(head) or b"")
    elif message["type"] == "http.response.body":
      body = message.get("body", b"")
      if body and self._request.method != b"HEAD":
        await self._write(parser.send(h11.Data(body)) or b"")
      if not message.get("more_body", False):
        await self._write(parser.send(h11.EndOfMessage()) or b"")
        self._complete = True

  async def _write(self, data: bytes) -> None:
    try:
      await send_all(self._connection, data)
    except OSError:
      await self._end()

  async def _end(self) -> None:
    """Ends the request of a client that has gone, which is no error of the application's."""
    self._scope.cancel()
    await trio.lowlevel.checkpoint()


async def send_all(connection: trio.socket.SocketType, data: bytes) -> None:
  """Writes everything. Raises OSError where the client has gone or takes nothing."""
  with memoryview(data) as view:
    at = 0
    while at < len(data):
      with trio.move_on_after(TAKE_WITHIN) as waiting:
        at += await connection.send(view[at : at + WRITE_BYTES])
      if waiting.cancelled_caught:
        raise TimeoutError("the client takes nothing")


async def part(connection: trio.socket.SocketType) -> None:
  """Ends the sending side, and lets the client read to the end: closing with something unread
  would reset the answer away."""
  connection.shutdown(trio.socket.SHUT_WR)
  with trio.move_on_after(PART_WITHIN):
    while await connection.recv(READ_BYTES):
      continue


async def refuse(
  connection: trio.socket.SocketType,
  status: int,
  detail: str,
  headers: Mapping[str, str] | None = None,
) -> None:
  """Answers a request that does not reach the application, and ends the connection."""
  await send_all(connection, refusal(status, detail, headers))
  await part(connection)


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> bytes:
  """A whole answer that says what is wrong."""
  body = msgspec.json.encode(problem_of(ApiError(status, detail)))
  lines = [
    f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
    f"Content-Type: {MEDIA_TYPE}",
    f"Content-Length: {len(body)}",
    f"Date: {formatdate(usegmt=True)}",
    "Connection: close",
    *(f"{name}: {value}" for name, value in (headers or {}).items()),
  ]
  return "\r\n".join([*lines, "", ""]).encode() + body


def _phrase(status: int) -> bytes:
  try:
    return HTTPStatus(status).phrase.encode()
  except ValueError:
    return b""
