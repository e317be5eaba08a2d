"""/stream and /raw on the control plane's port: handed to the broker in this process, message by
message, as fast as the control plane's own server takes them."""

import socket
from contextlib import suppress

import trio
from starlette.websockets import WebSocket, WebSocketDisconnect
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from bond_core.services import Server
from bond_rest.guard import Guard
from bond_rest.problems import ApiError

MAX_MESSAGE = 16 * 1024 * 1024
# The headers with a client's credentials.
PASSED_ON = ("authorization", "x-api-key", "x-kk0-api-key", "user-agent")
POLICY, INTERNAL, TRY_LATER = 1008, 1011, 1013
INSIDE = "localhost"


async def relay(websocket: WebSocket, server: Server, guard: Guard) -> None:
  """Carries one client's connection until either side ends it."""
  await websocket.accept()
  try:
    guard.check_page(websocket)
    guard.check_shown(websocket)
  except ApiError as exc:
    await websocket.close(POLICY, str(exc)[:120])
    return
  door = server.doors.find(websocket.url.path)
  if door is None:
    await websocket.close(TRY_LATER, "no broker runs in this process; use the one that does")
    return
  ours, theirs = socket.socketpair()
  client = websocket.client
  stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
  door(theirs, None if client is None else client.host)
  try:
    async with trio.open_nursery() as nursery:
      inner = await wrap_client_stream(
        nursery,
        stream,
        INSIDE,
        websocket.url.path + (f"?{websocket.url.query}" if websocket.url.query else ""),
        extra_headers=[
          (name.encode(), value.encode())
          for name, value in websocket.headers.items()
          if name in PASSED_ON
        ],
        max_message_size=MAX_MESSAGE,
      )
      nursery.start_soon(_inwards, websocket, inner, nursery.cancel_scope)
      await _outwards(websocket, inner)
      nursery.cancel_scope.cancel()
  finally:
    await trio.aclose_forcefully(stream)


async def _inwards(
  websocket: WebSocket, inner: WebSocketConnection, ending: trio.CancelScope
) -> None:
  """The client's messages; the end of its connection ends both."""
  with suppress(ConnectionClosed):
    while True:
      message = await websocket.receive()
      if message["type"] == "websocket.disconnect":
        ending.cancel()
        return
      text = message.get("text")
      await inner.send_message(message["bytes"] if text is None else text)


async def _outwards(websocket: WebSocket, inner: WebSocketConnection) -> None:
  """The broker's messages, and its close code."""
  with suppress(WebSocketDisconnect, RuntimeError):
    try:
      while True:
        message = await inner.get_message()
        if isinstance(message, str):
          await websocket.send_text(message)
        else:
          await websocket.send_bytes(message)
    except ConnectionClosed as closed:
      reason = closed.reason
      if reason is None:
        await websocket.close(INTERNAL, "the broker ended the connection")
      else:
        await websocket.close(reason.code, reason.reason or "")
