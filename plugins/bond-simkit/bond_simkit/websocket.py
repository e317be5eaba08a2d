"""The server's end of one WebSocket: handshake, control frames and limits through websockets'
sans-IO protocol; data frames come ready-made from the caller and are written joined."""

import enum
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from typing import Protocol

import attrs
import trio
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.server import ServerProtocol

from bond_core.websockets import SIMULATOR, text_frame
from bond_simkit.http import READ_BYTES, HttpRequest

if sys.platform == "linux":
  import fcntl
  import termios

MAX_MESSAGE_BYTES = 256 * 1024
MAX_PENDING_BYTES = 64 * 1024 * 1024
LOW_WATER_BYTES = 512 * 1024
FAREWELL_SECONDS = 2.0


@attrs.frozen(kw_only=True)
class ConnectionPolicy:
  """What a venue demands of a connection and how it keeps it alive. Times in seconds; None: no
  limit, no pings, no deadline for pongs."""

  messages_per_second: int | None = None
  ping_every: float | None = None
  pong_within: float | None = None
  ping_payload: Callable[[], bytes] = lambda: b""


class ClientHandler(Protocol):
  """A venue's side of the conversation with one client."""

  def received(self, data: bytes, *, binary: bool) -> None:
    """The client sent a message."""

  def closed(self) -> None:
    """The connection has ended, whichever side ended it."""


class TcpClose(enum.Enum):
  """The end of a connection without a Close frame, once everything queued is written."""

  FIN = "fin"
  RST = "rst"


@attrs.frozen
class CloseFrame:
  """The end of a connection as RFC 6455 has it: a Close frame, the client's reply, then FIN."""

  code: int
  reason: str = ""


class ClientConnection:
  """One accepted WebSocket. `send` queues a whole frame and never waits; a writer task joins what
  is queued. A client that leaves more than 64 MiB unread is cut off with RST."""

  def __init__(
    self, number: int, request: HttpRequest, policy: ConnectionPolicy, stream: trio.SocketStream
  ) -> None:
    self.number = number
    self.request = request
    self.policy = policy
    self.opened_at = trio.current_time()
    self.closed_at: float | None = None
    self.messages = 0
    self.max_messages_per_second = 0
    self.pending = 0
    self.half_open = False
    """As if the network were cut: nothing is written, and what arrives is ignored."""
    self.ended: TcpClose | CloseFrame | None = None
    self.too_slow = False
    self.delay: Callable[[], float] = lambda: 0.0
    self.tamper: Callable[[bytes], None] = self.write
    """Takes what is sent; `write` unless something stands between."""
    self._stream = stream
    self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES)
    self._out: list[bytes] = []
    self._changed = trio.lowlevel.ParkingLot()
    self._arrivals: deque[float] = deque()
    self._pings: dict[bytes, float] = {}
    self._parts: list[bytes] = []
    self._binary = False
    self._closed_by_client = trio.Event()
    self._handler: ClientHandler | None = None

  # Sending ---------------------------------------------------------------------------------------

  def send(self, frame: bytes) -> None:
    """Sends one whole frame, or several joined."""
    self.tamper(frame)

  def write(self, frame: bytes) -> None:
    """Queues bytes for the client as they are."""
    if self.ended is not None or self.half_open:
      return
    self._out.append(frame)
    self.pending += len(frame)
    if self.pending > MAX_PENDING_BYTES:
      self.too_slow = True
      self._out.clear()
      self.finish(TcpClose.RST)
    self._changed.unpark_all()

  def send_text(self, payload: bytes) -> None:
    """Queues `payload` as a text message to this client alone."""
    self.send(text_frame(payload))

  def finish(self, end: TcpClose | CloseFrame) -> None:
    """Ends the connection after what is queued; from now on it takes no more frames."""
    if self.ended is not None:
      return
    if isinstance(end, CloseFrame) and not self.half_open:
      self._protocol.send_close(end.code, end.reason)
      self._flush_protocol()
    self._end(end)

  async def drained(self) -> None:
    """Waits until at most 512 KiB are queued."""
    while self.pending > LOW_WATER_BYTES and self.ended is None:
      await self._changed.park()

  # Life ------------------------------------------------------------------------------------------

  async def handshake(self, early: bytes) -> bool:
    """Responds to the upgrade; false when the request is not a valid WebSocket handshake."""
    # The protocol checks the headers; the site has checked the path.
    request = HandshakeRequest("/", Headers(list(self.request.headers.items())))
    self._protocol.receive_data(request.serialize())
    self._protocol.events_received()
    response = self._protocol.accept(request)
    response.headers[SIMULATOR] = "1"
    self._protocol.send_response(response)
    try:
      await self._stream.send_all(b"".join(self._protocol.data_to_send()))
    except trio.BrokenResourceError:
      return False
    if response.status_code != 101:
      return False
    self._protocol.receive_data(early)
    return True

  async def run(self, handler: ClientHandler) -> None:
    """Reads, writes and pings until the connection has ended."""
    self._handler = handler
    if self.ended is not None:
      handler.closed()
    try:
      async with trio.open_nursery() as nursery:
        nursery.start_soon(self._write, nursery.cancel_scope)
        nursery.start_soon(self._keep_alive)
        await self._read(handler)
        nursery.cancel_scope.cancel()
    finally:
      self._end(TcpClose.FIN)

  def _end(self, end: TcpClose | CloseFrame) -> None:
    if self.ended is None:
      self.ended = end
      self.closed_at = trio.current_time()
      if self._handler is not None:
        self._handler.closed()
    self._changed.unpark_all()

  async def _read(self, handler: ClientHandler) -> None:
    self._take(handler)
    while True:
      try:
        data = await self._stream.receive_some(READ_BYTES)
      except (trio.BrokenResourceError, trio.ClosedResourceError):
        data = b""
      if not data:
        return
      if self.half_open or isinstance(self.ended, TcpClose):
        continue
      self._protocol.receive_data(data)
      self._take(handler)

  def _take(self, handler: ClientHandler) -> None:
    for event in self._protocol.events_received():
      if not isinstance(event, Frame):
        continue
      if event.opcode is Opcode.CLOSE:
        self._closed_by_client.set()
        self._flush_protocol()
        self._end(TcpClose.FIN)
        return
      if event.opcode is not Opcode.CONT:
        self._count()
      if event.opcode is Opcode.PONG:
        self._pong(bytes(event.data))
      elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
        self._message(event, handler)
    self._flush_protocol()
    if self._protocol.parser_exc is not None:
      self._end(TcpClose.FIN)

  def _message(self, frame: Frame, handler: ClientHandler) -> None:
    if frame.opcode is not Opcode.CONT:
      self._binary = frame.opcode is Opcode.BINARY
    self._parts.append(bytes(frame.data))
    if frame.fin and self.ended is None:
      data, self._parts = b"".join(self._parts), []
      handler.received(data, binary=self._binary)

  def _flush_protocol(self) -> None:
    for data in self._protocol.data_to_send():
      if data:
        self.send(data)

  def _count(self) -> None:
    now = trio.current_time()
    arrivals = self._arrivals
    arrivals.append(now)
    while arrivals[0] <= now - 1.0:
      arrivals.popleft()
    self.messages += 1
    self.max_messages_per_second = max(self.max_messages_per_second, len(arrivals))
    limit = self.policy.messages_per_second
    if limit is not None and len(arrivals) > limit:
      self.finish(CloseFrame(1008, "Too many requests"))

  # Keeping alive ---------------------------------------------------------------------------------

  async def _keep_alive(self) -> None:
    """Pings; one without a pong of its payload in time ends the connection."""
    every, within = self.policy.ping_every, self.policy.pong_within
    if every is None:
      return
    next_ping = self.opened_at + every
    while True:
      oldest = next(iter(self._pings.values()), None)
      deadline = oldest + within if oldest is not None and within is not None else None
      await trio.sleep_until(next_ping if deadline is None else min(next_ping, deadline))
      now = trio.current_time()
      if now >= next_ping:
        next_ping += every
        payload = self.policy.ping_payload()
        self._pings.setdefault(payload, now)
        self._protocol.send_ping(payload)
        self._flush_protocol()
      oldest = next(iter(self._pings.values()), None)
      if oldest is not None and within is not None and now >= oldest + within:
        self.finish(CloseFrame(1008, "Pong timeout"))
        return

  def _pong(self, payload: bytes) -> None:
    """A pong also counts for the pings before the one whose payload it has (RFC 6455, 5.5.3)."""
    if payload in self._pings:
      for earlier in list(self._pings):
        del self._pings[earlier]
        if earlier == payload:
          break

  # Writing ---------------------------------------------------------------------------------------

  async def _write(self, scope: trio.CancelScope) -> None:
    try:
      while True:
        if self._out:
          if wait := self.delay():
            await trio.sleep(wait)
          joined = b"".join(self._out)
          self._out.clear()
          await self._stream.send_all(joined)
          self.pending -= len(joined)
          self._changed.unpark_all()
        elif self.ended is not None:
          break
        else:
          await self._changed.park()
      await self._farewell()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
      self._end(TcpClose.FIN)
    scope.cancel()

  async def _farewell(self) -> None:
    if self.ended is TcpClose.RST:
      await reset(self._stream, patience=0.0 if self.too_slow else FAREWELL_SECONDS)
      return
    if isinstance(self.ended, CloseFrame):
      with trio.move_on_after(FAREWELL_SECONDS):
        await self._closed_by_client.wait()
    # Closing a socket that still has unread bytes sends RST, so FIN has to be sent first.
    await self._stream.send_eof()
    with trio.move_on_after(FAREWELL_SECONDS):
      await trio.sleep_forever()  # until the reader sees the client's end and stops this task


async def reset(stream: trio.SocketStream, *, patience: float = 0.0) -> None:
  """Closes with RST. It first waits up to `patience` seconds until the client's kernel has all that
  was written, so that what was sent before the cut is not lost to the cut itself."""
  with trio.move_on_after(patience):
    while patience and unacknowledged(stream):
      await trio.sleep(0.002)
  stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
  stream.socket.close()


def unacknowledged(stream: trio.SocketStream) -> int:
  """Bytes in the send queue that the client has not acknowledged; 0 where the system does not say
  (only Linux does)."""
  if sys.platform != "linux":
    return 0
  counted = fcntl.ioctl(stream.socket.fileno(), termios.TIOCOUTQ, bytes(4))  # the same as SIOCOUTQ
  queued: int = struct.unpack("i", counted)[0]
  return queued
