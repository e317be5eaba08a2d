"""A loopback venue that sends one Binance trade after another as fast as the reader takes them.

usage: python blast.py; prints its port. The trade ids count up, as a venue's do.
"""

import base64
import hashlib
import socket
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEMPLATE = (
  b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1732300000123,"s":"BTCUSDT","t":%d,'
  b'"p":"98123.45000000","q":"0.00123000","T":1732300000122,"m":true,"M":true}}'
)
FRAMES_PER_WRITE = 400
# Made beforehand, so that the sender is not what is measured.
WRITES = 5000


def frame(payload: bytes) -> bytes:
  return b"\x81\x7e" + struct.pack("!H", len(payload)) + payload


def serve(connection: socket.socket, writes: list[bytes]) -> None:
  head = b""
  while b"\r\n\r\n" not in head:
    head += connection.recv(4096)
  lines = head.split(b"\r\n")
  key = next(x.split(b": ")[1] for x in lines if x.lower().startswith(b"sec-websocket-key"))
  accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
  connection.sendall(
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
  )
  try:
    for write in writes:
      connection.sendall(write)
    # The close keeps readers from waiting for more than there is.
    connection.sendall(b"\x88\x02\x03\xe8")
    connection.recv(4096)
  except OSError:
    return
  finally:
    connection.close()


def main() -> None:
  first = 4_000_000_000
  writes = [
    b"".join(frame(TEMPLATE % (first + i + j)) for j in range(FRAMES_PER_WRITE))
    for i in range(0, WRITES * FRAMES_PER_WRITE, FRAMES_PER_WRITE)
  ]
  listener = socket.create_server(("127.0.0.1", 0))
  print(listener.getsockname()[1], flush=True)
  # The parent closes our standard input when it has measured enough.
  threading.Thread(target=lambda: (sys.stdin.read(), sys.exit()), daemon=True).start()
  while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection, writes), daemon=True).start()


if __name__ == "__main__":
  main()
