"""The pump: from one log to any number of clients.

What is new in the log is encoded once, framed once and joined once for each group of clients with
the same filters; each of them is handed that one bytes object in a write that never waits. A client
whose socket takes only a part leaves the group and follows alone (bond_broker.delivery.delivery)
until it has caught up. So a client cannot delay another, and costs no memory but its own unsent
frame.
"""

from collections.abc import Awaitable, Callable

import trio

from bond_broker.delivery.groups import Group, Groups, Member, Step
from bond_broker.delivery.router import Router
from bond_core.logs import DurableLog, Record

# How long a client that follows alone may wait for a pump that is busy.
TURN_WITHIN = 0.05
# A step is written before the next is looked at, so it bounds what a client can hold of it.
STEP_EVENTS = 256


class Pump:
  """Carries one log to its clients. `position` is the next log number that goes to the groups."""

  def __init__(
    self,
    log: DurableLog,
    router: Router,
    nursery: trio.Nursery,
    now_ms: Callable[[], int],
    begin: int | None = None,
  ) -> None:
    """It begins with what comes, or with a number of the log."""
    self.log = log
    self.router = router
    self.groups = Groups(router.add, router.remove)
    self.now_ms = now_ms
    self.position = log.head + 1 if begin is None else begin
    self.delivered = 0
    """Messages written to groups."""
    self.scope = trio.CancelScope()
    self.looking = trio.Lock()
    """Held by the one client that looks into the log for itself."""
    self._nursery = nursery
    self._waiting: set[trio.Event] = set()
    self._level = trio.Event()

  async def run(self) -> None:
    """Works until its scope is cancelled."""
    with self.scope:
      await self._run()

  async def _run(self) -> None:
    ring, router = self.log.ring, self.router
    while True:
      with trio.move_on_at(router.next_due()):
        await ring.reached(self.position)
      await self._follow_the_log()
      if router.next_due() <= trio.current_time():
        self._flush(router.sort_due(), self.position)
      # What an engine could not be given is known once it takes something again.
      torn_at = self.log.broken_at if self.log.failure is None else 0
      if (checkpoints := router.checkpoints(torn_at)) and self.position > ring.head:
        # Nothing has been appended since the state that they hold.
        ring.append(checkpoints, self)
      if self._waiting:
        waiting, self._waiting = self._waiting, set()
        for event in waiting:
          event.set()

  async def _follow_the_log(self) -> None:
    ring, router = self.log.ring, self.router
    while self.position <= ring.head:
      for record in ring.records(self.position, STEP_EVENTS):
        if record.first > self.position and not ring.sparse:
          touched = router.sort_lost(self.position, record.first - 1, self.now_ms())
          before, self.position = self.position, record.first
          self._flush(touched, before)
        part = record
        if len(record.events) > STEP_EVENTS:
          part = Record(record.first, record.ts_ms, record.events[:STEP_EVENTS])
        touched = router.sort(part)
        before, self.position = self.position, part.last + 1
        self._flush(touched, before)
      if self.position <= ring.head:
        # Other tasks have their turn, but those who follow alone wait until this is done.
        await trio.lowlevel.checkpoint()
    self._level.set()
    self._level = trio.Event()

  def _flush(self, groups: list[Group], before: int) -> None:
    """One write to each member of these groups, of what lies between a position and this one."""
    now = trio.current_time()
    room = self.groups.room()
    slow: list[tuple[Member, int]] = []
    for group in groups:
      pending = group.pending
      count = len(pending)
      frames = pending[0] if count == 1 else b"".join(pending)
      size = len(frames)
      pending.clear()
      for member in group.members:
        try:
          taken = member.send_now(frames)
        except BlockingIOError:
          taken = 0
        except OSError:
          taken = -1
        member.sent += count
        if taken != size:
          slow.append((member, taken))
      self.delivered += count * len(group.members)
      group.steps += 1
      if group.cursors:
        group.remember(Step(self.router.round, before, self.position, frames, count, now), room)
      if slow:
        for member, taken in slow:
          member.fall_short(frames, taken)
        slow.clear()

  # For clients that follow alone ------------------------------------------------------------------

  def start(self, follow: Callable[[], Awaitable[None]]) -> None:
    """Starts the task of a client that follows alone."""
    self._nursery.start_soon(follow)

  async def moved(self, wake: trio.Event) -> None:
    """Returns once the position has moved, or may have, and when `wake` is set."""
    self._waiting.add(wake)
    try:
      await wake.wait()
    finally:
      self._waiting.discard(wake)

  async def turn(self) -> None:
    """Returns when the pump has nothing to do, or soon at the latest: what one client costs comes
    after what all cost."""
    await trio.lowlevel.checkpoint()
    if self.position <= self.log.head:
      level = self._level
      with trio.move_on_after(TURN_WITHIN):
        await level.wait()
