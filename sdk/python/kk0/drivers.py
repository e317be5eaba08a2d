"""How a stream waits: on asyncio, on trio, or in a thread. Each driver does the steps' ops."""

import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.exceptions import (
  ConnectionClosed,
  InvalidHandshake,
  InvalidMessage,
  InvalidStatus,
  WebSocketException,
)

from kk0.steps import Lost, Op, Steps

OPEN_WITHIN = 10.0
CLOSE_WITHIN = 2.0
MAX_MESSAGE = 16 * 1024 * 1024


class AsyncDriver(Protocol):
  """A way to wait without a thread."""

  async def run(self, steps: Steps) -> Any:
    """Does the steps; what they return."""

  async def close(self) -> None:
    """Ends the connection."""


Renew = Callable[[], Awaitable[str]]


def driver_here(renew: Renew | None = None) -> "AsyncDriver":
  """The driver of whatever runs this coroutine. `renew` gives the URL of a new token."""
  trio = sys.modules.get("trio")
  if trio is not None and trio.lowlevel.in_trio_run():
    return TrioDriver(renew)
  return AsyncioDriver(renew)


async def _run(driver: Any, steps: Steps) -> Any:
  try:
    op = next(steps)
    while True:
      try:
        result = await getattr(driver, op.name)(op.value)
      except Lost as exc:
        op = steps.throw(exc)
      else:
        op = steps.send(result)
  except StopIteration as exc:
    return exc.value


def _lost(exc: Exception) -> Lost:
  """What an error of websockets means."""
  if isinstance(exc, ConnectionClosed):
    return Lost(*((exc.rcvd.code, exc.rcvd.reason) if exc.rcvd is not None else (None, str(exc))))
  if isinstance(exc, InvalidStatus):
    body = exc.response.body or b""
    return Lost(exc.response.status_code, body.decode(errors="replace")[:300])
  return Lost(None, str(exc))


_BROKEN = (OSError, InvalidHandshake, InvalidMessage, WebSocketException, EOFError, TimeoutError)


class AsyncioDriver:
  """On asyncio, by websockets."""

  def __init__(self, renew: Renew | None = None) -> None:
    self._socket: Any = None
    self._renew = renew

  async def run(self, steps: Steps) -> Any:
    return await _run(self, steps)

  async def connect(self, url: str) -> None:
    """Opens a connection."""
    from websockets.asyncio.client import connect

    try:
      self._socket = await connect(
        url, open_timeout=OPEN_WITHIN, close_timeout=CLOSE_WITHIN, max_size=MAX_MESSAGE, proxy=None
      )
    except _BROKEN as exc:
      raise _lost(exc) from exc

  async def send(self, text: str) -> None:
    """Sends a message."""
    try:
      await self._there.send(text)
    except _BROKEN as exc:
      raise _lost(exc) from exc

  async def receive(self, within: float) -> Any:
    """The next message."""
    try:
      async with asyncio.timeout(within):
        return await self._there.recv()
    except _BROKEN as exc:
      raise _lost(exc) from exc

  async def renew(self, _: None = None) -> str:
    """The URL of a new token."""
    assert self._renew is not None
    return await self._renew()

  async def sleep(self, seconds: float) -> None:
    """Waits."""
    await asyncio.sleep(seconds)

  async def drop(self, _: None = None) -> None:
    """Drops a connection that is of no use any more."""
    socket, self._socket = self._socket, None
    if socket is not None:
      socket.transport.abort()
      with contextlib.suppress(Exception):
        await socket.wait_closed()

  async def close(self) -> None:
    socket, self._socket = self._socket, None
    if socket is not None:
      await socket.close()

  @property
  def _there(self) -> Any:
    if self._socket is None:
      raise Lost(None, "not connected")
    return self._socket


class TrioDriver:
  """On trio, by trio-websocket. The connection's own task lives in a system task's nursery that
  `close` ends, since a stream may be used without a nursery of its own."""

  def __init__(self, renew: Renew | None = None) -> None:
    import trio

    self._renew = renew
    self._trio = trio
    self._socket: Any = None
    self._scope: Any = None
    self._ended: Any = None

  async def run(self, steps: Steps) -> Any:
    return await _run(self, steps)

  async def connect(self, url: str) -> None:
    """Opens a connection."""
    trio = self._trio
    opened = trio.Event()
    found: list[Any] = []
    self._scope, self._ended = trio.CancelScope(), trio.Event()
    trio.lowlevel.spawn_system_task(self._hold, url, found, opened, self._scope, self._ended)
    try:
      with trio.fail_after(OPEN_WITHIN):
        await opened.wait()
    except trio.TooSlowError:
      raise Lost(None, f"no connection within {OPEN_WITHIN:g} s") from None
    if isinstance(found[0], Lost):
      raise found[0]
    self._socket = found[0]

  async def _hold(self, url: str, found: list[Any], opened: Any, scope: Any, ended: Any) -> None:
    import trio_websocket

    try:
      with scope:
        # The stream is closed here: the library leaves one open that the server has left.
        async with await self._stream(url) as stream, self._trio.open_nursery() as nursery:
          parts = urlsplit(url)
          socket = await trio_websocket.wrap_client_stream(
            nursery,
            stream,
            parts.netloc,
            f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
            max_message_size=MAX_MESSAGE,
          )
          found.append(socket)
          opened.set()
          await self._trio.sleep_forever()
    except BaseException as exc:
      found.append(_trio_lost(exc))
      if not isinstance(exc, Exception):
        raise
    finally:
      if not found:
        found.append(Lost(None, "given up"))
      opened.set()
      ended.set()

  async def _stream(self, url: str) -> Any:
    parts = urlsplit(url)
    assert parts.hostname is not None
    if parts.scheme == "ws":
      return await self._trio.open_tcp_stream(parts.hostname, parts.port or 80)
    return await self._trio.open_ssl_over_tcp_stream(
      parts.hostname, parts.port or 443, ssl_context=ssl.create_default_context()
    )

  async def send(self, text: str) -> None:
    """Sends a message."""
    import trio_websocket

    try:
      await self._there.send_message(text)
    except trio_websocket.ConnectionClosed as exc:
      raise self._lost(exc) from exc

  async def receive(self, within: float) -> Any:
    """The next message."""
    import trio_websocket

    try:
      with self._trio.fail_after(within):
        return await self._there.get_message()
    except self._trio.TooSlowError:
      raise Lost(None, "silent") from None
    except trio_websocket.ConnectionClosed as exc:
      raise self._lost(exc) from exc

  async def renew(self, _: None = None) -> str:
    """The URL of a new token."""
    assert self._renew is not None
    return await self._renew()

  async def sleep(self, seconds: float) -> None:
    """Waits."""
    await self._trio.sleep(seconds)

  async def drop(self, _: None = None) -> None:
    """Drops a connection that is of no use any more."""
    self._socket = None
    if self._scope is not None:
      self._scope.cancel()
      with self._trio.CancelScope(shield=True):
        await self._ended.wait()
      self._scope = None

  async def close(self) -> None:
    socket = self._socket
    if socket is not None:
      with self._trio.move_on_after(CLOSE_WITHIN, shield=True):
        await socket.aclose()
    await self.drop()

  @staticmethod
  def _lost(exc: Any) -> Lost:
    reason = exc.reason
    if reason is None or reason.code in (1006, None):
      return Lost(None, "the connection broke")
    return Lost(reason.code, reason.reason or "")

  @property
  def _there(self) -> Any:
    if self._socket is None:
      raise Lost(None, "not connected")
    return self._socket


def _trio_lost(exc: BaseException) -> Lost:
  """What ended a connection, or kept it from being made."""
  from trio_websocket import ConnectionRejected

  while isinstance(exc, BaseExceptionGroup):
    exc = exc.exceptions[0]
  if isinstance(exc, ConnectionRejected):
    return Lost(exc.status_code, (exc.body or b"").decode(errors="replace")[:300])
  return Lost(None, f"{type(exc).__name__}: {exc}")


class ThreadDriver:
  """In the calling thread, by websockets."""

  def __init__(self, renew: Callable[[], str] | None = None) -> None:
    self._socket: Any = None
    self._renew = renew

  def run(self, steps: Steps) -> Any:
    """Does the steps; what they return."""
    try:
      op = next(steps)
      while True:
        try:
          result = self._do(op)
        except Lost as exc:
          op = steps.throw(exc)
        else:
          op = steps.send(result)
    except StopIteration as exc:
      return exc.value

  def _do(self, op: Op) -> Any:
    if op.name == "sleep":
      time.sleep(op.value)
    elif op.name == "drop":
      self._drop()
    elif op.name == "renew":
      assert self._renew is not None
      return self._renew()
    else:
      try:
        return self._talk(op)
      except _BROKEN as exc:
        raise _lost(exc) from exc
    return None

  def _talk(self, op: Op) -> Any:
    from websockets.sync.client import connect

    if op.name == "connect":
      opening = connect(
        op.value,
        open_timeout=OPEN_WITHIN,
        close_timeout=CLOSE_WITHIN,
        max_size=MAX_MESSAGE,
        proxy=None,
      )
      # Left by `close` or `drop`: it outlives this step.
      self._socket = opening.__enter__()
      return None
    if self._socket is None:
      raise Lost(None, "not connected")
    if op.name == "send":
      return self._socket.send(op.value)
    return self._socket.recv(timeout=op.value)

  def _drop(self) -> None:
    socket, self._socket = self._socket, None
    if socket is not None:
      with contextlib.suppress(Exception):
        socket.close_socket()

  def close(self) -> None:
    """Ends the connection."""
    socket, self._socket = self._socket, None
    if socket is not None:
      socket.close()
