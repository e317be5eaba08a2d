"""Sockets as the broker uses them: reads are awaited, writes take what the kernel has room for."""

import socket
import ssl
from typing import Protocol

import trio

READ_BYTES = 64 * 1024
# What the kernel may hold for a client beyond what is on its way. Left to itself it takes
# megabytes, which a slow client would read long after they were news; the log is the queue.
UNSENT_BYTES = 128 * 1024


class Transport(Protocol):
  """A connection to a client. One task receives, one sends."""

  address: str | None
  patient: bool
  """It cannot write without waiting, so its client always follows alone."""

  def send_now(self, data: bytes | memoryview) -> int:
    """Writes what fits without waiting; how many bytes that was. OSError when the connection is
    gone."""

  async def send(self, data: bytes | memoryview) -> int:
    """Waits until something fits, and writes that; how many bytes it was. OSError as above."""

  async def receive(self) -> bytes:
    """What came, empty at the end. OSError when the connection is gone."""

  def finish(self) -> None:
    """Says that nothing more will be sent; what still comes can be read. OSError as above."""

  def close(self) -> None:
    """Ends the connection at once."""


class Plain:
  """A TCP or Unix socket without TLS: the fast way."""

  __slots__ = ("_socket", "address", "send_now")

  patient = False

  def __init__(self, sock: socket.socket, address: str | None) -> None:
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
      sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
      if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    self._socket = sock
    self.address = address
    # The fan-out calls this for each client of a group: no layer of ours lies between.
    self.send_now = sock.send

  async def send(self, data: bytes | memoryview) -> int:
    while True:
      await trio.lowlevel.wait_writable(self._socket)
      try:
        return self._socket.send(data)
      except BlockingIOError:
        continue

  async def receive(self) -> bytes:
    while True:
      await trio.lowlevel.wait_readable(self._socket)
      try:
        return self._socket.recv(READ_BYTES)
      except BlockingIOError:
        continue

  def finish(self) -> None:
    self._socket.shutdown(socket.SHUT_WR)

  def close(self) -> None:
    if self._socket.fileno() >= 0:
      trio.lowlevel.notify_closing(self._socket)
      self._socket.close()


class Encrypted:
  """A socket with TLS. It cannot be asked how much it would take, so its client always has a task
  of its own that writes."""

  __slots__ = ("_raw", "_stream", "address")

  patient = True

  def __init__(self, sock: socket.socket, address: str | None, tls: ssl.SSLContext) -> None:
    self._raw = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    self._stream = trio.SSLStream(self._raw, tls, server_side=True, https_compatible=True)
    self.address = address

  def send_now(self, data: bytes | memoryview) -> int:
    raise BlockingIOError

  async def send(self, data: bytes | memoryview) -> int:
    try:
      await self._stream.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
      raise ConnectionError(str(exc)) from exc
    return len(data)

  async def receive(self) -> bytes:
    try:
      return bytes(await self._stream.receive_some(READ_BYTES))
    except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
      raise ConnectionError(str(exc)) from exc

  def finish(self) -> None:
    self._raw.socket.shutdown(socket.SHUT_WR)

  def close(self) -> None:
    self._raw.socket.close()
