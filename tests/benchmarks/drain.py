"""A load client: websocket clients that only read, and tell what reached them when.

usage: drain.py PORT [--host H] [--path /stream] [--pattern REGEX] [--witnesses 8]

It knows nothing of the server. Some clients, the witnesses, spread evenly over the others, are
looked at byte by byte: every message's number and send stamp is taken, which gives the exact
latencies of their deliveries and shows a number that is missing, doubled or out of order. The
others are known by their bytes: who got the same bytes as a witness got the same messages. Those
bytes are taken from the socket and counted by the kernel but not copied (MSG_TRUNC, as iperf3 does
with --skip-rx-copy): one core has to be many machines here, and must not be what is measured.

Standard input takes commands, one JSON object a line, each answered by one on standard output:

  {"do": "connect", "clients": N, "messages": [[…], …]}  there are N clients from now on; the nth
                          new one sends the nth list of messages, round and round. With `topics`,
                          as many lists, it is to get the messages whose number leaves one of the
                          nth list's remainders when divided by `of`, and no other
  {"do": "begin"}         a window of measurement starts
  {"do": "end"}           it ends: deliveries, bytes, latency, processor time
  {"do": "finish", "published": P}  reads until nothing more comes; what each client got of P
  {"do": "finish_topics", "published": P, "first": N}  the same where clients have topics

Run it on another core than the server.
"""

import argparse
import base64
import json
import os
import re
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

PATTERN = r'"n":(?P<number>\d+),"ts":(?P<stamp>\d{19})'
"""Where a message's number and its send time stand: nanoseconds since the epoch."""
READ_BYTES = 1 << 20
A_MACHINE = 5000
"""Clients that come from one address."""
GAP = b'"type":"gap"'
QUIET = 0.3
"""Seconds without a byte after which nothing more is expected."""
ANSWER_WITHIN = 10.0
STALLED = 3.0
"""The same while messages are known to be missing: an overloaded server may pause."""
STAMP_LAP = 10_000
"""A stamp with a decimal point is seconds of the clock, modulo this."""


def frame(message: bytes) -> bytes:
  """A text frame as clients send it. The mask is zero: there is no proxy to protect."""
  length = len(message)
  if length < 126:
    return struct.pack("!BB4x", 0x81, 0x80 | length) + message
  if length < 1 << 16:
    return struct.pack("!BBH4x", 0x81, 0x80 | 126, length) + message
  return struct.pack("!BBQ4x", 0x81, 0x80 | 127, length) + message


def connect(host: str, port: int, path: str, source: str = "") -> tuple[socket.socket, bytes]:
  """An open websocket, from a local address, and what came right behind the server's answer."""
  connection = socket.create_connection((host, port), 10, (source, 0) if source else None)
  connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
  key = base64.b64encode(os.urandom(16)).decode()
  connection.sendall(
    f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
    f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
  )
  answer = b""
  while b"\r\n\r\n" not in answer:
    data = connection.recv(4096)
    if not data:
      break
    answer += data
  head, _, rest = answer.partition(b"\r\n\r\n")
  if b" 101 " not in head.split(b"\r\n")[0]:
    connection.close()
    raise ConnectionError(f"no websocket but {head[:200]!r}")
  return connection, rest


class Topics:
  """The messages that a client is to get: those whose number leaves one of some remainders when
  divided by `of`. They are counted by ranks, which leave out the others."""

  def __init__(self, remainders: Sequence[int], of: int) -> None:
    self._of = of
    self._rank = {remainder: rank for rank, remainder in enumerate(sorted(remainders))}

  def rank(self, number: int) -> int | None:
    """The rank of a number among those of its topics; None where it is of no topic of theirs."""
    rounds, remainder = divmod(number, self._of)
    rank = self._rank.get(remainder)
    return None if rank is None else rounds * len(self._rank) + rank

  def count(self, first: int, published: int) -> int:
    """How many there are among so many numbers in a row."""
    return sum((first + n) % self._of in self._rank for n in range(published))


EVERYTHING = Topics((0,), 1)


class Witness:
  """Follows one client's messages: how many, whether in order, and how long each was under way."""

  def __init__(self, pattern: re.Pattern[bytes], topics: Topics = EVERYTHING) -> None:
    self.topics = topics
    self.strayed = 0
    """Messages of topics that are not its own."""
    self.count = 0
    self.doubled = 0
    self.missing = 0
    self.gaps = 0
    self.gap: str | None = None
    """The first message that declares a gap."""
    self.latencies: list[int] = []
    self._find = pattern.finditer
    self._number = pattern.groupindex["number"]
    self._stamp = pattern.groupindex["stamp"]
    self.first: int | None = None
    self.last: int | None = None
    self._rest = b""

  def take(self, data: bytes, now_ns: int) -> None:
    """What was read at a time (ns since the epoch)."""
    data = self._rest + data
    gaps = data.count(GAP) - self._rest.count(GAP)
    if gaps and not self.gaps:
      start = data.index(GAP)
      self.gap = data[start : data.find(b"}", start)].decode(errors="replace")
    self.gaps += gaps
    found = list(self._find(data))
    if not found:
      self._rest = data[-1024:]
      return
    self._rest = data[found[-1].end() :]
    self.count += len(found)
    numbers = [int(match[self._number]) for match in found]
    if self.topics is not EVERYTHING:
      ranks = [self.topics.rank(number) for number in numbers]
      numbers = [rank for rank in ranks if rank is not None]
      self.strayed += len(ranks) - len(numbers)
      if not numbers:
        return
    if self.last is None:
      self.first, self.last = numbers[0], numbers[0] - 1
    if numbers[0] != self.last + 1 or not _consecutive(numbers):
      self._look([self.last, *numbers])
    self.last = numbers[-1]
    self.latencies += [now_ns - stamp for stamp in self._stamps(found, now_ns)]

  def _stamps(self, found: list[re.Match[bytes]], now_ns: int) -> Iterator[int]:
    stamp = self._stamp
    if b"." not in found[0][stamp]:
      return (int(match[stamp]) for match in found)
    lap = STAMP_LAP * 10**9
    now = now_ns % lap
    return (now_ns - (now - round(float(match[stamp]) * 1e9)) % lap for match in found)

  def _look(self, numbers: list[int]) -> None:
    for before, after in pairwise(numbers):
      if after <= before:
        self.doubled += 1
      else:
        self.missing += after - before - 1


def _consecutive(numbers: list[int]) -> bool:
  return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


class Drain:
  """All clients of one server."""

  def __init__(self, host: str, port: int, path: str, pattern: str, witnesses: int) -> None:
    self.sockets: list[socket.socket] = []
    self.closed: set[int] = set()
    self._where = (host, port, path)
    self._pattern = re.compile(pattern.encode())
    self._wanted = witnesses
    self._witnesses: dict[int, Witness] = {}
    self._topics: dict[int, Topics] = {}
    self._poll = select.epoll()
    self._received: dict[int, int] = {}
    self._read_into: dict[int, Callable[[memoryview, int, int], int]] = {}
    self._view = memoryview(bytearray(READ_BYTES))
    self._window: tuple[float, float, list[int], list[int]] | None = None

  def connect(
    self,
    clients: int,
    messages: list[list[str]],
    topics: list[list[int]] | None = None,
    of: int = 1,
  ) -> dict[str, Any]:
    """Opens clients until there are so many; what the first new one was answered."""
    began, first = time.perf_counter(), len(self.sockets)
    answer = b""
    for index in range(first, clients):
      # A server with few descriptors left gives one address a part of them.
      source = f"127.0.0.{1 + index // A_MACHINE}" if index >= A_MACHINE else ""
      connection, rest = connect(*self._where, source)
      if messages:
        lines = messages[index % len(messages)]
        connection.sendall(b"".join(frame(line.encode()) for line in lines))
      answer = answer if index > first else rest
      connection.setblocking(False)
      self.sockets.append(connection)
      if topics is not None:
        self._topics[connection.fileno()] = Topics(topics[index % len(topics)], of)
      self._read_into[connection.fileno()] = connection.recv_into
      self._poll.register(connection, select.EPOLLIN)
    seconds = time.perf_counter() - began
    # Acknowledgements and the like are not deliveries. Who was sent something is to answer it.
    new = [connection.fileno() for connection in self.sockets[first:]]
    unanswered = set(new) if any(messages) else set()
    while ready := self._poll.poll(ANSWER_WITHIN if unanswered else QUIET):
      for descriptor, _ in ready:
        count = self._read(descriptor)
        unanswered.discard(descriptor)
        if new and descriptor == new[0] and len(answer) < 2000:
          answer += bytes(self._view[:count])
    if unanswered:
      raise ConnectionError(f"{len(unanswered)} clients had no answer within {ANSWER_WITHIN:g} s")
    step = max(1, (len(self.sockets) - 1) / max(1, self._wanted - 1))
    chosen = {round(number * step) for number in range(self._wanted)}
    watched = [self.sockets[index].fileno() for index in chosen if index < len(self.sockets)]
    self._witnesses = {
      descriptor: Witness(self._pattern, self._topics.get(descriptor, EVERYTHING))
      for descriptor in watched
    }
    self._received = {connection.fileno(): 0 for connection in self.sockets}
    return {
      "clients": len(self.sockets) - len(self.closed),
      "connect_seconds": round(seconds, 3),
      "answer": answer.decode(errors="replace"),
    }

  def begin(self) -> dict[str, Any]:
    """Starts a window."""
    for witness in self._witnesses.values():
      witness.latencies.clear()
    counts = [witness.count for witness in self._witnesses.values()]
    received = list(self._received.values())
    self._window = (time.perf_counter(), time.process_time(), received, counts)
    return {}

  def end(self) -> dict[str, Any]:
    """The figures of the window."""
    if self._window is None:
      return {"error": "no window was begun"}
    began, cpu, received, counts = self._window
    seconds = time.perf_counter() - began
    spent = time.process_time() - cpu
    deltas = [now - then for now, then in zip(self._received.values(), received, strict=True)]
    witnessed = [w.count - then for w, then in zip(self._witnesses.values(), counts, strict=True)]
    latencies = sorted(t for w in self._witnesses.values() for t in w.latencies)
    size = self._message_bytes()
    return {
      "seconds": round(seconds, 3),
      "deliveries_per_s": round(sum(deltas) / size / seconds) if size else 0,
      "megabytes_per_s": round(sum(deltas) / seconds / 1e6, 1),
      "bytes_per_message": round(size, 1),
      "min_max_per_client": round(min(deltas) / max(deltas), 4) if max(deltas) else None,
      "witnessed": sum(witnessed),
      **{f"p{p}_ms": _quantile(latencies, p / 100) for p in (50, 99)},
      "max_ms": _quantile(latencies, 1),
      "client_cpu": round(spent / seconds, 3),
      "closed": len(self.closed),
    }

  def finish_topics(self, published: int, first: int) -> dict[str, Any]:
    """The same for clients that get topics of their own: a witness's messages were counted, the
    others' follow from their bytes, in which a heartbeat is about one message."""
    wanted = {d: topics.count(first, published) for d, topics in self._topics.items()}

    def awaited() -> float:
      missing = any(w.count < wanted[d] for d, w in self._witnesses.items())
      return STALLED if missing else QUIET

    while ready := self._poll.poll(awaited()):
      for descriptor, _ in ready:
        self._take(descriptor)
    size = self._message_bytes()
    short = [d for d, received in self._received.items() if received < (wanted[d] - 0.5) * size]
    witnessed = sum(w.count for w in self._witnesses.values())
    expected = sum(wanted[d] for d in self._witnesses)
    return {
      "published": published,
      "loss": round(1 - witnessed / expected, 6) if expected else None,
      "witnesses": len(self._witnesses),
      "clients_short": len(short),
      "missing": sum(w.missing for w in self._witnesses.values()),
      "doubled": sum(w.doubled for w in self._witnesses.values()),
      "strayed": sum(w.strayed for w in self._witnesses.values()),
      "gap_frames": sum(w.gaps for w in self._witnesses.values()),
      "closed": len(self.closed),
    }

  def finish(self, published: int) -> dict[str, Any]:
    """Reads on until it is quiet; then how much of what was published arrived.

    A witness's messages were counted. Another client with just as many bytes as a witness without
    a hole got the same; where a server joins messages into frames as it likes, such witnesses
    differ in their bytes, and so may the others. For what is left the count follows from its bytes.
    """

    def awaited() -> float:
      missing = any(witness.count < published for witness in self._witnesses.values())
      return STALLED if missing else QUIET

    while ready := self._poll.poll(awaited()):
      for descriptor, _ in ready:
        self._take(descriptor)
    size = self._message_bytes()
    orderly = {d: w.count for d, w in self._witnesses.items() if not w.missing and not w.doubled}
    usual = max(orderly.values(), default=0)
    alike = [self._received[descriptor] for descriptor, n in orderly.items() if n == usual]
    least, most = (min(alike), max(alike)) if alike else (1, 0)
    slack = max(0, most - least)
    counts = []
    for descriptor, received in self._received.items():
      if descriptor in self._witnesses:
        counts.append(self._witnesses[descriptor].count)
      elif least - slack <= received <= most + slack:
        counts.append(usual)
      else:
        counts.append(round(received / size) if size else 0)
    expected = published * len(counts)
    return {
      "published": published,
      "received_min": min(counts),
      "received_max": max(counts),
      "loss": round(1 - sum(counts) / expected, 6) if expected else None,
      "bytes_vary_by": slack,
      "witnesses": len(self._witnesses),
      "first": min(
        (w.first for w in self._witnesses.values() if w.first is not None), default=None
      ),
      "last": max((w.last for w in self._witnesses.values() if w.last is not None), default=None),
      "missing": sum(w.missing for w in self._witnesses.values()),
      "doubled": sum(w.doubled for w in self._witnesses.values()),
      "gap_frames": sum(w.gaps for w in self._witnesses.values()),
      "gap": next((w.gap for w in self._witnesses.values() if w.gap is not None), None),
      "closed": len(self.closed),
    }

  def run(self) -> None:
    """Reads and obeys until the commands end."""
    commands = sys.stdin.fileno()
    self._poll.register(commands, select.EPOLLIN)
    pending = b""
    while True:
      for descriptor, _ in self._poll.poll():
        if descriptor != commands:
          self._take(descriptor)
          continue
        data = os.read(commands, 1 << 16)
        if not data:
          return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
          # While a command reads by itself, more commands must not wake it.
          self._poll.unregister(commands)
          print(json.dumps(self._obey(json.loads(line))), flush=True)
          self._poll.register(commands, select.EPOLLIN)

  def _obey(self, command: dict[str, Any]) -> dict[str, Any]:
    what = command.pop("do")
    try:
      answer: dict[str, Any] = getattr(self, what)(**command)
    except OSError as exc:
      return {"error": f"{what}: {exc!r} after {len(self.sockets)} clients"}
    return answer

  def _take(self, descriptor: int) -> None:
    witness = self._witnesses.get(descriptor)
    count = self._read(descriptor, 0 if witness else socket.MSG_TRUNC)
    if count:
      self._received[descriptor] += count
      if witness:
        witness.take(bytes(self._view[:count]), time.time_ns())

  def _read(self, descriptor: int, flags: int = 0) -> int:
    """Reads once into the common buffer; how many bytes, 0 where the connection has ended."""
    try:
      count = self._read_into[descriptor](self._view, READ_BYTES, flags)
    except BlockingIOError:
      return 0
    except OSError:
      count = 0
    if not count:
      self.closed.add(descriptor)
      self._poll.unregister(descriptor)
    return count

  def _message_bytes(self) -> float:
    counted = sum(witness.count for witness in self._witnesses.values())
    if not counted:
      return 0.0
    return sum(self._received[descriptor] for descriptor in self._witnesses) / counted


def _quantile(ordered: list[int], part: float) -> float | None:
  """Milliseconds."""
  if not ordered:
    return None
  return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] / 1e6, 3)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("port", type=int)
  parser.add_argument("--host", default="127.0.0.1")
  parser.add_argument("--path", default="/stream")
  parser.add_argument("--pattern", default=PATTERN)
  parser.add_argument("--witnesses", type=int, default=8)
  given = parser.parse_args()
  Drain(given.host, given.port, given.path, given.pattern, given.witnesses).run()


if __name__ == "__main__":
  main()
