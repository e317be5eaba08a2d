"""Streamable HTTP: one request, one answer, and nothing that is kept in between.

Each request has an object of the SDK to itself, in a nursery of its own: what goes wrong in it, or
hangs, ends with the request. Clients of both protocol versions are served without sessions.
"""

import logging
from collections import Counter
from typing import Any, Final

import msgspec
import trio
from bond_server.access.chain import HOW_TO_SHOW, LOCAL
from bond_server.access.credentials import credentials_in
from bond_server.access.port import PortRules
from bond_server.doors import RULES, Message, Server

from bond_core import AuthError, AuthUnavailable, Principal
from bond_core.packages import fault_of
from bond_mcp.desk import LocalDesk

logger = logging.getLogger("bond.mcp")

MAX_BODY: Final = 256 * 1024
REQUEST_WITHIN: Final = 60.0
"""Seconds of a request, whatever the SDK does with it."""
MOST, MOST_OF_ONE = 512, 384
"""Requests that are answered at the same time, of all and of one key or token."""


class _Unreadable(Exception):
  """The rest of a request could not be read, for the reason that this was raised from."""


class McpApp:
  """An ASGI application that answers requests to /mcp."""

  def __init__(self, server: Server) -> None:
    self._server = server
    self._open = 0
    self._of: Counter[str] = Counter()

  async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
    if self._open >= MOST:
      await _refuse(send, 503, f"{MOST} requests are being answered already", {"retry-after": "1"})
      return
    self._open += 1
    started = False

    async def watched(message: Message) -> None:
      nonlocal started
      started = True
      await send(message)

    async def heard() -> Message:
      try:
        message: Message = await receive()
      except Exception as exc:
        raise _Unreadable from exc
      return message

    try:
      await self._answer(scope, heard, watched)
    except _Unreadable as exc:
      # The control plane, whose port it is, answers that.
      raise exc.__cause__ or exc from None
    except BaseException as exc:
      error = fault_of(exc)
      logger.error("a request failed with %s: %s", type(error).__name__, error, exc_info=error)
      if not started:
        await _refuse(send, 500, "this is a fault of the server, which has logged it")
    finally:
      self._open -= 1

  async def _answer(self, scope: Message, receive: Any, send: Any) -> None:
    try:
      caller = await self._caller(scope)
    except AuthUnavailable as exc:
      await _refuse(send, 503, str(exc), {"retry-after": "5"})
      return
    except AuthError as exc:
      await _refuse(send, 401, str(exc), {"www-authenticate": "Bearer"})
      return
    if self._of[caller.name] >= MOST_OF_ONE:
      sentence = f"{MOST_OF_ONE} requests with these credentials are being answered already"
      await _refuse(send, 429, sentence, {"retry-after": "1"})
      return
    self._of[caller.name] += 1
    try:
      await self._answer_caller(caller, scope, receive, send)
    finally:
      self._of[caller.name] -= 1
      if not self._of[caller.name]:
        del self._of[caller.name]

  async def _answer_caller(
    self, caller: Principal, scope: Message, receive: Any, send: Any
  ) -> None:
    body = await _read(receive)
    if body is None:
      await _refuse(send, 413, f"a request has up to {MAX_BODY} bytes")
      return
    # Imported by the first request.
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from bond_mcp.sdk import make_server

    host = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"host"), "localhost")
    server = make_server(LocalDesk(self._server.answers, caller, host))
    manager = StreamableHTTPSessionManager(
      server, json_response=True, stateless=True, max_request_body_size=MAX_BODY
    )
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
      if parts:
        return parts.pop()
      return await trio.sleep_forever()

    async with trio.open_nursery() as nursery:

      async def watch() -> None:
        # A client that has gone waits for nothing more.
        while (await receive())["type"] != "http.disconnect":
          continue
        nursery.cancel_scope.cancel()

      nursery.start_soon(watch)
      with trio.move_on_after(REQUEST_WITHIN) as time:
        async with manager.run():
          await manager.handle_request(scope, replayed, send)
      if time.cancelled_caught:
        await _refuse(send, 504, "the answer took too long")
      nursery.cancel_scope.cancel()

  async def _caller(self, scope: Message) -> Principal:
    """Who calls. Raises AuthError."""
    rules: PortRules = scope[RULES]
    principal = await self._server.access.identify(credentials_in(scope))
    if principal is None:
      if not rules.open_to_all:
        raise AuthError(f"this needs credentials: {HOW_TO_SHOW}")
      principal = LOCAL
    return principal


async def _read(receive: Any) -> bytes | None:
  """The body of a request, None where it is too large."""
  body = b""
  while True:
    message = await receive()
    part: bytes = message.get("body", b"")
    body += part
    if len(body) > MAX_BODY:
      return None
    if not message.get("more_body", False):
      return body


async def _refuse(
  send: Any, status: int, sentence: str, headers: dict[str, str] | None = None
) -> None:
  error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": sentence}}
  body = msgspec.json.encode(error)
  shown = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
  pairs = [(name.encode(), value.encode()) for name, value in shown.items()]
  await send({"type": "http.response.start", "status": status, "headers": pairs})
  await send({"type": "http.response.body", "body": body})
