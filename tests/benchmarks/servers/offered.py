"""The load that every server publishes: numbered, stamped messages of one size, at an offered rate.

With `--topics N` each message goes to the next of N topics, round and round; else all go to one.

Rates come as lines `{"rate": 10000}` on standard input; each is answered by a line
`{"published": …}` once everything up to then has been handed to the server. `{"heap": true}` is
answered by what Python has allocated, where tracemalloc runs. Where the input ends, the process
ends.
"""

import argparse
import gc
import json
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator

SIZE = 300
"""Bytes of a message, before framing."""
FIRST = 1_000_000_000
"""The first message's number; all numbers have ten digits, so that all messages have one size."""
TURN = 0.001
"""Seconds between two looks at what is due."""
MAX_LATE = 0.020
"""What is later than this is not published any more: an overloaded server must not be buried by
one endless turn (two messages' time where that is more). The rate that was really published is part
of every result."""

_START = (
  b'{"type":"custom","exchange":"bench","symbol":"BTC/USDT","event_type":"load",'
  b'"data":{"n":%d,"ts":%d,"pad":"'
)
_END = b'"}}'
_PAD = SIZE - len(_START % (FIRST, 10**18)) - len(_END)
_TEMPLATE = _START + b"x" * _PAD + _END


def topic_names(count: int) -> list[str]:
  """The topics of the load: message number n goes to the one at n % count."""
  return ["bench"] if count == 1 else [f"t{number}" for number in range(count)]


def symbol(topic: str) -> str:
  """A topic as a symbol of the market."""
  return f"{topic.upper()}/USDT"


def wanted_topics() -> list[str]:
  """The topics that the command line says."""
  parser = argparse.ArgumentParser()
  parser.add_argument("--topics", type=int, default=1)
  return topic_names(parser.parse_known_args()[0].topics)


class Offer:
  """Says what is due, turn after turn, until it has `ended`. A server calls `due` (or `count_due`)
  every TURN seconds and publishes all of it before it calls again."""

  def __init__(self) -> None:
    self.topics = wanted_topics()
    self.published = 0
    self.ended = False
    self._rate = 0.0
    self._next = 0.0
    self._turns = 0

  def count_due(self) -> int:
    """How many messages are due now; they count as published."""
    self._turns += 1
    rate = self._rate
    if not rate:
      return 0
    now = time.perf_counter()
    self._next = max(self._next, now - max(MAX_LATE, 2 / rate))
    count = int((now - self._next) * rate)
    self._next += count / rate
    self.published += count
    return count

  def due(self) -> Iterator[tuple[str, bytes]]:
    """The messages that are due now and the topic of each, stamped when it is taken."""
    count, topics = self.count_due(), self.topics
    number = FIRST + self.published - count
    for n in range(number, number + count):
      yield topics[n % len(topics)], _TEMPLATE % (n, time.time_ns())

  def obey(self, **started: object) -> None:
    """Tells the port and follows standard input, in a thread."""
    print(json.dumps(started), flush=True)
    threading.Thread(target=self._follow, daemon=True).start()

  def _follow(self) -> None:
    for line in sys.stdin:
      command = json.loads(line)
      if "heap" in command:
        gc.collect()
        print(json.dumps({"heap": tracemalloc.get_traced_memory()[0]}), flush=True)
        continue
      self._next = time.perf_counter()
      self._rate = command["rate"]
      # The turn that was under way when the rate changed has ended when two more have begun.
      seen = self._turns + 2
      while self._turns < seen:
        time.sleep(TURN)
      print(json.dumps({"published": self.published}), flush=True)
    self.ended = True
