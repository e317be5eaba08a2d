"""The HTTP that comes before a WebSocket, or instead of one: one request, one answer."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request
from websockets.server import ServerProtocol

MAX_HEAD_BYTES = 16 * 1024

_END = b"\r\n\r\n"


class Head(NamedTuple):
  """A request's head, and what came after it: bytes, and messages that were read already."""

  request: Request
  protocol: ServerProtocol
  rest: bytes
  early: Sequence[bytes] = ()

  @property
  def upgrades(self) -> bool:
    """Whether it asks for a WebSocket."""
    return "websocket" in self.request.headers.get("Upgrade", "").lower()


class BadHead(ValueError):
  """A request that is not served here; `answer` says why."""

  def __init__(self, status: HTTPStatus, message: str) -> None:
    super().__init__(message)
    self.answer = plain_answer(status, {"error": message})


def read_head(received: bytes, max_message: int) -> Head | None:
  """The head in what was received so far, None while it is incomplete. Raises BadHead."""
  end = received.find(_END, 0, MAX_HEAD_BYTES)
  if end < 0:
    if len(received) >= MAX_HEAD_BYTES:
      message = f"the head of a request is at most {MAX_HEAD_BYTES} bytes here"
      raise BadHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)
    return None
  protocol = ServerProtocol(max_size=max_message)
  protocol.receive_data(received[: end + len(_END)])
  request = next((e for e in protocol.events_received() if isinstance(e, Request)), None)
  if request is None:
    message = "this is no HTTP/1.1 GET request; open a WebSocket at /stream, or GET /health"
    raise BadHead(HTTPStatus.BAD_REQUEST, message)
  if request.method != "GET":
    message = (
      f"there is nothing to {request.method[:20]} here; open a WebSocket at /stream, or GET /health"
    )
    raise BadHead(HTTPStatus.METHOD_NOT_ALLOWED, message)
  request.headers = _each_once(request.headers)
  return Head(request, protocol, received[end + len(_END) :])


# Headers that decide about access. Of two, a proxy before us may have checked the other.
_ONE_ONLY = ("host", "origin", "authorization")


def _each_once(headers: Headers) -> Headers:
  """The same headers, with the values of one that came several times joined (RFC 9110, 5.3), so
  that any of them can be looked up. Raises BadHead where there must be one."""
  values: dict[str, list[str]] = {}
  for name, value in headers.raw_items():
    values.setdefault(name.lower(), []).append(value)
  for name in _ONE_ONLY:
    if len(values.get(name, ())) > 1:
      raise BadHead(HTTPStatus.BAD_REQUEST, f"the request has more than one {name} header")
  return Headers((name, ", ".join(several)) for name, several in values.items())


def accept(head: Head) -> bytes:
  """The answer that opens the WebSocket; `head.protocol` is open afterwards. Raises BadHead."""
  response = head.protocol.accept(head.request)
  if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
    exc = head.protocol.handshake_exc
    reason = str(exc) if isinstance(exc, InvalidHandshake) else "the handshake is not valid"
    raise BadHead(HTTPStatus(response.status_code), f"this opens no WebSocket: {reason}")
  head.protocol.send_response(response)
  return b"".join(head.protocol.data_to_send())


# Headers that an answer of this status must have (RFC 9110, 15.5.6 and 15.5.22).
_NEEDED: dict[HTTPStatus, tuple[tuple[str, str], ...]] = {
  HTTPStatus.METHOD_NOT_ALLOWED: (("Allow", "GET"),),
  HTTPStatus.UPGRADE_REQUIRED: (("Upgrade", "websocket"), ("Connection", "Upgrade")),
}


def plain_answer(
  status: HTTPStatus,
  body: object,
  *,
  content_type: str = "application/json",
  headers: Headers | None = None,
) -> bytes:
  """A whole HTTP answer, after which the connection ends. A body that is no text is JSON."""
  data = body.encode() if isinstance(body, str) else msgspec.json.encode(body) + b"\n"
  more = [*_NEEDED.get(status, ()), *(headers or Headers()).raw_items()]
  lines = [
    f"HTTP/1.1 {status.value} {status.phrase}",
    f"Content-Type: {content_type}",
    f"Content-Length: {len(data)}",
    "Cache-Control: no-store",
    "Connection: close",
    *(f"{name}: {value}" for name, value in more),
  ]
  return "\r\n".join(lines).encode() + _END + data
