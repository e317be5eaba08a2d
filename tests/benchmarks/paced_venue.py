"""A loopback Binance that lists one market and sends its trades at a steady rate.

usage: python -m tests.benchmarks.paced_venue EVENTS_PER_SECOND; prints its port.
"""

import base64
import hashlib
import json
import socket
import sys
import threading
import time

from tests.benchmarks.blast import GUID, TEMPLATE, frame

FIRST = 4_000_000_000
MARKET = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT"}


def serve(connection: socket.socket, rate: int) -> None:
  """Answers requests for what is listed, or sends trades until the reader goes."""
  with connection:
    try:
      while True:
        head = b""
        while b"\r\n\r\n" not in head:
          data = connection.recv(4096)
          if not data:
            return
          head += data
        lines = head.split(b"\r\n")
        keys = [x[19:].strip() for x in lines if x.lower().startswith(b"sec-websocket-key:")]
        if keys:
          accept(connection, keys[0])
          send(connection, rate)
        listed = [MARKET] if b"/api/v3/" in lines[0] else []
        body = json.dumps({"symbols": listed}).encode()
        connection.sendall(
          b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
          b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
    except OSError:
      return


def accept(connection: socket.socket, key: bytes) -> None:
  answer = base64.b64encode(hashlib.sha1(key + GUID).digest())
  connection.sendall(
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n"
  )


def send(connection: socket.socket, rate: int) -> None:
  """One frame a write, each when it is due, as a busy market's trades come."""
  started, sent = time.monotonic(), 0
  while True:
    due = int((time.monotonic() - started) * rate)
    for number in range(sent, due):
      connection.sendall(frame(TEMPLATE % (FIRST + number)))
    sent = due
    time.sleep(1 / rate)


def main() -> None:
  listener = socket.create_server(("127.0.0.1", 0))
  print(listener.getsockname()[1], flush=True)
  threading.Thread(target=listen, args=(listener, int(sys.argv[1])), daemon=True).start()
  # The parent closes our standard input when it has measured enough.
  sys.stdin.read()


def listen(listener: socket.socket, rate: int) -> None:
  while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection, rate), daemon=True).start()


if __name__ == "__main__":
  main()
