"""The pump: from a log to any number of clients.

What is new in the log is encoded once, framed once and joined once for each group of clients that
want the same; each of them gets that one bytes object in a write that never waits. A client whose
socket takes only a part leaves the group and follows alone (bond_broker.catch_up) until it has
caught up. So one client cannot delay another, and costs no memory but its own unsent frame.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from bond_broker.catch_up import catch_up
from bond_broker.client import MAX_ANSWERS_BYTES, Client, Ending, Subscription
from bond_broker.filters import Filter
from bond_broker.groups import REMEMBERED_AT_LEAST, REMEMBERED_BYTES, Group, Step
from bond_broker.messages import CloseCode, live_message
from bond_core import Batch
from bond_core.logs import DurableLog, Record

# How long a client that follows alone may be kept waiting by a pump that has much to do.
TURN_WITHIN = 0.05
# A step is written before the next is looked at, so it bounds what a client can hold of it.
STEP_EVENTS = 256


class Router(Protocol):
  """What a pump's log means: which group gets which bytes of it."""

  def add(self, group: Group) -> None:
    """A group comes."""

  def remove(self, group: Group) -> None:
    """A group goes."""

  def sort(self, record: Record) -> list[Group]:
    """Puts the frames of these events into the `pending` of the groups that want them; those
    groups."""

  def due(self) -> float:
    """When something is due although no event comes (trio's time)."""

  def sort_due(self) -> list[Group]:
    """The same for what is due by now."""

  def lost(self, first: int, last: int, now_ms: int) -> list[Group]:
    """The same for events that nobody has any more."""

  def select(
    self, client: Client, records: Sequence[Record], until: int
  ) -> tuple[list[bytes], int]:
    """What a client that follows alone gets of these records: frames, and its next position, at
    most `until`."""

  def checkpoints(self) -> Batch:
    """States that the log is to hold again, for replays."""

  def prime(self, subscription: Subscription) -> int:
    """The number from which a replay must be read so that its states are whole at its start."""

  def joining(self, client: Client, subscription: Subscription) -> list[bytes]:
    """What a subscription that begins to be live gets first: the state it starts from."""

  def states(self, client: Client) -> list[bytes]:
    """The latest of the states that were shown to others since the client last saw them."""


class Pump:
  """Carries one log to its clients. `position` is the next number that goes out to the groups."""

  def __init__(
    self, log: DurableLog, router: Router, nursery: trio.Nursery, now_ms: Callable[[], int]
  ) -> None:
    self.log = log
    self.now_ms = now_ms
    self.router = router
    self.position = log.head + 1
    self.clients: dict[Client, None] = {}
    self.delivered = 0
    self.scope = trio.CancelScope()
    self._groups: dict[tuple[Filter, ...], Group] = {}
    self._nursery = nursery
    self._waiting: dict[Client, None] = {}
    self._level = trio.Event()
    self.looking = trio.Lock()
    """Held by the one client that looks into the log for itself."""

  @property
  def seq(self) -> int:
    """The last number that has gone out."""
    return self.position - 1

  async def run(self) -> None:
    """Works until its scope is cancelled."""
    with self.scope:
      await self._run()

  async def _run(self) -> None:
    ring, router = self.log.ring, self.router
    while True:
      with trio.move_on_at(router.due()):
        await ring.reached(self.position)
      await self._catch_up_with_the_log()
      if router.due() <= trio.current_time():
        self._flush(router.sort_due(), self.position)
      if (checkpoints := router.checkpoints()) and self.position > ring.head:
        # In their place: nothing has been appended since the state that they tell.
        ring.append(checkpoints, self)
      if self._waiting:
        waiting, self._waiting = self._waiting, {}
        for client in waiting:
          client.wake.set()

  async def _catch_up_with_the_log(self) -> None:
    ring, router = self.log.ring, self.router
    while self.position <= ring.head:
      for record in ring.records(self.position, STEP_EVENTS):
        if record.first > self.position:
          touched = router.lost(self.position, record.first - 1, self.now_ms())
          before, self.position = self.position, record.first
          self._flush(touched, before)
        part = record
        if len(record.events) > STEP_EVENTS:
          part = Record(record.first, record.ts_ms, record.events[:STEP_EVENTS])
        touched = router.sort(part)
        before, self.position = self.position, part.last + 1
        self._flush(touched, before)
      if self.position <= ring.head:
        # Others get their turn, but those who follow alone wait until this is done.
        await trio.lowlevel.checkpoint()
    self._level.set()
    self._level = trio.Event()

  def _flush(self, groups: list[Group], before: int) -> None:
    """One write to each client of these groups, of what lies between a position and this one."""
    now = trio.current_time()
    room = max(REMEMBERED_AT_LEAST, REMEMBERED_BYTES // max(1, len(self._groups)))
    for group in groups:
      pending = group.pending
      frames = pending[0] if len(pending) == 1 else b"".join(pending)
      count, size = len(pending), len(frames)
      pending.clear()
      slow: list[tuple[Client, int]] = []
      for client in group.members:
        try:
          taken = client.transport.send_now(frames)
        except BlockingIOError:
          taken = 0
        except OSError:
          taken = -1
        client.sent += count
        if taken != size:
          slow.append((client, taken))
      self.delivered += count * len(group.members)
      group.remember(Step(before, self.position, frames, count, now), room)
      for client, taken in slow:
        if taken < 0:
          self.end(client, Ending(CloseCode.GONE, "the connection is gone"))
        else:
          self._fall_behind(client, memoryview(frames)[taken:])

  async def turn(self) -> None:
    """Returns when the pump has nothing to do, or soon at the latest: what one client costs comes
    after what all cost."""
    await trio.lowlevel.checkpoint()
    if self.position <= self.log.head:
      level = self._level
      with trio.move_on_after(TURN_WITHIN):
        await level.wait()

  # Clients -------------------------------------------------------------------------------------

  def add(self, client: Client) -> None:
    """A client comes, without subscriptions."""
    self.clients[client] = None
    client.position = client.shown = self.position
    if client.transport.patient:
      self._nursery.start_soon(catch_up, self, client)
    else:
      client.fast = True

  def remove(self, client: Client) -> None:
    """A client goes."""
    self.clients.pop(client, None)
    self._leave(client)

  def subscribe(
    self,
    client: Client,
    subscription: Subscription,
    answer: Callable[[int], bytes] | None,
    gap: bytes | None,
  ) -> None:
    """Adds a subscription that is live from now on, or replays from its `start` where that is not
    0. `answer(seq)` goes out before its events, where `seq` is the last number before them, and
    then the `gap` that it begins with. `live` follows whatever had a `start`."""
    self._leave(client)
    at = self.position if client.fast else client.position
    start = subscription.start
    replays = 0 < start < self.position
    if replays:
      subscription.live_at = self.position
      start = self.router.prime(subscription)
      if start < at:
        # The others have had everything before their position; the new one alone goes back.
        for other in client.subscriptions:
          other.start = max(other.start, at)
        at = start
    else:
      subscription.start = self.position
    client.change([*client.subscriptions, subscription])
    if answer is not None:
      self.put(client, answer((subscription.start if replays else self.position) - 1))
    if gap is not None:
      self.put(client, gap)
    if not replays:
      if start:
        # There was nothing to replay: the boundary is here.
        self.put(client, live_message(subscription.id, self.position - 1))
      self._start_with(client, self.router.joining(client, subscription))
    elif client.fast:
      self._fall_behind(client, None)
    client.position = at
    if client.fast:
      self._join(client)

  def _start_with(self, client: Client, frames: list[bytes]) -> None:
    for frame in frames:
      if client.fast:
        self.put(client, frame)
      else:
        # It asked for this, however much it is.
        client.answers.append(frame)

  def unsubscribe(self, client: Client, gone: Sequence[Subscription]) -> None:
    """Takes subscriptions away."""
    self._leave(client)
    client.change([s for s in client.subscriptions if s not in gone])
    if client.fast:
      self._join(client)

  def put(self, client: Client, frame: bytes) -> None:
    """Sends an answer, a heartbeat or another frame that is no event, in its turn."""
    if client.ending is not None:
      return
    if not client.fast:
      client.answers.append(frame)
      client.answers_bytes += len(frame)
      client.wake.set()
      if client.answers_bytes > MAX_ANSWERS_BYTES:
        self.end(client, Ending(CloseCode.SLOW, "nothing was read for too long"))
      return
    try:
      taken = client.transport.send_now(frame)
    except BlockingIOError:
      taken = 0
    except OSError:
      self.end(client, Ending(CloseCode.GONE, "the connection is gone"))
      return
    if taken < len(frame):
      self._fall_behind(client, memoryview(frame)[taken:])

  def end(self, client: Client, ending: Ending) -> None:
    """Ends a client; the first reason is kept. Its session says goodbye and closes the socket."""
    if client.ending is None:
      client.ending = ending
      self._leave(client)
      client.wake.set()
      client.writing.cancel()
      client.session.cancel()

  def seq_of(self, client: Client) -> int:
    """The last number that a client has been given."""
    return (self.position if client.fast else client.position) - 1

  @property
  def groups(self) -> int:
    """How many different sets of filters are served."""
    return len(self._groups)

  def wait_for_more(self, client: Client) -> None:
    """Has the client woken when the pump has moved on."""
    self._waiting[client] = None

  def rejoin(self, client: Client) -> None:
    """A client has everything: from now on it is written to with its group."""
    client.fast = True
    group = client.group
    if group is None:
      self._join(client)
      return
    group.members[client] = None
    group.lose(client)
    client.group = group

  def step_along(self, client: Client) -> None:
    """A client that is behind becomes one of its group's."""
    group = self._group_of(client)
    if group is not None:
      group.follow(client)

  def _join(self, client: Client) -> None:
    group = self._group_of(client)
    if group is not None:
      group.members[client] = None
      client.group = group

  def _group_of(self, client: Client) -> Group | None:
    filters = client.selection.filters
    if not filters:
      return None
    group = self._groups.get(filters)
    if group is None:
      group = self._groups[filters] = Group(client.selection)
      self.router.add(group)
    return group

  def _leave(self, client: Client) -> None:
    group = client.group
    if group is None:
      return
    if client in group.members:
      del group.members[client]
      client.group = None
    else:
      group.lose(client)
    if not group.members and not group.behind:
      del self._groups[group.selection.filters]
      self.router.remove(group)

  def _fall_behind(self, client: Client, rest: memoryview | None) -> None:
    """A client's socket did not take everything: a task of its own brings it up."""
    group = client.group
    if group is not None:
      del group.members[client]
      group.follow(client)
      client.step = group.steps
    client.fast = False
    client.rest = rest
    client.position = client.shown = self.position
    self._nursery.start_soon(catch_up, self, client)
