"""Web pages that use the control plane: which may, and how a browser learns it (CORS).

Around the whole application, so that every answer can be read by a page that may call, also one
that says what is wrong.
"""

from typing import Final

from bond_server.doors import RULES, Doors
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bond_rest.guard import Guard
from bond_rest.problems import ApiError, problem

METHODS: Final = "GET, POST, PUT, DELETE"
HEADERS: Final = (
  "Authorization, Content-Type, X-API-Key, Mcp-Method, Mcp-Name, Mcp-Protocol-Version"
)
EXPOSED: Final = "Retry-After, WWW-Authenticate"
KEEP_FOR: Final = 600
"""Seconds that a browser may keep the answer to a preflight."""


class Pages:
  """An application that pages of other origins can use if they may, and those that other services
  have registered."""

  def __init__(self, app: ASGIApp, doors: Doors, guard: Guard, *, max_body: int) -> None:
    self._app = app
    self._doors = doors
    self._guard = guard
    self._max_body = max_body

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    headers = Headers(scope=scope)
    allowed = None

    async def answer(message: Message) -> None:
      if message["type"] == "http.response.start":
        more = MutableHeaders(scope=message)
        more.add_vary_header("Origin")
        if allowed is not None:
          more["Access-Control-Allow-Origin"] = allowed
          more["Access-Control-Expose-Headers"] = EXPOSED
      await send(message)

    try:
      self._guard.check_page(headers)
      # Set where a page calls; it was checked.
      allowed = headers.get("origin")
      self._check_length(headers)
    except ApiError as exc:
      await problem(exc)(scope, receive, answer)
      return
    if allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
      await _preflight()(scope, receive, answer)
      return
    other = self._doors.app(scope["path"].rstrip("/"))
    if other is None:
      await self._app(scope, receive, answer)
    else:
      scope[RULES] = self._guard.rules
      try:
        await other(scope, receive, answer)
      except ApiError as exc:
        # The rest of its request could not be read.
        await problem(exc)(scope, receive, answer)

  def _check_length(self, headers: Headers) -> None:
    """Raises ApiError for a body that is announced as too large, before anything reads it."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > self._max_body:
      raise ApiError(413, f"a request has up to {self._max_body} bytes")


def _preflight() -> Response:
  return Response(
    status_code=204,
    headers={
      "Access-Control-Allow-Methods": METHODS,
      "Access-Control-Allow-Headers": HEADERS,
      "Access-Control-Max-Age": str(KEEP_FOR),
    },
  )
