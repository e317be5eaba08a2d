"""A loopback venue that sends Binance's trade frames at an offered rate over a real websocket.

The frames are recorded ones (a few made ones where there are no recordings) in which two things are
set: the trade's number, which counts up as the venue's does, and its size, which carries the send
time as seconds of the clock modulo 10,000. usage: python -m tests.benchmarks.servers.venue
"""

import base64
import gzip
import hashlib
import re
import socket
import struct
import threading
import time
from itertools import islice

from tests.benchmarks.blast import GUID, TEMPLATE
from tests.benchmarks.drain import STAMP_LAP
from tests.benchmarks.s4_book import shared_data
from tests.benchmarks.servers.offered import FIRST, TURN, Offer

RECORDED = 2000
LISTING = (
  b'{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT"}]}'
)


def templates() -> list[bytes]:
  """Trade frames with a place for the number (%d) and one for the size (%b)."""
  path = shared_data() / "binance-2024" / "spot_btcusdt_20240808.gz"
  frames = [TEMPLATE % 0]
  if path.exists():
    with gzip.open(path, "rb") as lines:
      recorded = (line.split(b" ", 1)[1].strip() for line in lines if b"@trade" in line)
      frames = list(islice(recorded, RECORDED))
  return [
    re.sub(rb'"q":"[^"]*"', b'"q":"%b"', re.sub(rb'"t":\d+', b'"t":%d', frame)) for frame in frames
  ]


def websocket_frame(payload: bytes) -> bytes:
  """As a server sends it; trade frames are longer than 125 bytes and shorter than 64 KiB."""
  return b"\x81\x7e" + struct.pack("!H", len(payload)) + payload


class Venue:
  """Answers what a client asks first, and knows who wants trades."""

  def __init__(self) -> None:
    self.readers: list[socket.socket] = []

  def answer(self, connection: socket.socket) -> None:
    """Opens a websocket, or lists the one market to who asks over plain HTTP."""
    head = b""
    while b"\r\n\r\n" not in head:
      data = connection.recv(4096)
      if not data:
        return
      head += data
    key = re.search(rb"(?im)^sec-websocket-key: *(\S+)", head)
    if key is None:
      length = b"Content-Length: %d" % len(LISTING)
      kind = b"Content-Type: application/json"
      connection.sendall(
        b"\r\n".join([b"HTTP/1.1 200 OK", kind, length, b"Connection: close", b"", LISTING])
      )
      connection.close()
      return
    accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
    connection.sendall(
      b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    self.readers.append(connection)

  def accept(self, listener: socket.socket) -> None:
    """Accepts for ever."""
    while True:
      connection, _ = listener.accept()
      # Or each small write would wait for the acknowledgement of the one before, up to 40 ms.
      connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
      threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

  def send(self, data: bytes) -> None:
    """To every reader; one that has gone is forgotten."""
    for reader in list(self.readers):
      try:
        reader.sendall(data)
      except OSError:
        self.readers.remove(reader)


def main() -> None:
  venue, offer, frames = Venue(), Offer(), templates()
  with socket.create_server(("127.0.0.1", 0)) as listener:
    threading.Thread(target=venue.accept, args=(listener,), daemon=True).start()
    offer.obey(port=listener.getsockname()[1])
    while not offer.ended:
      count = offer.count_due()
      if count:
        first = offer.published - count
        now = time.time_ns() // 1000 % (STAMP_LAP * 1_000_000)
        size = b"%d.%06d" % divmod(now, 1_000_000)
        venue.send(
          b"".join(
            websocket_frame(frames[n % len(frames)] % (FIRST + n, size))
            for n in range(first, first + count)
          )
        )
      time.sleep(TURN)


if __name__ == "__main__":
  main()
