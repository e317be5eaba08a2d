"""Plays records once, in order, with the recorded spacing divided by the speed."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import trio

from bond_sim.hub import Hub

RECORDS_PER_TURN = 256
TICK_SECONDS = 0.001
MOST_SETTLES = 10

T = TypeVar("T")


class Player:
  """Begins `settle` seconds after the last of the opening burst of subscriptions (`asked`), and ten
  times as long after the first, so that a client that subscribes in several messages or sockets
  misses nothing.

  At a `speed` above 0 it goes on whether or not somebody listens, as a venue does. At speed 0 there
  is no clock: it is as fast as its readers take, and waits while there are none.
  """

  def __init__(self, hub: Hub, speed: float, settle: float) -> None:
    self._hub = hub
    self._speed = speed
    self._settle = settle
    self._state = "waiting"
    self._position_ns = 0
    self._asked = trio.Event()
    self._asked_at = 0.0

  def asked(self) -> None:
    """Somebody wants something of what is recorded."""
    self._asked.set()
    self._asked_at = trio.current_time()

  async def run(
    self, timeline: Callable[[], Iterable[tuple[int, T]]], publish: Callable[[T], None]
  ) -> None:
    """Publishes the records of the timeline, each with its time since the beginning (ns)."""
    await self._asked.wait()
    self._state = "settling"
    latest = self._asked_at + MOST_SETTLES * self._settle
    while (until := min(self._asked_at + self._settle, latest)) > trio.current_time():
      await trio.sleep_until(until)
    self._state = "playing"
    await self._play(timeline(), publish)
    self._state = "finished"

  async def _play(self, timeline: Iterable[tuple[int, T]], publish: Callable[[T], None]) -> None:
    started = now = trio.current_time()
    for turn, (offset_ns, record) in enumerate(timeline, 1):
      if self._speed:
        due = started + offset_ns / 1e9 / self._speed
        if due > now and due > (now := trio.current_time()):
          await trio.sleep_until(max(due, now + TICK_SECONDS))
          now = trio.current_time()
      elif turn % RECORDS_PER_TURN == 0 or not self._hub.has_readers:
        await self._hub.somebody()
        await self._hub.drained()
      if turn % RECORDS_PER_TURN == 0:
        await trio.lowlevel.checkpoint()
      self._position_ns = offset_ns
      publish(record)

  def progress(self, played: int, total: int) -> dict[str, Any]:
    """For GET /_sim/stats."""
    return {
      "finished": self._state == "finished",
      "playback": {
        "state": self._state,
        "played": played,
        "frames": total,
        "seconds": self._position_ns / 1e9,
      },
    }
