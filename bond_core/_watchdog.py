"""Names what blocks the event loop, and what does not stop when it should.

A thread checks whether the loop still turns. When it does not, the running stack says whose code
holds it: the branch it belongs to is found on the stack, at no cost to the hot path.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Protocol, Self
from weakref import WeakKeyDictionary

import trio

logger = logging.getLogger("bond")

BEAT = 0.2
BLOCKED_AFTER = 1.0
STRIKES = 3
STOP_WITHIN = 5.0


class Branch(Protocol):
  """A running source, transform or sink: the object whose methods are on the stack."""

  name: str


class Watchdog:
  """Watches one trio run. `async with` is its lifetime.

  `blocked(branch, sentence)` is called on the loop when the same branch has blocked it three times.
  """

  def __init__(
    self, branches: tuple[type[Branch], ...], blocked: Callable[[Branch, str], None]
  ) -> None:
    self._branches = branches
    self._blocked = blocked
    # Not by the name, which streams of different callers may share.
    self._strikes: WeakKeyDictionary[Branch, int] = WeakKeyDictionary()
    self._beat = time.monotonic()
    self._done = threading.Event()
    self._stopping: float | None = None
    self._running: Callable[[], list[str]] = list
    self._give_up: Callable[[list[str]], None] | None = None

  async def __aenter__(self) -> Self:
    self._token = trio.lowlevel.current_trio_token()
    self._thread_id = threading.get_ident()
    self._beat = time.monotonic()
    self._scope = trio.CancelScope()
    trio.lowlevel.spawn_system_task(self._tick)
    threading.Thread(target=self._watch, name="bond-watchdog", daemon=True).start()
    return self

  async def __aexit__(
    self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
  ) -> None:
    self._done.set()
    self._scope.cancel()

  def stopping(
    self, running: Callable[[], list[str]], give_up: Callable[[list[str]], None]
  ) -> None:
    """Everything was cancelled. What `running` still names after 5 s is handed to `give_up`, in
    the watchdog's thread."""
    self._running, self._give_up = running, give_up
    self._stopping = time.monotonic()

  async def _tick(self) -> None:
    with self._scope:
      while True:
        self._beat = time.monotonic()
        await trio.sleep(BEAT)

  def _watch(self) -> None:
    reported = 0.0
    while not self._done.wait(BEAT):
      now = time.monotonic()
      if self._stopping is not None and now - self._stopping > STOP_WITHIN:
        left, self._stopping = self._running(), None
        if left and self._give_up is not None:
          self._give_up(left)
      if now - self._beat > BLOCKED_AFTER and self._beat > reported:
        reported = self._beat
        self._report(now - self._beat)

  def _report(self, seconds: float) -> None:
    frame = sys._current_frames().get(self._thread_id)
    branch, where = self._find(frame)
    if branch is None:
      # No branch is running: the machine is busy elsewhere, which Bond cannot change.
      logger.info("the event loop has not turned for %.1f s, at %s", seconds, where)
      return
    logger.error(
      "%s has blocked the event loop for %.1f s at %s; move blocking work to a thread "
      "(trio.to_thread.run_sync) or make it await",
      branch.name,
      seconds,
      where,
    )
    self._strikes[branch] = self._strikes.get(branch, 0) + 1
    if self._strikes[branch] == STRIKES:
      reason = (
        f"stopped, because it blocked the event loop {STRIKES} times, the last time at {where}"
      )
      try:
        self._token.run_sync_soon(self._blocked, branch, reason)
      except trio.RunFinishedError:
        return

  def _find(self, frame: FrameType | None) -> tuple[Branch | None, str]:
    """The branch whose code runs, and the line of it that holds the loop."""
    where = "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
    while frame is not None:
      owner = frame.f_locals.get("self")
      if isinstance(owner, self._branches):
        return owner, where
      frame = frame.f_back
    return None, where
