"""TCP in memory: what trio opens as sockets are pipes within the process.

Servers, WebSockets and HTTP clients run as they are, each byte of them, and nothing waits for a
kernel, so that a run depends on its seed alone.
"""

import errno
import itertools
import os
import socket as std
import struct
from typing import Any

import trio
from trio.socket import SocketType

BUFFER_BYTES = 256 * 1024
HOST = "127.0.0.1"


class Pipe:
  """One direction of a connection."""

  def __init__(self) -> None:
    self.data = bytearray()
    self.ended = False
    """The writer sends nothing more."""
    self.reset = False
    self.abandoned = False
    """The reader is gone."""
    self._changed = trio.lowlevel.ParkingLot()

  def changed(self) -> None:
    """Wakes whoever waits for the other end."""
    self._changed.unpark_all()

  async def wait(self) -> None:
    """Returns when the other end has done something."""
    await self._changed.park()


class MemorySocket(SocketType):
  """A TCP socket of a network in memory."""

  def __init__(self, network: "MemoryNetwork", family: int, kind: int, proto: int) -> None:
    self._network = network
    self._options: dict[tuple[int, int], Any] = {}
    self._family, self._kind, self._proto = family, kind, proto
    self._address: tuple[str, int] = (HOST, 0)
    self._peer: tuple[str, int] | None = None
    self._backlog: list[MemorySocket] | None = None
    self._arrived = trio.lowlevel.ParkingLot()
    self._closed = False
    self._shut = False
    self._inbox, self._outbox = Pipe(), Pipe()

  # What trio's streams ask -----------------------------------------------------------------------

  @property
  def family(self) -> Any:
    return self._family

  @property
  def type(self) -> Any:
    return self._kind

  @property
  def proto(self) -> int:
    return self._proto

  @property
  def did_shutdown_SHUT_WR(self) -> bool:
    return self._shut

  def fileno(self) -> int:
    return -1 if self._closed else 1_000_000

  def getsockname(self) -> Any:
    return self._address

  def getpeername(self) -> Any:
    if self._peer is None:
      raise _error(errno.ENOTCONN)
    return self._peer

  def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> Any:
    if (level, optname) == (std.SOL_SOCKET, std.SO_ACCEPTCONN):
      return self._backlog is not None
    return self._options.get((level, optname), 0)

  def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None) -> None:
    self._options[level, optname] = value

  def is_readable(self) -> bool:
    pipe = self._inbox
    return bool(pipe.data) or pipe.ended or pipe.reset

  @property
  def unread(self) -> int:
    """Bytes that were sent and not yet read at the other end."""
    return len(self._outbox.data)

  # Listening and connecting ----------------------------------------------------------------------

  async def bind(self, address: Any) -> None:
    await trio.lowlevel.checkpoint()
    host, port = address[:2]
    self._address = host, port or next(self._network.ports)

  def listen(self, backlog: int = 128) -> None:
    if self._address[1] in self._network.listening:
      raise _error(errno.EADDRINUSE)
    self._backlog = []
    self._network.listening[self._address[1]] = self

  async def accept(self) -> Any:
    while not self._backlog:
      if self._closed or self._backlog is None:
        raise _error(errno.EBADF)
      await self._arrived.park()
    await trio.lowlevel.checkpoint()
    accepted = self._backlog.pop(0)
    return accepted, accepted._peer

  async def connect(self, address: Any) -> None:
    await trio.lowlevel.checkpoint()
    listener = self._network.listening.get(address[1])
    if listener is None or listener._backlog is None:
      raise _error(errno.ECONNREFUSED)
    self._address, self._peer = (HOST, next(self._network.ports)), tuple(address[:2])
    other = MemorySocket(self._network, self._family, self._kind, self._proto)
    other._address, other._peer = listener._address, self._address
    other._inbox, other._outbox = self._outbox, self._inbox
    listener._backlog.append(other)
    listener._arrived.unpark_all()

  # Bytes -----------------------------------------------------------------------------------------

  async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
    pipe = self._inbox
    await trio.lowlevel.checkpoint()
    while True:
      if self._closed:
        raise _error(errno.EBADF)
      if pipe.data:
        data = bytes(pipe.data[:buflen])
        del pipe.data[:buflen]
        pipe.changed()
        return data
      if pipe.reset:
        raise _error(errno.ECONNRESET)
      if pipe.ended:
        return b""
      await pipe.wait()

  async def send(self, data: Any, flags: int = 0, /) -> int:
    pipe = self._outbox
    await trio.lowlevel.checkpoint()
    while len(pipe.data) >= BUFFER_BYTES and not (pipe.abandoned or pipe.reset or self._closed):
      await pipe.wait()
    if self._closed:
      raise _error(errno.EBADF)
    if pipe.abandoned or pipe.reset or self._inbox.reset:
      raise _error(errno.EPIPE)
    sent = min(len(data), BUFFER_BYTES - len(pipe.data))
    pipe.data += data[:sent]
    pipe.changed()
    return sent

  async def wait_writable(self) -> None:
    await trio.lowlevel.checkpoint()

  def shutdown(self, flag: int) -> None:
    if self._closed or self._peer is None:
      raise _error(errno.ENOTCONN)
    if flag != std.SHUT_RD:
      self._shut = True
      self._outbox.ended = True
      self._outbox.changed()

  def close(self) -> None:
    if self._closed:
      return
    self._closed = True
    if self._backlog is not None:
      del self._network.listening[self._address[1]]
      for waiting in self._backlog:
        waiting._reset()
      self._backlog = None
      self._arrived.unpark_all()
      return
    linger = self._options.get((std.SOL_SOCKET, std.SO_LINGER))
    if (isinstance(linger, bytes) and struct.unpack("ii", linger) == (1, 0)) or self._inbox.data:
      # As a kernel does: what was not read makes the end abrupt.
      self._reset()
      return
    self._outbox.ended = self._inbox.abandoned = True
    self._outbox.changed()
    self._inbox.changed()

  def _reset(self) -> None:
    self._outbox.data.clear()
    self._outbox.reset = self._outbox.ended = self._inbox.abandoned = True
    self._outbox.changed()
    self._inbox.changed()


class MemoryNetwork(trio.abc.SocketFactory):
  """The sockets of one run, by port."""

  def __init__(self) -> None:
    self.listening: dict[int, MemorySocket] = {}
    self.ports = itertools.count(50_000)

  def socket(self, family: Any = 0, type: Any = 0, proto: int = 0) -> MemorySocket:  # noqa: A002
    """A new socket."""
    return MemorySocket(self, family, type, proto)


def _error(number: int) -> OSError:
  return OSError(number, os.strerror(number))
