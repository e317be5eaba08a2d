"""Raw bytes of every kind for both ports of a server, as somebody sends them who means ill.

`python -m tests.outside.fuzz --count 100000` starts `bond serve` and sends them; exit code 1 where
the process ended, logged an error, or kept a descriptor.
"""

import argparse
import itertools
import os
import random
import re
import socket
import ssl
import struct
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import trio

HOST = b"Host: 127.0.0.1\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT", b"PATCH", b"gEt"]
STREAM = b"/v1/streams/0123456789abcdef"
TARGETS = [
  *(b"/", b"/docs", b"/health", b"/ready", b"/metrics", b"/openapi.json", b"/v1/streams"),
  *(b"/v1/streams/parse", STREAM, STREAM + b"/token", b"/stream", b"/raw", b"/ws/0123456789abcdef"),
  *(b"//[x", b"*", b"http://127.0.0.1/raw", b"http://[", b"/%ff%00", b"/raw?exchange=%ff"),
  *(b"127.0.0.1:443", b"/stream/", b"/STREAM", b"/../stream", b"/x" * 3000, b"?", b"/\xc3\xa9"),
  *(b"/v1/streams?token=a&token=b", b"/raw?token=%C3%A9", b"/stream?" + b"a=1&" * 300),
]
HEADERS = [
  HOST,
  b"Host: elsewhere.example\r\n",
  b"Host:\r\n",
  b"Host: [::1\r\n",
  UPGRADE,
  b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nConnection: Upgrade\r\n",
  b"Upgrade: WebSocket\r\n",
  DEFLATE,
  b"Origin: null\r\n",
  b"Origin: http://127.0.0.1\r\n",
  b"Access-Control-Request-Method: PUT\r\n",
  b"Content-Length: 5\r\n",
  b"Content-Length: 99999999999999999999\r\n",
  b"Content-Length: -1\r\n",
  b"Content-Length: 5\r\nContent-Length: 6\r\n",
  b"Transfer-Encoding: chunked\r\n",
  b"Transfer-Encoding: gzip, chunked\r\n",
  b"Expect: 100-continue\r\n",
  b"Connection: close\r\n",
  b"Connection: keep-alive\r\n",
  b"Authorization: Bearer \xff\xfe\r\n",
  b"Authorization: Bearer x\r\nX-API-Key: y\r\n",
  b"X-API-Key: \xc3\xa9\r\n",
  b"Accept: text/plain\r\n",
  b"A: b\r\n" * 150,
  b"A: " + b"b" * 20_000 + b"\r\n",
  b" folded\r\n",
  b"No colon\r\n",
  b"Nul\x00: x\r\n",
]
BODIES = [
  b"",
  b"{}",
  b'{"natural_language": "BTC price"',
  b'{"spec": {"sources": {}}}',
  b"[" * 3000,
  b"\xff\xfe\x00",
  b"5\r\nhello\r\n0\r\n\r\n",
  b"5\r\nhel",
  b"ffffffffffffffffff\r\nx",
  b"-1\r\n\r\n",
  b"0\r\nTrailer: x\r\n\r\n",
  b"x" * 300_000,
]
MESSAGES = [
  b'{"type":"subscribe","channels":["trades"],"symbols":["BTC/USDT"]}',
  b'{"type":"auth","token":"x"}',
  b'{"type":"auth","token":"\xc3\xa9"}',
  b'{"type":"ping"}',
  b"{",
  b"[" * 500,
  b"\xff",
  b"",
]


def frame(opcode, data, random, *, first=0x80):
  """One frame of a client; `first` has FIN and the reserved bits."""
  mask = random.choice([bytes(4), random.randbytes(4), None])
  head = bytes([first | opcode])
  if len(data) < 126:
    length = bytes([len(data)])
  else:
    length = b"\x7e" + struct.pack("!H", min(len(data), 65535))
  if mask is None:
    return head + length + data
  length = bytes([length[0] | 0x80]) + length[1:]
  return head + length + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def request(random, target=None, headers=None):
  method = random.choice(METHODS)
  target = random.choice(TARGETS) if target is None else target
  version = random.choice([b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b""])
  chosen = (
    random.choices(HEADERS, k=random.choice([0, 0, 0, 1, 1, 2, 4])) if headers is None else headers
  )
  host = random.choice([HOST] * 4 + [b""])
  return b"%s %s %s\r\n%s%s\r\n" % (method, target, version, host, b"".join(chosen))


def http1(random):
  return [request(random), random.choice(BODIES)]


def pipelined(random):
  return [request(random) + random.choice(BODIES) for _ in range(3)]


def body_of(random):
  lengths = [
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 90000\r\n",
  ]
  chosen = [random.choice(lengths), random.choice([b"", b"Expect: 100-continue\r\n"])]
  body = random.choice(BODIES)
  cut = random.randrange(len(body) + 1)
  head = b"POST /v1/streams HTTP/1.1\r\n" + HOST + b"".join(chosen) + b"\r\n"
  return [head, body[:cut], body[cut:]]


def http2(random):
  def framed(kind, flags, stream, data):
    return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data

  # CONNECT without :path among them (RFC 9113, 8.5), as literal fields of HPACK.
  connect = b"\x02\x07CONNECT\x01\x09127.0.0.1"
  frames = [
    framed(4, 0, 0, b""),
    framed(1, 5, 1, connect),
    framed(1, 4, 1, b"\x82\x84\x86\x41\x09127.0.0.1"),
    framed(0, 0, 1, random.randbytes(20)),
    framed(random.randrange(12), random.randrange(256), random.randrange(3), random.randbytes(9)),
    random.randbytes(30),
  ]
  return [PREFACE, *random.choices(frames, k=3)]


def upgraded_to_http2(random):
  return [request(random, headers=[HEADERS[5]]), *http2(random)]


def websocket(random):
  target = random.choice(
    [b"/stream", b"/raw", b"/ws/0123456789abcdef", b"/docs", b"/stream?token=x"]
  )
  extra = [random.choice([b"", b"", b"", DEFLATE, DEFLATE, b"Content-Length: 5\r\n", HEADERS[15]])]
  head = b"GET %s HTTP/1.1\r\n%s%s%s\r\n" % (target, HOST, UPGRADE, b"".join(extra))
  frames = []
  for _ in range(random.randrange(6)):
    opcode = random.choice([1, 1, 1, 2, 0, 8, 9, 10, 3, 11])
    data = random.choice([*MESSAGES, random.randbytes(random.randrange(300))])
    first = random.choice([0x80, 0x80, 0x80, 0, 0xC0, 0xB0])
    frames.append(frame(opcode, data, random, first=first))
  if random.random() < 0.3:
    # Before the 101, in one piece with the head.
    return [head + random.choice([b"x", *frames]), *frames]
  return [head, *frames]


def tls(random):
  hello = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + random.randbytes(150)
  return [hello, random.randbytes(40)]


def noise(random):
  return [random.randbytes(random.randrange(1, 2000))]


def mutated(random):
  data = bytearray(b"".join(random.choice([http1, body_of, websocket, http2])(random))[:4000])
  for _ in range(random.randrange(1, 8)):
    at = random.randrange(len(data) + 1)
    data[at : at + random.choice([0, 1, 1, 3])] = random.choice(
      [b"", b"\r\n", b"\x00", b"\xff", b":", b" ", random.randbytes(1)]
    )
  cut = random.randrange(len(data) + 1)
  return [bytes(data[:cut]), bytes(data[cut:])]


def half(random):
  data = b"".join(random.choice([http1, body_of, websocket])(random))
  return [data[: random.randrange(len(data) + 1)]]


KINDS = (
  *(http1, pipelined, body_of, body_of, http2, upgraded_to_http2),
  *(websocket, websocket, websocket, tls, noise, mutated, mutated, half, half),
)


async def attack(port, number, seed, seen, tls=None):
  """One connection; how it goes follows from its number. With `tls` the bytes go through TLS."""
  chance = random.Random(f"{seed}:{number}")
  kind = chance.choice(KINDS)
  pieces = kind(chance)
  ending = chance.choice(["reads", "reads", "reads", "closes", "resets", "half-closes"])
  seen[f"{kind.__name__}, {ending}"] += 1
  try:
    tcp = stream = await trio.open_tcp_stream("127.0.0.1", port)
  except OSError:
    seen["no connection"] += 1
    return
  with trio.move_on_after(3.0):
    try:
      if tls is not None:
        stream = trio.SSLStream(tcp, tls, https_compatible=True)
        await stream.do_handshake()
      for piece in pieces:
        await stream.send_all(piece)
        if chance.random() < 0.3:
          await trio.sleep(chance.choice([0, 0.001, 0.01]))
      if ending == "half-closes":
        await tcp.send_eof()
      if ending in ("reads", "half-closes"):
        with trio.move_on_after(chance.choice([0.01, 0.05, 0.2])):
          got = await stream.receive_some(1 << 16)
          seen[got[:12].decode("latin-1") if got.startswith(b"HTTP") else "no HTTP answer"] += 1
          while await stream.receive_some(1 << 16):
            pass
      if ending == "resets":
        linger = struct.pack("ii", 1, 0)
        tcp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
      seen["reset by the server"] += 1
  await trio.aclose_forcefully(stream)


async def fuzz(ports, count, *, seed=0, at_once=40, tls=None):
  """Sends so many connections to these ports; returns what happened, counted. The first port
  speaks TLS where `tls` is given; every tenth connection there does not."""
  seen = Counter()
  numbers = iter(range(count))

  async def worker():
    for number in numbers:
      place = number % len(ports)
      own = tls if place == 0 and number % (10 * len(ports)) else None
      await attack(ports[place], number, seed, seen, own)

  async with trio.open_nursery() as nursery:
    for _ in range(at_once):
      nursery.start_soon(worker)
  return seen


def descriptors(pid):
  """How many files and sockets a process has open."""
  return len(os.listdir(f"/proc/{pid}/fd"))


async def settled(pid, before, within=30.0):
  """How many descriptors are left over after a time in which all may end."""
  left = 0
  with trio.move_on_after(within):
    while (left := descriptors(pid) - before) > 0:
      await trio.sleep(0.2)
  return left


FAULTS = re.compile(
  rb"Traceback|\w*(?:Error|Exception)\b.*|.*failed with.*|never (?:awaited|retrieved)"
)


def faults(log):
  """What in a server's log is an error of its own."""
  return [found.decode(errors="replace") for found in FAULTS.findall(log)]


def certified(folder):
  """The options of a server with a certificate of its own, and how clients speak to it."""
  import trustme

  authority = trustme.CA()
  certificate = authority.issue_cert("127.0.0.1")
  chain, key = folder / "chain.pem", folder / "key.pem"
  certificate.cert_chain_pems[0].write_to_path(chain)
  certificate.private_key_pem.write_to_path(key)
  client = ssl.create_default_context()
  authority.configure_trust(client)
  return ["--tls-cert", str(chain), "--tls-key", str(key)], client


def main(arguments):
  sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
  from serving import served

  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--count", type=int, default=100_000)
  parser.add_argument("--seed", type=int, default=int(time.time()))
  parser.add_argument("--tls", action="store_true", help="the broker speaks TLS")
  given = parser.parse_args(arguments)

  async def run():
    async with AsyncExitStack() as stack:
      options, tls = [], None
      if given.tls:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        options, tls = certified(folder)
      server = await stack.enter_async_context(served(*options))
      api = int((await server.told(rb"api: http://127\.0\.0\.1:\d+")).rpartition(":")[2])
      pid = server.process.pid
      # What is opened once is opened before anything is counted.
      await fuzz([server.port, api], 200, seed=given.seed + 1, tls=tls)
      await trio.sleep(12)
      before, started, seen = descriptors(pid), time.monotonic(), Counter()
      for part in itertools.count():
        if part * 5000 >= given.count or server.process.poll() is not None:
          break
        share = min(5000, given.count - part * 5000)
        seen += await fuzz([server.port, api], share, seed=f"{given.seed}:{part}", tls=tls)
        print(f"{part * 5000 + share} connections, {time.monotonic() - started:.0f} s", flush=True)
      ended = server.process.poll()
      left = None if ended is not None else await settled(pid, before)
    found = faults(server.errors)
    for what, number in sorted(seen.items()):
      print(f"{number:8} {what}")
    print(f"seed {given.seed}; ended: {ended}; descriptors left: {left}; faults: {len(found)}")
    for text, number in Counter(found).most_common(10):
      print(f"{number:8} {text}")
    return int(ended is not None or bool(left) or bool(found) or server.process.returncode != 0)

  return trio.run(run)


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
