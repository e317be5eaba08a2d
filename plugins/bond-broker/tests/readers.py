"""A broker in this process, and clients on real sockets that read as fast or as slowly as a test
says."""

import json
import socket
from contextlib import asynccontextmanager

import trio
from bond_broker.config import BrokerConfig
from bond_broker.server.backing import Backing
from bond_broker.server.broker import open_broker
from bond_server.access.access import OpenAccess
from websockets.frames import Frame, Opcode

from bond_core import SystemClock
from bond_core._logs.durable import DurableLog
from bond_core.logs import MemoryLog


@asynccontextmanager
async def serving(log=None, *, backing=None, **config):
  """A broker over a market log in memory, on a free port."""
  clock = SystemClock()
  log = log or DurableLog(MemoryLog("market", stamps=True), None)
  backing = backing or Backing(clock=clock, access=OpenAccess(clock), log=log)
  async with open_broker(BrokerConfig(**{"port": 0, **config}), backing) as broker:
    broker.log = log
    broker.port = int(broker.addresses[0].rpartition(":")[2])
    yield broker


class Closed(Exception):
  """The broker closed the connection; `code` and `reason` are what it said."""

  def __init__(self, code, reason):
    super().__init__(code, reason)
    self.code, self.reason = code, reason


class Reader:
  """A client that reads raw frames: fast enough for millions, and it can stop reading."""

  def __init__(self, stream):
    self.stream = stream
    self.buffer = bytearray()
    self.messages = []
    self.closed = None

  async def say(self, message):
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    await self.stream.send_all(Frame(Opcode.TEXT, data).serialize(mask=True))

  async def subscribe(self, channels=("trades",), **more):
    """Subscribes and gives the ack; what came before it stays."""
    await self.say({"type": "subscribe", "channels": list(channels), **more})
    return await self.until(lambda m: m["type"] in ("system", "error"))

  async def read(self):
    """Reads once; the new messages. Closed where the broker said goodbye."""
    if self.closed is not None:
      raise self.closed
    data = await self.stream.receive_some(1 << 20)
    if not data:
      self.closed = Closed(1006, "cut off")
      raise self.closed
    self.buffer += data
    new = list(self._frames())
    self.messages += new
    return new

  async def until(self, fits, within=10.0):
    """The first message, also an old one, of which `fits` is true; it and those before it are
    taken."""
    with trio.fail_after(within):
      at = 0
      while True:
        for index in range(at, len(self.messages)):
          if fits(self.messages[index]):
            found = self.messages[index]
            self.before = self.messages[:index]
            del self.messages[: index + 1]
            return found
        at = len(self.messages)
        await self.read()

  async def take(self, kind, count, within=10.0):
    """The next messages of a type."""
    found = []
    while len(found) < count:
      found.append(await self.until(lambda m: m["type"] == kind, within))
    return found

  async def to_the_end(self, within=10.0):
    """Everything until the broker closes, and how it closed."""
    with trio.fail_after(within):
      try:
        while True:
          await self.read()
      except Closed as closed:
        return closed

  def _frames(self):
    data, at = self.buffer, 0
    while len(data) - at >= 2:
      opcode, length, start = data[at] & 0x0F, data[at + 1], at + 2
      if length == 126:
        length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
      elif length == 127:
        length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
      if len(data) < start + length:
        break
      payload = bytes(data[start : start + length])
      at = start + length
      if opcode == Opcode.TEXT:
        yield json.loads(payload)
      elif opcode == Opcode.CLOSE:
        self.closed = Closed(int.from_bytes(payload[:2], "big"), payload[2:].decode())
    del data[:at]


@asynccontextmanager
async def connected(broker, target="/stream", headers=(), receive_buffer=None):
  """A client of a broker."""
  sock = socket.socket()
  if receive_buffer is not None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
  sock.connect(("127.0.0.1", broker.port))
  stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
  async with stream:
    lines = [
      f"GET {target} HTTP/1.1",
      f"Host: 127.0.0.1:{broker.port}",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      *headers,
    ]
    await stream.send_all("\r\n".join(lines).encode() + b"\r\n\r\n")
    reader = Reader(stream)
    head = b""
    with trio.fail_after(60):
      while b"\r\n\r\n" not in head:
        data = await stream.receive_some(65536)
        if not data:
          break
        head += data
    reader.head, _, rest = head.partition(b"\r\n\r\n")
    reader.buffer += rest
    reader.messages += list(reader._frames()) if b" 101 " in reader.head[:16] else []
    yield reader
