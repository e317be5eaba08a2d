"""Clients as a stranger writes them: a socket, and what RFC 6455 says."""

import json
import os
import struct
from contextlib import asynccontextmanager, suppress

import trio
from trio_websocket import DisconnectionTimeout, open_websocket_url


def frame(opcode, payload=b"", *, last=True):
  """A client's frame, masked."""
  mask = os.urandom(4)
  masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
  length = len(payload)
  head = bytes([0x80 * last | opcode])
  if length < 126:
    return head + bytes([0x80 | length]) + mask + masked
  return head + bytes([0x80 | 126]) + struct.pack(">H", length) + mask + masked


@asynccontextmanager
async def raw_client(port, path="/stream"):
  """A socket on which the WebSocket handshake is done."""
  stream = await trio.open_tcp_stream("127.0.0.1", port)
  async with stream:
    await stream.send_all(
      f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
      answer += await stream.receive_some(1)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    yield stream


@asynccontextmanager
async def client(port, path="/stream", key=None):
  headers = [] if key is None else [("Authorization", f"Bearer {key}")]
  url = f"ws://127.0.0.1:{port}{path}"
  options = {"disconnect_timeout": 0.2, "max_message_size": 1 << 26, "extra_headers": headers}
  # One that leaves in the middle does not read to the end.
  with suppress(DisconnectionTimeout):
    async with open_websocket_url(url, **options) as socket:
      yield socket


async def say(socket, **message):
  await socket.send_message(json.dumps(message))


async def hear(socket, wanted=lambda message: True, within=15):
  """The first message that is wanted."""
  with trio.fail_after(within):
    while True:
      found = json.loads(await socket.get_message())
      if wanted(found):
        return found


async def pings(port, waits, every=0.01, key=None):
  """Pings until it is cancelled; `waits` takes the seconds that each answer took."""
  async with client(port, key=key) as socket:
    while True:
      began = trio.current_time()
      await say(socket, type="ping")
      await hear(socket, lambda message: message["type"] == "pong")
      waits.append(trio.current_time() - began)
      await trio.sleep(every)
