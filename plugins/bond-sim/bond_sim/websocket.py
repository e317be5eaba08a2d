"""The server's end of one WebSocket: the handshake, control frames and limits through websockets'
sans-IO protocol; data frames are framed once by the caller and written joined."""

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

from bond_sim.http import READ_BYTES, Request

if sys.platform == "linux":
  import fcntl
  import termios

MAX_MESSAGE_BYTES = 256 * 1024
MAX_PENDING_BYTES = 64 * 1024 * 1024
LOW_WATER_BYTES = 512 * 1024
FAREWELL_SECONDS = 2.0


def text_frame(payload: bytes) -> bytes:
  """`payload` as one unmasked text frame."""
  size = len(payload)
  if size < 126:
    return bytes((0x81, size)) + payload
  if size < 65536:
    return b"\x81\x7e" + size.to_bytes(2, "big") + payload
  return b"\x81\x7f" + size.to_bytes(8, "big") + payload


@attrs.frozen(kw_only=True)
class Policy:
  """What a venue demands of a connection and how it keeps it alive; seconds, None for not at
  all."""

  messages_per_second: int | None = None
  ping_every: float | None = None
  pong_within: float | None = None
  ping_payload: Callable[[], bytes] = lambda: b""


class Session(Protocol):
  """What a venue makes of a connection's messages."""

  def received(self, data: bytes, *, binary: bool) -> None:
    """The client sent a message."""

  def closed(self) -> None:
    """The connection has ended, whoever ended it."""


class End(enum.Enum):
  """How the server ends a connection once everything queued is written."""

  FIN = "fin"
  RST = "rst"


@attrs.frozen
class Close:
  """An end by the book: a Close frame, the client's answer, then FIN."""

  code: int
  reason: str = ""


class Connection:
  """One accepted WebSocket. `send` queues a whole frame and never waits; a writer task joins what
  is queued. A reader that leaves more than 64 MiB unread is cut off."""

  def __init__(
    self, number: int, request: Request, policy: Policy, stream: trio.SocketStream
  ) -> None:
    self.number = number
    self.request = request
    self.policy = policy
    self.opened_at = trio.current_time()
    self.closed_at: float | None = None
    self.messages = 0
    self.max_messages_per_second = 0
    self.pending = 0
    self.deaf = False
    """As if the network were cut: nothing is written and what arrives is not looked at."""
    self.ended: End | Close | None = None
    self.too_slow = False
    self.delay: Callable[[], float] = lambda: 0.0
    self._stream = stream
    self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES)
    self._out: list[bytes] = []
    self._changed = trio.lowlevel.ParkingLot()
    self._arrivals: deque[float] = deque()
    self._unanswered: dict[bytes, float] = {}
    self._parts: list[bytes] = []
    self._binary = False
    self._closed_by_client = trio.Event()
    self._session: Session | None = None

  # Sending ---------------------------------------------------------------------------------------

  def send(self, frame: bytes) -> None:
    """Queues one whole frame, or several joined."""
    if self.ended is not None or self.deaf:
      return
    self._out.append(frame)
    self.pending += len(frame)
    if self.pending > MAX_PENDING_BYTES:
      self.too_slow = True
      self._out.clear()
      self.finish(End.RST)
    self._changed.unpark_all()

  def send_text(self, payload: bytes) -> None:
    """Queues an answer that belongs to this connection alone."""
    self.send(text_frame(payload))

  def finish(self, end: End | Close) -> None:
    """Ends the connection after what is queued; from here on it takes no frames."""
    if self.ended is not None:
      return
    if isinstance(end, Close) and not self.deaf:
      self._protocol.send_close(end.code, end.reason)
      self._flush_protocol()
    self._end(end)

  async def drained(self) -> None:
    """Waits until at most 512 KiB are queued."""
    while self.pending > LOW_WATER_BYTES and self.ended is None:
      await self._changed.park()

  # Life ------------------------------------------------------------------------------------------

  async def handshake(self, early: bytes) -> bool:
    """Answers the upgrade; false when the request was no proper WebSocket handshake."""
    # The protocol checks the headers; the path is the site's business.
    request = HandshakeRequest("/", Headers(list(self.request.headers.items())))
    self._protocol.receive_data(request.serialize())
    self._protocol.events_received()
    response = self._protocol.accept(request)
    self._protocol.send_response(response)
    try:
      await self._stream.send_all(b"".join(self._protocol.data_to_send()))
    except trio.BrokenResourceError:
      return False
    if response.status_code != 101:
      return False
    self._protocol.receive_data(early)
    return True

  async def run(self, session: Session) -> None:
    """Reads, writes and pings until the connection has ended."""
    self._session = session
    if self.ended is not None:
      session.closed()
    try:
      async with trio.open_nursery() as nursery:
        nursery.start_soon(self._write, nursery.cancel_scope)
        nursery.start_soon(self._keep_alive)
        await self._read(session)
        nursery.cancel_scope.cancel()
    finally:
      self._end(End.FIN)

  def _end(self, end: End | Close) -> None:
    if self.ended is None:
      self.ended = end
      self.closed_at = trio.current_time()
      if self._session is not None:
        self._session.closed()
    self._changed.unpark_all()

  async def _read(self, session: Session) -> None:
    self._take(session)
    while True:
      try:
        data = await self._stream.receive_some(READ_BYTES)
      except (trio.BrokenResourceError, trio.ClosedResourceError):
        data = b""
      if not data:
        return
      if self.deaf or isinstance(self.ended, End):
        continue
      self._protocol.receive_data(data)
      self._take(session)

  def _take(self, session: Session) -> None:
    for event in self._protocol.events_received():
      if not isinstance(event, Frame):
        continue
      if event.opcode is Opcode.CLOSE:
        self._closed_by_client.set()
        self._flush_protocol()
        self._end(End.FIN)
        return
      if event.opcode is not Opcode.CONT:
        self._count()
      if event.opcode is Opcode.PONG:
        self._answered(bytes(event.data))
      elif event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
        self._message(event, session)
    self._flush_protocol()
    if self._protocol.parser_exc is not None:
      self._end(End.FIN)

  def _message(self, frame: Frame, session: Session) -> None:
    if frame.opcode is not Opcode.CONT:
      self._binary = frame.opcode is Opcode.BINARY
    self._parts.append(bytes(frame.data))
    if frame.fin and self.ended is None:
      data, self._parts = b"".join(self._parts), []
      session.received(data, binary=self._binary)

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
      self.finish(Close(1008, "Too many requests"))

  # Keeping alive ---------------------------------------------------------------------------------

  async def _keep_alive(self) -> None:
    """Pings; a ping that is not answered with its own payload in time ends the connection."""
    every, within = self.policy.ping_every, self.policy.pong_within
    if every is None:
      return
    next_ping = self.opened_at + every
    while True:
      oldest = next(iter(self._unanswered.values()), None)
      deadline = oldest + within if oldest is not None and within is not None else None
      await trio.sleep_until(next_ping if deadline is None else min(next_ping, deadline))
      now = trio.current_time()
      if now >= next_ping:
        next_ping += every
        payload = self.policy.ping_payload()
        self._unanswered.setdefault(payload, now)
        self._protocol.send_ping(payload)
        self._flush_protocol()
      oldest = next(iter(self._unanswered.values()), None)
      if oldest is not None and within is not None and now >= oldest + within:
        self.finish(Close(1008, "Pong timeout"))
        return

  def _answered(self, payload: bytes) -> None:
    """A pong also answers the pings before the one that it copies (RFC 6455, 5.5.3)."""
    if payload in self._unanswered:
      for earlier in list(self._unanswered):
        del self._unanswered[earlier]
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
      self._end(End.FIN)
    scope.cancel()

  async def _farewell(self) -> None:
    if self.ended is End.RST:
      await reset(self._stream, patience=0.0 if self.too_slow else FAREWELL_SECONDS)
      return
    if isinstance(self.ended, Close):
      with trio.move_on_after(FAREWELL_SECONDS):
        await self._closed_by_client.wait()
    # Closing a socket that still holds unread bytes sends RST, so say FIN first.
    await self._stream.send_eof()
    with trio.move_on_after(FAREWELL_SECONDS):
      await trio.sleep_forever()  # until the reader sees the client's end and stops this task


async def reset(stream: trio.SocketStream, *, patience: float = 0.0) -> None:
  """Closes with RST. With `patience` (seconds) it first waits until the peer's kernel has all that
  was written, so that what was sent before the cut is never lost to the cut itself."""
  with trio.move_on_after(patience):
    while patience and _unacknowledged(stream):
      await trio.sleep(0.002)
  stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
  stream.socket.close()


def _unacknowledged(stream: trio.SocketStream) -> int:
  """Bytes in the send queue that the peer has not acknowledged, where the system tells (Linux)."""
  if sys.platform != "linux":
    return 0
  answer = fcntl.ioctl(stream.socket.fileno(), termios.TIOCOUTQ, bytes(4))  # the same as SIOCOUTQ
  queued: int = struct.unpack("i", answer)[0]
  return queued
