"""TCP in memory: what trio opens as sockets are pipes within the process.

Servers, WebSockets and HTTP clients run as they are, each byte of them, and nothing waits for a
kernel, so that a run depends on its seed alone. A Raw is the same socket as the standard library
has it, for code that reads and writes without waiting.
"""

import errno
import itertools
import os
import random
import socket as std
import struct
from collections import deque
from contextvars import ContextVar
from typing import Any

import trio
from trio.socket import SocketType

BUFFER_BYTES = 256 * 1024
HOST = "127.0.0.1"


class Host:
  """What opens sockets: a process that may be killed. `skew_ms` is how far its wall clock is
  off."""

  def __init__(self, name: str) -> None:
    self.name = name
    self.alive = True
    self.skew_ms = 0
    self.sockets: dict[MemorySocket, None] = {}

  def kill(self) -> None:
    """Ends it as kill -9 does: its sockets close, and what its tasks still do has no effect."""
    self.alive = False
    for found in list(self.sockets):
      found.close()


host: ContextVar[Host | None] = ContextVar("host", default=None)
"""The process that the running task belongs to."""


class Pipe:
  """One direction of a connection. What is written arrives `delay` seconds later, and not while it
  is `held`; a read finds up to `chop` bytes."""

  def __init__(self) -> None:
    self.data = bytearray()
    self.room = BUFFER_BYTES
    self.delay = 0.0
    self.chop: random.Random | None = None
    self.held = False
    self.ended = False
    """The writer sends nothing more."""
    self.reset = False
    self.abandoned = False
    """The reader is gone."""
    self._under_way: deque[tuple[float, int]] = deque()
    self._changed = trio.lowlevel.ParkingLot()

  def changed(self) -> None:
    """Wakes whoever waits for the other end."""
    self._changed.unpark_all()

  async def wait(self) -> None:
    """Returns when the other end has done something, or something of it has arrived."""
    if self.arrived == len(self.data) or self.held:
      await self._changed.park()
    else:
      with trio.move_on_at(self._under_way[0][0]):
        await self._changed.park()

  def put(self, data: Any) -> int:
    """Takes what there is room for."""
    sent = min(len(data), self.room - len(self.data))
    if self.chop is not None and sent > 1 and self.chop.random() < 0.1:
      sent = self.chop.randint(1, sent)
    self.data += data[:sent]
    if self.delay:
      self._under_way.append((trio.current_time() + self.delay, sent))
    self.changed()
    return sent

  @property
  def arrived(self) -> int:
    """Bytes that can be read now."""
    if self.held:
      return 0
    under_way, now = self._under_way, trio.current_time()
    while under_way and under_way[0][0] <= now:
      under_way.popleft()
    return len(self.data) - sum(size for _, size in under_way)

  @property
  def over(self) -> bool:
    """Whether the reader sees the end."""
    return not self.held and self.ended and not self.data

  @property
  def broken(self) -> bool:
    """Whether the reader sees that it was cut off."""
    return not self.held and self.reset

  def take(self, most: int) -> bytes:
    """What has arrived, up to so many bytes."""
    size = min(most, self.arrived)
    if self.chop is not None and size > 1 and self.chop.random() < 0.2:
      size = self.chop.randint(1, size)
    data = bytes(self.data[:size])
    del self.data[:size]
    self.changed()
    return data

  def cut(self) -> None:
    """What is under way is lost, and both ends see it."""
    self.data.clear()
    self._under_way.clear()
    self.held = False
    self.reset = self.ended = True
    self.changed()


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
    self._host = host.get()
    if self._host is not None:
      self._host.sockets[self] = None

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
    return bool(pipe.arrived) or pipe.over or pipe.broken

  @property
  def _sock(self) -> "MemorySocket":
    # anyio takes options of a socket to the one below.
    return self

  @property
  def unread(self) -> int:
    """Bytes that were sent and not yet read at the other end."""
    return len(self._outbox.data)

  # Listening and connecting ----------------------------------------------------------------------

  async def bind(self, address: Any) -> None:
    await trio.lowlevel.checkpoint()
    self.take_address(address)

  def take_address(self, address: Any) -> None:
    """A bind that does not wait."""
    name, port = address[:2]
    self._address = name, port or next(self._network.ports)

  def listen(self, backlog: int = 128) -> None:
    if self._address[1] in self._network.listening:
      raise _error(errno.EADDRINUSE)
    self._backlog = []
    self._network.listening[self._address[1]] = self

  async def accept(self) -> Any:
    while not self._backlog:
      await self.acceptable()
    await trio.lowlevel.checkpoint()
    accepted = self._backlog.pop(0)
    return accepted, accepted._peer

  async def acceptable(self) -> None:
    """Returns when a connection can be accepted."""
    while not self._backlog:
      if self._closed or self._backlog is None:
        raise _error(errno.EBADF)
      await self._arrived.park()

  async def connect(self, address: Any) -> None:
    await trio.lowlevel.checkpoint()
    listener = self._network.listening.get(self._network.leads(address[1]))
    if self._closed or listener is None or listener._backlog is None:
      raise _error(errno.EBADF if self._closed else errno.ECONNREFUSED)
    self._address, self._peer = (HOST, next(self._network.ports)), tuple(address[:2])
    other = MemorySocket(self._network, self._family, self._kind, self._proto)
    other._address, other._peer = listener._address, self._address
    other._inbox, other._outbox = self._outbox, self._inbox
    if other._host is not None:
      del other._host.sockets[other]
    other._host = listener._host
    if other._host is not None:
      other._host.sockets[other] = None
    self._network.connected(Connection(address[1], self._outbox, self._inbox))
    listener._backlog.append(other)
    listener._arrived.unpark_all()

  # Bytes -----------------------------------------------------------------------------------------

  async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
    await trio.lowlevel.checkpoint()
    await self.readable()
    return self.recv_now(buflen)

  async def readable(self) -> None:
    """Returns when a read would not wait."""
    while not (self.is_readable() or self._closed):
      await self._inbox.wait()

  def recv_now(self, buflen: int) -> bytes:
    """A read that does not wait."""
    pipe = self._inbox
    if self._closed:
      raise _error(errno.EBADF)
    if pipe.arrived:
      return pipe.take(buflen)
    if pipe.broken:
      raise _error(errno.ECONNRESET)
    if pipe.over:
      return b""
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

  async def send(self, data: Any, flags: int = 0, /) -> int:
    await trio.lowlevel.checkpoint()
    await self.writable()
    return self.send_now(data)

  async def writable(self) -> None:
    """Returns when a write would not wait."""
    pipe = self._outbox
    while not (len(pipe.data) < pipe.room or self._closed or self._is_broken):
      await pipe.wait()

  def send_now(self, data: Any) -> int:
    """A write that does not wait."""
    pipe = self._outbox
    if self._closed:
      raise _error(errno.EBADF)
    if self._is_broken:
      raise _error(errno.EPIPE)
    if len(pipe.data) >= pipe.room:
      raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return pipe.put(data)

  @property
  def _is_broken(self) -> bool:
    pipe = self._outbox
    return not pipe.held and (pipe.abandoned or pipe.reset or self._inbox.reset)

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
    if self._host is not None:
      self._host.sockets.pop(self, None)
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


class Raw:
  """A socket as the standard library has it: what would wait raises BlockingIOError."""

  def __init__(self, inner: MemorySocket) -> None:
    self.inner = inner
    self.family = inner.family
    self.setsockopt = inner.setsockopt
    self.getsockname = inner.getsockname
    self.getpeername = inner.getpeername
    self.send = inner.send_now
    self.recv = inner.recv_now
    self.shutdown = inner.shutdown
    self.fileno = inner.fileno
    self.close = inner.close

  def setblocking(self, flag: bool) -> None:
    """It never blocks."""

  def accept(self) -> tuple["Raw", Any]:
    """A connection that waits."""
    if self.inner._closed or self.inner._backlog is None:
      raise _error(errno.EBADF)
    if not self.inner._backlog:
      raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    accepted = self.inner._backlog.pop(0)
    return Raw(accepted), accepted._peer

  def __enter__(self) -> "Raw":
    return self

  def __exit__(self, *given: object) -> None:
    self.close()

  async def wait_readable(self) -> None:
    """As trio.lowlevel.wait_readable."""
    await trio.lowlevel.checkpoint()
    if self.inner._backlog is not None:
      await self.inner.acceptable()
    else:
      await self.inner.readable()

  async def wait_writable(self) -> None:
    """As trio.lowlevel.wait_writable."""
    await trio.lowlevel.checkpoint()
    await self.inner.writable()


class Connection:
  """A connection to a port, as the network sees it."""

  def __init__(self, port: int, there: Pipe, back: Pipe) -> None:
    self.port = port
    self.there, self.back = there, back

  @property
  def open(self) -> bool:
    """Whether anything may still come over it."""
    return not any(pipe.reset or (pipe.ended and pipe.abandoned) for pipe in self.pipes)

  @property
  def pipes(self) -> tuple[Pipe, Pipe]:
    """To the server and back."""
    return self.there, self.back

  def cut(self) -> None:
    """Both ends see a reset."""
    for pipe in self.pipes:
      pipe.cut()

  def hold(self, held: bool) -> None:
    """Nothing comes over it, as long as it is held."""
    for pipe in self.pipes:
      pipe.held = held
      pipe.changed()


class MemoryNetwork(trio.abc.SocketFactory):
  """The sockets of one run, by port. `connections` are those that were open when it was last
  asked."""

  def __init__(self) -> None:
    self.listening: dict[int, MemorySocket] = {}
    self.ports = itertools.count(50_000)
    self._connections: list[Connection] = []

  def socket(self, family: Any = 0, type: Any = 0, proto: int = 0) -> MemorySocket:  # noqa: A002
    """A new socket. Raises OSError in a process that was killed."""
    here = host.get()
    if here is not None and not here.alive:
      raise _error(errno.ENETDOWN)
    return MemorySocket(self, family, type, proto)

  def leads(self, port: int) -> int:
    """The port that listens where a connection is made to a port: another one where something
    stands between them."""
    return port

  def connected(self, connection: Connection) -> None:
    """A connection was made; a network that is no better than others may add to it."""
    self._connections.append(connection)

  @property
  def connections(self) -> list[Connection]:
    """Those that are open, the oldest first."""
    self._connections = [one for one in self._connections if one.open]
    return self._connections


def _error(number: int) -> OSError:
  return OSError(number, os.strerror(number))
