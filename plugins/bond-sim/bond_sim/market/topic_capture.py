"""Recordings of venues whose messages name their topics, and the playback of them.

A line is `SECONDS: FRAME` for what was received on a socket, as captures of cryptofeed have it, or
a frame alone, a line a millisecond. `URL <-> SECONDS` says on which socket. Other lines are left
out. Files are plain or gzip, or what `bond record --raw` wrote.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import attrs
import msgspec
from bond_simkit import Fanout, SimulatorError

from bond_sim.market.capture_files import capture_lines, nanoseconds
from bond_sim.market.player import CapturePlayer

_TIMED = re.compile(rb"(\d+\.\d+): (\{.*\})")
_OPENED = re.compile(rb"(wss?://\S+) <-> (\d+\.\d+)")
_STEP_NS = 1_000_000

TopicOf = Callable[[bytes, str], str | None]
"""(frame, URL of its socket where known) → the topic that it is a message of, None for none. Raises
msgspec.DecodeError for what is no JSON."""

Apart = Callable[[bytes, int], list[bytes]]
"""(first frame of a topic, ms at which its socket was opened) → what was before, and the rest, each
a message of its own."""


@attrs.frozen
class Captured:
  """How the recordings of a venue are read. `expected` are lines of one, for a message."""

  exchange: str
  topic_of: TopicOf
  expected: str
  apart: Apart | None = None
  """Of a venue that sends in its first message what was before, without which a reader of today
  takes all of it for that."""

  def scan(self, path: Path) -> "TopicCapture":
    """The contents of a recording, from reading it through. Raises SimulatorError for a file that
    is none."""
    capture = TopicCapture(path)
    for record in self.records(path):
      capture.first_ns = capture.first_ns or record.time_ns
      capture.topics[record.topic] += 1
    if not capture.topics:
      raise SimulatorError(
        f"{path} holds no messages of the venue; expected lines such as {self.expected}"
      )
    return capture

  def records(self, path: Path) -> Iterator["TopicRecord"]:
    """The records of a recording, in order. Raises SimulatorError for a frame that is cut short."""
    url, opened_ms, begun = "", 0, set[str]()
    for number, line in capture_lines(path, self.exchange):
      if opened := _OPENED.match(line):
        url, opened_ms = opened[1].decode(), nanoseconds(opened[2]) // 1_000_000
      timed = _TIMED.fullmatch(line)
      if timed is None and not line.startswith(b"{"):
        continue
      time_ns, frame = (nanoseconds(timed[1]), timed[2]) if timed else (number * _STEP_NS, line)
      try:
        topic = self.topic_of(frame, url)
      except msgspec.DecodeError as error:
        raise SimulatorError(f"{path}:{number}: the frame is no JSON ({error})") from error
      if topic is None:
        continue
      parts = [frame]
      if self.apart is not None and opened_ms and topic not in begun:
        begun.add(topic)
        parts = self.apart(frame, opened_ms)
      for part in parts:
        yield TopicRecord(time_ns, topic, part)


class Played(Protocol):
  """What was played of a topic, for a reader who comes later."""

  def add(self, frame: bytes) -> None:
    """A frame was published."""

  def first(self) -> list[bytes]:
    """What the venue sends a new reader first."""


class LastFrame:
  """The last frame says everything."""

  def __init__(self) -> None:
    self._last: list[bytes] = []

  def add(self, frame: bytes) -> None:
    self._last = [frame]

  def first(self) -> list[bytes]:
    return self._last


class TopicRecord(NamedTuple):
  """One recorded message, exactly as it was received."""

  time_ns: int
  topic: str
  data: bytes


@attrs.define
class TopicCapture:
  """The contents of a recording: its topics with their numbers of frames, and the first time
  (ns)."""

  path: Path
  topics: Counter[str] = attrs.field(factory=Counter)
  first_ns: int = 0


class TopicPlayback:
  """Recorded topics, each frame played once and in order. A new reader of a topic first gets what
  `played` keeps of it (None: nothing). `change` makes of a recorded frame what is published."""

  def __init__(
    self,
    captured: Captured,
    captures: list[TopicCapture],
    played: Callable[[str], Played | None],
    *,
    fanout: Fanout,
    speed: float,
    settle: float,
    change: Callable[[bytes], bytes] = lambda frame: frame,
  ) -> None:
    self.fanout = fanout
    self._change = change
    self.topics = {topic for capture in captures for topic in capture.topics}
    self._captured = captured
    self._captures = captures
    self._kept = {topic: played(topic) for topic in self.topics}
    self._played = 0
    self._total = sum(capture.topics.total() for capture in captures)
    self._player = CapturePlayer(fanout, speed, settle)

  async def run(self) -> None:
    """Plays, once somebody reads, until cancelled."""
    await self._player.run(self._timeline, self._publish)

  def first(self, topic: str) -> list[bytes]:
    """What a new reader of a topic gets; somebody reads from now on."""
    self._player.subscribed()
    kept = self._kept.get(topic)
    return [] if kept is None else kept.first()

  def progress(self) -> dict[str, Any]:
    """Its rows of GET /_sim/stats."""
    return self._player.progress(self._played, self._total)

  def _timeline(self) -> Iterator[tuple[int, TopicRecord]]:
    base_ns = min((capture.first_ns for capture in self._captures), default=0)
    timed = (self._timed(capture.path, base_ns) for capture in self._captures)
    return heapq.merge(*timed, key=itemgetter(0))

  def _timed(self, path: Path, base_ns: int) -> Iterator[tuple[int, TopicRecord]]:
    for record in self._captured.records(path):
      yield record.time_ns - base_ns, record

  def _publish(self, record: TopicRecord) -> None:
    data = self._change(record.data)
    if (kept := self._kept[record.topic]) is not None:
      kept.add(data)
    self._played += 1
    self.fanout.publish(record.topic, data)
