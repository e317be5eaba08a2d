"""Plays recorded frames once, in order, with the recorded spacing divided by the speed."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

import trio
from bond_simkit import Fanout

FRAMES_PER_TURN = 256
TICK_SECONDS = 0.001
MAX_SETTLES = 10

T = TypeVar("T")


class CapturePlayer:
  """Begins `settle` seconds after the last of the first subscriptions, at most ten times as long
  after the first, so that a client that subscribes in several messages or sockets misses nothing.

  At a `speed` above 0 playback goes on without readers too, as a venue does. At speed 0 there is no
  clock: it is as fast as its readers take frames, and waits while there are none.
  """

  def __init__(self, fanout: Fanout, speed: float, settle: float) -> None:
    self._fanout = fanout
    self._speed = speed
    self._settle = settle
    self._state: Literal["waiting", "settling", "playing", "finished"] = "waiting"
    self._position_ns = 0
    self._subscribed = trio.Event()
    self._subscribed_at = 0.0

  def subscribed(self) -> None:
    """A client subscribes to something that is recorded."""
    self._subscribed.set()
    self._subscribed_at = trio.current_time()

  async def run(
    self, timeline: Callable[[], Iterable[tuple[int, T]]], publish: Callable[[T], None]
  ) -> None:
    """Publishes the frames of a timeline of (ns since the beginning, frame)."""
    await self._subscribed.wait()
    self._state = "settling"
    latest = self._subscribed_at + MAX_SETTLES * self._settle
    while (until := min(self._subscribed_at + self._settle, latest)) > trio.current_time():
      await trio.sleep_until(until)
    self._state = "playing"
    await self._play(timeline(), publish)
    self._state = "finished"

  async def _play(self, timeline: Iterable[tuple[int, T]], publish: Callable[[T], None]) -> None:
    started = now = trio.current_time()
    for turn, (offset_ns, frame) in enumerate(timeline, 1):
      if self._speed:
        due = started + offset_ns / 1e9 / self._speed
        if due > now and due > (now := trio.current_time()):
          await trio.sleep_until(max(due, now + TICK_SECONDS))
          now = trio.current_time()
      elif turn % FRAMES_PER_TURN == 0 or not self._fanout.has_readers:
        await self._fanout.wait_for_reader()
        await self._fanout.drained()
      if turn % FRAMES_PER_TURN == 0:
        await trio.lowlevel.checkpoint()
      self._position_ns = offset_ns
      publish(frame)

  def progress(self, played: int, total: int) -> dict[str, Any]:
    """Its rows of GET /_sim/stats; `played` and `total` are frames."""
    return {
      "finished": self._state == "finished",
      "playback": {
        "state": self._state,
        "played": played,
        "frames": total,
        "seconds": self._position_ns / 1e9,
      },
    }
