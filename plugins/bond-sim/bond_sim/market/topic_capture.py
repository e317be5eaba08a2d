"""Recordings of venues whose messages name their topics, and the playback of them.

A line is `SECONDS: FRAME` for what was received on a socket, as captures of cryptofeed have it, or
a frame alone, a line a millisecond. Other lines are left out. Files are plain or gzip.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import msgspec
from bond_simkit import Fanout, SimulatorError

from bond_sim.market.capture_files import capture_lines, nanoseconds
from bond_sim.market.player import CapturePlayer

_TIMED = re.compile(rb"(\d+\.\d+): (\{.*\})")
_STEP_NS = 1_000_000

TopicOf = Callable[[bytes], str | None]
"""(frame) → the topic that it is a message of, None for none. Raises msgspec.DecodeError for what
is no JSON."""


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


def scan_topics(path: Path, topic_of: TopicOf, expected: str) -> TopicCapture:
  """The contents of a recording, from reading it through. Raises SimulatorError for a file that is
  none; `expected` is a line of one."""
  capture = TopicCapture(path)
  for record in topic_records(path, topic_of):
    capture.first_ns = capture.first_ns or record.time_ns
    capture.topics[record.topic] += 1
  if not capture.topics:
    raise SimulatorError(
      f"{path} holds no messages of the venue; expected lines such as {expected}"
    )
  return capture


def topic_records(path: Path, topic_of: TopicOf) -> Iterator[TopicRecord]:
  """The records of a recording, in order. Raises SimulatorError for a frame that is cut short."""
  for number, line in capture_lines(path):
    timed = _TIMED.fullmatch(line)
    if timed is None and not line.startswith(b"{"):
      continue
    time_ns, frame = (nanoseconds(timed[1]), timed[2]) if timed else (number * _STEP_NS, line)
    try:
      topic = topic_of(frame)
    except msgspec.DecodeError as error:
      raise SimulatorError(f"{path}:{number}: the frame is no JSON ({error})") from error
    if topic is not None:
      yield TopicRecord(time_ns, topic, frame)


class TopicPlayback:
  """Recorded topics, each frame played once and in order. A new reader of a topic for which `keeps`
  is true first gets the last frame that was played. `change` makes of a recorded frame what is
  published."""

  def __init__(
    self,
    captures: list[TopicCapture],
    topic_of: TopicOf,
    keeps: Callable[[str], bool],
    *,
    fanout: Fanout,
    speed: float,
    settle: float,
    change: Callable[[bytes], bytes] = lambda frame: frame,
  ) -> None:
    self.fanout = fanout
    self._change = change
    self.topics = {topic for capture in captures for topic in capture.topics}
    self._captures = captures
    self._topic_of = topic_of
    self._keeps = keeps
    self._last: dict[str, bytes] = {}
    self._played = 0
    self._total = sum(capture.topics.total() for capture in captures)
    self._player = CapturePlayer(fanout, speed, settle)

  async def run(self) -> None:
    """Plays, once somebody reads, until cancelled."""
    await self._player.run(self._timeline, self._publish)

  def first(self, topic: str) -> list[bytes]:
    """What a new reader of a topic gets; somebody reads from now on."""
    self._player.subscribed()
    last = self._last.get(topic)
    return [] if last is None else [last]

  def progress(self) -> dict[str, Any]:
    """Its rows of GET /_sim/stats."""
    return self._player.progress(self._played, self._total)

  def _timeline(self) -> Iterator[tuple[int, TopicRecord]]:
    base_ns = min((capture.first_ns for capture in self._captures), default=0)
    timed = (self._timed(capture.path, base_ns) for capture in self._captures)
    return heapq.merge(*timed, key=itemgetter(0))

  def _timed(self, path: Path, base_ns: int) -> Iterator[tuple[int, TopicRecord]]:
    for record in topic_records(path, self._topic_of):
      yield record.time_ns - base_ns, record

  def _publish(self, record: TopicRecord) -> None:
    data = self._change(record.data)
    if self._keeps(record.topic):
      self._last[record.topic] = data
    self._played += 1
    self.fanout.publish(record.topic, data)
