"""HTTP/1.1 for simulated venues over any trio stream: requests in, responses out, framed by h11."""

from collections.abc import AsyncIterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import attrs
import h11
import msgspec
import trio
from trio.abc import Stream

from bond_core.websockets import SIMULATOR

MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024
IDLE_SECONDS = 75.0
READ_BYTES = 64 * 1024


class Abort(Exception):
  """Raised by a site to reset the TCP connection (RST) instead of sending a response."""


@attrs.frozen(kw_only=True)
class HttpRequest:
  """A client's request. `path` is decoded and has no query, header names are lower case, `peer` is
  the client's address without its port."""

  method: str
  path: str
  query: tuple[tuple[str, str], ...] = ()
  headers: dict[str, str] = attrs.field(factory=dict)
  body: bytes = b""
  peer: str = ""

  def param(self, name: str) -> str | None:
    """The first value of a query parameter."""
    return next((value for key, value in self.query if key == name), None)

  @property
  def upgrades(self) -> bool:
    """Whether the client requests a WebSocket."""
    return self.headers.get("upgrade", "").lower() == "websocket"


@attrs.frozen(kw_only=True)
class HttpResponse:
  """A response. A body that is an async iterable is sent in chunks as it comes."""

  status: int = 200
  body: bytes | AsyncIterable[bytes] = b""
  headers: tuple[tuple[str, str], ...] = ()


def json_response(
  value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> HttpResponse:
  """A response with `value` as its JSON body; bytes are taken as JSON already."""
  body = value if isinstance(value, bytes) else msgspec.json.encode(value)
  return HttpResponse(
    status=status, body=body, headers=(("content-type", "application/json"), *headers)
  )


class HttpPeer:
  """The server's end of one HTTP connection: `request()`, then `respond()`, until `request()`
  returns None. `early` is what was read from the stream before."""

  def __init__(self, stream: Stream, address: str, early: bytes = b"") -> None:
    self._stream = stream
    self._address = address
    self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
    if early:
      self._http.receive_data(early)

  @property
  def rest(self) -> bytes:
    """Bytes that arrived after an upgrade request; they belong to the next protocol."""
    return self._http.trailing_data[0]

  async def request(self) -> HttpRequest | None:
    """The next request; None when the client has finished, was idle for 75 s or sent something that
    is not HTTP (which is answered with the 4xx that says so)."""
    try:
      with trio.fail_after(IDLE_SECONDS):
        return await self._request()
    except (trio.TooSlowError, trio.BrokenResourceError):
      return None
    except h11.RemoteProtocolError as error:
      if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        text = f"{HTTPStatus(error.error_status_hint).phrase}: {error}\n".encode()
        await self.respond(HttpResponse(status=error.error_status_hint, body=text))
      return None

  async def _request(self) -> HttpRequest | None:
    head: h11.Request | None = None
    body = b""
    while True:
      event = self._http.next_event()
      if event is h11.NEED_DATA:
        if self._http.they_are_waiting_for_100_continue:
          go_on = h11.InformationalResponse(status_code=100, headers=[])
          await self._stream.send_all(self._http.send(go_on) or b"")
        self._http.receive_data(bytes(await self._stream.receive_some(READ_BYTES)))
      elif isinstance(event, h11.Request):
        head = event
      elif isinstance(event, h11.Data):
        body += event.data
        if len(body) > MAX_BODY_BYTES:
          raise h11.RemoteProtocolError("the body is too long", error_status_hint=413)
      elif isinstance(event, h11.EndOfMessage) and head is not None:
        return _request(head, body, self._address)
      else:
        return None

  async def respond(self, response: HttpResponse) -> bool:
    """Sends a response; true when another request may follow on this connection."""
    http, body = self._http, response.body
    headers = [*response.headers, (SIMULATOR, "1")]
    if isinstance(body, bytes):
      headers.append(("content-length", str(len(body))))
    reason = HTTPStatus(response.status).phrase if response.status in _STATUSES else ""
    head = h11.Response(status_code=response.status, headers=headers, reason=reason.encode())
    try:
      out = http.send(head) or b""
      if isinstance(body, bytes):
        out += http.send(h11.Data(data=body)) or b""
      else:
        await self._stream.send_all(out)
        async for part in body:
          await self._stream.send_all(http.send(h11.Data(data=part)) or b"")
        out = b""
      await self._stream.send_all(out + (http.send(h11.EndOfMessage()) or b""))
    except trio.BrokenResourceError:
      return False
    if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
      return False
    http.start_next_cycle()
    return True


_STATUSES = frozenset(status.value for status in HTTPStatus)


def _request(head: h11.Request, body: bytes, peer: str) -> HttpRequest:
  path, _, query = head.target.decode("ascii").partition("?")
  return HttpRequest(
    method=head.method.decode("ascii"),
    path=unquote(path),
    query=tuple(parse_qsl(query, keep_blank_values=True)),
    headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
    body=body,
    peer=peer,
  )
