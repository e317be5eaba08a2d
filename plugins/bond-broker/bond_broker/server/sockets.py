"""Sockets as the broker uses them: reads are awaited, writes take what the kernel has room for."""

import os
import socket
import ssl
import stat

import trio

from bond_broker.config import BrokerConfig
from bond_core import BondError
from bond_core.config import cannot_listen

READ_BYTES = 64 * 1024
# What the kernel may hold for a client beyond what is on its way. Left to itself it takes
# megabytes, which a slow client would read long after they were news; the log is the queue.
UNSENT_BYTES = 128 * 1024


class Plain:
  """A TCP or Unix socket without TLS (see Transport). `received` is what was read from it
  before."""

  __slots__ = ("_received", "_socket", "address", "send_now")

  waits = False

  def __init__(self, sock: socket.socket, address: str | None, received: bytes = b"") -> None:
    self._received = received
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
    if received := self._received:
      self._received = b""
      await trio.lowlevel.checkpoint()
      return received
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
  """A socket with TLS (see Transport). How much it would take cannot be known, so its client always
  has a task of its own that writes."""

  __slots__ = ("_cut", "_raw", "_stream", "_writing", "address")

  waits = True

  def __init__(self, sock: socket.socket, address: str | None, tls: ssl.SSLContext) -> None:
    self._raw = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
    self._stream = trio.SSLStream(self._raw, tls, server_side=True, https_compatible=True)
    self.address = address
    # The goodbye may begin while the write before it is still being cancelled.
    self._writing = trio.Lock()
    self._cut = False

  def send_now(self, data: bytes | memoryview) -> int:
    raise BlockingIOError

  async def send(self, data: bytes | memoryview) -> int:
    async with self._writing:
      if self._cut:
        raise ConnectionError("a write was cut off, and what followed it could not be decrypted")
      self._cut = True
      try:
        await self._stream.send_all(data)
      except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
        raise ConnectionError(str(exc)) from exc
      self._cut = False
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


def open_listeners(config: BrokerConfig) -> list[socket.socket]:
  """The sockets that a broker listens on. Raises BondError, which says what is in the way."""
  listeners: list[socket.socket] = []
  try:
    found = socket.getaddrinfo(
      config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, proto, _, address in dict.fromkeys(found):
      listener = socket.socket(family, kind, proto)
      listeners.append(listener)
      listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
      if config.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
      listener.bind(address)
      listener.listen(1024)
    if config.unix is not None:
      listeners.append(_unix_listener(config.unix))
  except OSError as exc:
    for listener in listeners:
      listener.close()
    raise cannot_listen(config.host, config.port, exc) from exc
  for listener in listeners:
    listener.setblocking(False)
  return listeners


def _unix_listener(path: str) -> socket.socket:
  if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
    # Left by a process that was killed; a living one would be overtaken, so it is probed first.
    with socket.socket(socket.AF_UNIX) as probe:
      try:
        probe.connect(path)
      except OSError:
        os.unlink(path)
  listener = socket.socket(socket.AF_UNIX)
  listener.bind(path)
  os.chmod(path, 0o600)
  listener.listen(1024)
  return listener


def tls_of(config: BrokerConfig) -> ssl.SSLContext | None:
  if config.tls_cert is None and config.tls_key is None:
    return None
  if config.tls_cert is None:
    raise BondError("--tls-key needs --tls-cert too")
  context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
  context.minimum_version = ssl.TLSVersion.TLSv1_2
  try:
    context.load_cert_chain(config.tls_cert, config.tls_key)
  except (OSError, ssl.SSLError) as exc:
    raise BondError(f"--tls-cert {config.tls_cert} cannot be used: {exc}") from exc
  return context
