"""The delivery of a log to one client: the states it goes through, and what it is given in each.

LIVE       it has everything. Its group writes to it; one whose transport has to wait is woken.
BEHIND     its socket did not take everything. A task of its own brings it up from the log, as fast
           as the socket takes it.
REPLAYING  as BEHIND, from where its subscription begins, up to the boundary at which all is live.
CLOSING    nothing more is given to it.
"""

import sys
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

import trio

from bond_broker.books.replay import ReplayBooks
from bond_broker.delivery.groups import Cursor, Group
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.router import Selected
from bond_broker.delivery.transport import Transport
from bond_broker.delivery.unsent import Unsent
from bond_broker.protocol.gaps import lost_gap
from bond_broker.protocol.messages import CloseCode, gap_message, live_message
from bond_broker.protocol.subscription import Subscription, Subscriptions
from bond_core import GapReason
from bond_core.logs import EngineError, Record

EVER = sys.maxsize
LEVEL_BYTES = 112
"""Of one level of a book, as in the log's rings."""
# How many events are looked at in one go: enough that conflation pays.
LOOK_EVENTS = 1024


class Ending(NamedTuple):
  """How a connection ends: the close code and the reason in it."""

  code: int
  reason: str


GONE = Ending(CloseCode.GONE, "the connection is gone")


class State(Enum):
  """The state of a delivery; see the module."""

  LIVE = "live"
  BEHIND = "behind"
  REPLAYING = "replaying"
  CLOSING = "closing"


TRANSITIONS = {
  State.LIVE: {State.BEHIND, State.REPLAYING, State.CLOSING},
  State.BEHIND: {State.LIVE, State.REPLAYING, State.CLOSING},
  State.REPLAYING: {State.BEHIND, State.CLOSING},
  State.CLOSING: set[State](),
}
"""Which state may follow which. What was replayed is BEHIND until it is level."""


class Delivery:
  """One client's delivery. Whatever is written to the client goes through here, so frames never
  interleave."""

  __slots__ = (
    "_books",
    "_cursor",
    "_group",
    "_missed",
    "_on_close",
    "_position",
    "_pump",
    "_seen_round",
    "_task",
    "_transport",
    "_unsent",
    "_wake",
    "conflated",
    "ending",
    "lost",
    "send_now",
    "sent",
    "state",
    "subscriptions",
  )

  def __init__(
    self, pump: Pump, transport: Transport, on_close: Callable[[], None] = lambda: None
  ) -> None:
    self.state = State.LIVE
    self.ending: Ending | None = None
    """Why it closes."""
    self.subscriptions = Subscriptions()
    self.sent = 0
    """Messages given to it."""
    self.lost = 0
    """Events that it did not receive; a gap declared each."""
    self.conflated = 0
    """States that it did not receive because a later one replaced them."""
    self.send_now = transport.send_now
    self._pump = pump
    self._transport = transport
    self._on_close = on_close
    self._position = pump.position
    """The next log number, unless its group writes to it."""
    self._group: Group | None = None
    """While it is LIVE."""
    self._cursor: Cursor | None = None
    """While it is BEHIND: its place in the steps of its group."""
    self._books: ReplayBooks | None = None
    """While it is REPLAYING: its books as they were then."""
    self._unsent: Unsent | None = None
    """While a task of its own writes."""
    self._seen_round = 0
    """The last round of the router whose states it has, while it is behind."""
    self._missed: tuple[int, int] | None = None
    """The rounds whose states it does not have: the first, and the end of them."""
    self._wake: trio.Event | None = None
    """Set when there is something to do for a task that has nothing left."""
    self._task: trio.CancelScope | None = None
    if transport.waits:
      self._enter(State.BEHIND)
      self._start(None)

  # What is known from outside ---------------------------------------------------------------------

  @property
  def next_number(self) -> int:
    """The log number of the next event that it may receive."""
    return self._pump.position if self._is_written_to else self._position

  @property
  def place(self) -> int:
    """The last log number before what may come. A replay may read books from further back."""
    starts = (subscription.start for subscription in self.subscriptions.listed)
    return max(self.next_number, min(starts, default=0)) - 1

  @property
  def lag(self) -> int:
    """How many log numbers it is behind."""
    return self._pump.position - self.next_number

  @property
  def unsent_bytes(self) -> int:
    """What waits for its socket."""
    unsent = self._unsent
    return 0 if unsent is None else len(unsent.rest or b"") + unsent.waiting_bytes

  def held(self, known: set[int]) -> int:
    """Bytes in memory for what it has not read; see Unsent.held."""
    if self._unsent is None:
      return 0
    levels = 0 if self._books is None else self._books.levels
    return self._unsent.held(known) + levels * LEVEL_BYTES

  def stalled_for(self, now: float) -> float:
    """Seconds for which its socket has taken nothing of what waits for it."""
    return 0.0 if self._unsent is None else self._unsent.stalled_for(now)

  # What the session does with it ------------------------------------------------------------------

  def subscribe(
    self,
    subscription: Subscription,
    answer: Callable[[int], bytes] | None = None,
    gap: bytes | None = None,
  ) -> None:
    """Adds a subscription that is live from now on, or replays from its `start` where that is not
    0. `answer(seq)` goes out before its events, where `seq` is the last number before them, and
    then the `gap` that it begins with. `live` follows whatever had a `start`."""
    pump, router = self._pump, self._pump.router
    self._leave()
    position, start = self.next_number, subscription.start
    replays = 0 < start < pump.position
    if replays:
      subscription.live_at = pump.position
      read_from = router.replay_from(subscription)
      if read_from < position:
        # The others have had everything before their position; the new one alone goes back.
        for other in self.subscriptions.listed:
          other.start = max(other.start, position)
        position = read_from
    else:
      subscription.start = pump.position
    self.subscriptions = self.subscriptions.with_one_more(subscription)
    if answer is not None:
      self.put(answer((start if replays else pump.position) - 1))
    if gap is not None:
      self.put(gap)
    if not replays:
      if start:
        # There is nothing to replay: the boundary is here.
        self.put(live_message(subscription.id, pump.position - 1))
      for frame in router.first_frames(subscription):
        self.put(frame, requested=True)
    elif self.state is not State.CLOSING:
      self._follow_alone(State.REPLAYING)
    self._position = position
    self._join()

  def unsubscribe(self, gone: Sequence[Subscription]) -> None:
    """Takes subscriptions away."""
    self._leave()
    self.subscriptions = self.subscriptions.without(gone)
    if self.state is State.REPLAYING and self.subscriptions.boundary is None:
      self._enter(State.BEHIND)
    self._join()

  def put(self, frame: bytes, *, requested: bool = False) -> None:
    """Sends an answer, a heartbeat or another frame that is no event, in its turn. Of what was
    `requested` there may be any amount."""
    if self.state is State.CLOSING:
      return
    unsent = self._unsent
    if unsent is not None:
      unsent.put(frame, counted=not requested)
      self._wake_up()
      if unsent.overflows:
        self.close(Ending(CloseCode.SLOW, "nothing was read for too long"))
      return
    try:
      taken = self.send_now(frame)
    except BlockingIOError:
      taken = 0
    except OSError:
      taken = -1
    if taken < len(frame):
      self.fall_short(frame, taken)

  def close(self, ending: Ending) -> None:
    """Ends it; the first reason counts. The session sends the close frame and closes the socket."""
    if self.state is not State.CLOSING:
      self.ending = ending
      self.end()
      self._enter(State.CLOSING)
      self._on_close()

  def end(self) -> None:
    """Whether nothing is delivered any more."""
    self._leave()
    self._wake_up()
    if self._task is not None:
      self._task.cancel()

  def remaining(self) -> list[memoryview]:
    """What was to be written before the close frame."""
    found: list[memoryview] = []
    while self._unsent is not None and (rest := self._unsent.next()) is not None:
      found.append(rest)
      self._unsent.took(len(rest))
    return found

  # States -----------------------------------------------------------------------------------------

  @property
  def _is_written_to(self) -> bool:
    """Its group writes to it."""
    return self.state is State.LIVE and not self._transport.waits

  def _enter(self, state: State) -> None:
    """The one place where the state changes."""
    if state is self.state:
      return
    if state not in TRANSITIONS[self.state]:
      raise RuntimeError(f"a delivery cannot go from {self.state.value} to {state.value}")
    if self.state is State.REPLAYING:
      self._books = None
    self.state = state
    if state is State.REPLAYING:
      self._books = ReplayBooks()
    elif self._is_written_to:
      self._unsent = None

  def fall_short(self, frames: bytes, taken: int) -> None:
    """The socket took only so many bytes of these frames; -1: the connection is gone."""
    if taken < 0:
      self.close(GONE)
    else:
      self._follow_alone(State.BEHIND, memoryview(frames)[taken:])

  def _follow_alone(self, state: State, rest: memoryview | None = None) -> None:
    """From here on a task of its own writes."""
    group, was_written_to = self._group, self._is_written_to
    if group is not None:
      self._cursor = group.open_cursor()
      self._cursor.to_end()
      self._pump.groups.leave(group, self)
      self._group = None
    self._enter(state)
    if was_written_to:
      self._position, self._seen_round = self._pump.position, self._pump.router.round
      self._missed = None
      self._start(rest)
    self._wake_up()

  def _start(self, rest: memoryview | None) -> None:
    self._unsent = Unsent(rest)
    self._task = trio.CancelScope()
    self._pump.start(self._work)

  def _join(self) -> None:
    """Becomes one of its group's again, where that writes to it."""
    if self._is_written_to and self._group is None:
      self._group = self._pump.groups.of(self.subscriptions.selection)
      if self._group is not None:
        self._group.members[self] = None

  def _leave(self) -> None:
    """Leaves its group."""
    if self._group is not None:
      self._pump.groups.leave(self._group, self)
      self._group = None
    if self._cursor is not None:
      self._pump.groups.leave(self._cursor.group, self._cursor)
      self._cursor = None

  # The task of a client that follows alone --------------------------------------------------------

  async def _work(self) -> None:
    """Writes until the client is level with its group, or it has ended."""
    pump, unsent, task = self._pump, self._unsent, self._task
    if unsent is None or task is None:
      return
    with task:
      while self.state is not State.CLOSING:
        cursor = self._cursor
        if (rest := unsent.next()) is not None:
          await self._write(unsent, rest)
        elif self.state is State.REPLAYING:
          self._hand(unsent, await self._replay())
        elif cursor is not None and cursor.known and (step := cursor.next()) is not None:
          self._position, self._seen_round = step.end, step.round
          self.sent += step.messages
          unsent.rest = memoryview(step.frames)
        elif self._position < pump.position and (cursor is None or not cursor.known):
          self._hand(unsent, await self._look_behind())
        elif (missed := self._missed) is not None:
          self._missed, self._seen_round = None, pump.router.round
          selection = self.subscriptions.selection
          self._hand(unsent, pump.router.missed_states(selection, *missed))
        elif not self._transport.waits:
          self._rejoin()
          return
        else:
          await self._wait_for_more()

  async def _write(self, unsent: Unsent, rest: memoryview) -> None:
    try:
      taken = await self._transport.send(rest)
    except OSError:
      self.close(GONE)
    else:
      unsent.took(taken)

  def _hand(self, unsent: Unsent, frames: list[bytes]) -> None:
    if frames:
      self.sent += len(frames)
      unsent.rest = memoryview(b"".join(frames))

  def _rejoin(self) -> None:
    """It has everything: its group writes to it from now on."""
    cursor = self._cursor
    self._cursor = None
    self._enter(State.LIVE)
    self._join()
    if cursor is not None:
      # After joining, so that the group stays.
      self._pump.groups.leave(cursor.group, cursor)

  async def _wait_for_more(self) -> None:
    """The same for a transport that has to wait when it writes."""
    self._position = self._pump.position
    if (cursor := self._cursor or self._open_cursor()) is not None:
      cursor.to_end()
    self._enter(State.LIVE)
    self._wake = trio.Event()
    await self._pump.moved(self._wake)
    self._wake = None
    if self.state is State.LIVE:
      self._enter(State.BEHIND)

  def _open_cursor(self) -> Cursor | None:
    group = self._pump.groups.of(self.subscriptions.selection)
    self._cursor = None if group is None else group.open_cursor()
    return self._cursor

  def _wake_up(self) -> None:
    if self._wake is not None:
      self._wake.set()

  # What comes next --------------------------------------------------------------------------------

  async def _replay(self) -> list[bytes]:
    """What comes next of a replay; moves the position."""
    subscriptions = self.subscriptions
    boundary = subscriptions.boundary
    if boundary is None or self._position >= boundary:
      await trio.lowlevel.checkpoint()
      return self._become_live()
    async with self._pump.looking:
      await self._pump.turn()
      return await self._look(subscriptions, boundary)

  def _become_live(self) -> list[bytes]:
    """The boundary between what was and what comes, for the subscriptions that have reached it."""
    pump, frames = self._pump, list[bytes]()
    for subscription in self.subscriptions.listed:
      if subscription.live_at is None or subscription.live_at > self._position:
        continue
      if subscription.filter.deltas and self._position < pump.position:
        # A book that the replay had no snapshot of is sent as it is now, so it must be now.
        subscription.live_at = pump.position
        continue
      subscription.live_at = None
      frames.append(live_message(subscription.id, self._position - 1))
      frames += pump.router.first_frames(subscription, self._books)
    if self.subscriptions.boundary is None:
      self._enter(State.BEHIND)
      # The current views of all books, whenever they were shown to others.
      self._missed = 0, EVER
    return frames

  async def _look_behind(self) -> list[bytes]:
    """What comes next of what the group does not remember; moves the position."""
    pump, subscriptions = self._pump, self.subscriptions
    if not subscriptions.listed:
      await trio.lowlevel.checkpoint()
      self._position = pump.position
      return []
    if self._position < pump.log.ring.oldest:
      await trio.lowlevel.checkpoint()
      return self._fall_off(pump.log.ring.oldest)
    cursor = None
    if not subscriptions.starts_after(self._position):
      # The group's steps have what is not these subscriptions' yet.
      cursor = self._cursor or self._open_cursor()
    if cursor is not None and self._align(cursor) is None:
      await trio.lowlevel.checkpoint()
      return []
    async with pump.looking:
      await pump.turn()
      if self.subscriptions is not subscriptions or self.state is not State.BEHIND:
        return []
      until = pump.position if cursor is None else self._align(cursor)
      return [] if until is None else await self._look(subscriptions, until)

  def _align(self, cursor: Cursor) -> int | None:
    """The position up to which it has to look for itself; None where its group remembers what comes
    next, which then has the states of those rounds too."""
    until = cursor.align(self._position, self._pump.position)
    if not cursor.known:
      return until
    if self._missed is not None:
      self._missed = self._missed[0], cursor.round or self._pump.router.round + 1
    return None

  async def _look(self, subscriptions: Subscriptions, until: int) -> list[bytes]:
    """What the log has from the position on."""
    pump = self._pump
    ring = pump.log.ring
    try:
      records: Sequence[Record] = await pump.log.records(self._position, LOOK_EVENTS)
    except EngineError as exc:
      records = ring.records(self._position, LOOK_EVENTS)
      if self._position < ring.oldest:
        return self._lack(ring.oldest, f"the log cannot be read: {exc}")
    if self.subscriptions is not subscriptions or self.state is State.CLOSING:
      # It has other subscriptions meanwhile; the position may be another.
      return []
    first = min(records[0].first, until) if records else until
    if first > self._position:
      if not ring.sparse:
        return self._lack(first, "the log does not have these events any more")
      self._move_to(first)
    return self._take(self._select(subscriptions, records, until))

  def _select(
    self, subscriptions: Subscriptions, records: Sequence[Record], until: int
  ) -> Selected:
    router, books = self._pump.router, self._books
    if books is not None:
      return router.select_replayed(subscriptions, self._position, records, until, books)
    return router.select(subscriptions, self._position, records, until)

  def _take(self, selected: Selected) -> list[bytes]:
    self._move_to(selected.position)
    self.conflated += selected.conflated
    self.lost += selected.dropped
    return selected.frames

  def _move_to(self, position: int) -> None:
    """Moves on past the states that others are shown meanwhile."""
    first = self._seen_round + 1 if self._missed is None else self._missed[0]
    self._missed = first, EVER
    self._position = position

  # Losses -----------------------------------------------------------------------------------------

  def _lack(self, oldest: int, cause: str) -> list[bytes]:
    """What comes next is gone from the log."""
    if self._books is None:
      return self._fall_off(oldest)
    # Books that a part of was lost begin again, with a snapshot of the log or at the boundary.
    self._books = ReplayBooks()
    return self._lose(oldest, "expired", cause)

  def _fall_off(self, oldest: int) -> list[bytes]:
    """A slow client lost what the ring gave up."""
    pump, listed = self._pump, self.subscriptions.listed
    if any(subscription.policy == "lossless" for subscription in listed):
      reason = f"too slow: the log went on beyond {self._position}; come back with from"
      self.close(Ending(CloseCode.SLOW, reason))
      return []
    cause = "this client reads more slowly than events come"
    if self._cursor is not None and self._cursor.group.recent:
      # It goes on where it can follow its group: at the ring's end it would only fall off again.
      oldest = max(oldest, self._cursor.group.recent[0].start)
    frames = self._lose(oldest, "slow", cause)
    chained = [s for s in listed if s.filter.deltas and s.start < pump.position]
    if chained and self._position == oldest < pump.position:
      # A broken chain of deltas starts again from the book as it is now, and what lies before is
      # lost to these subscriptions too.
      gap = lost_gap(oldest, pump.position - 1, pump.now_ms(), "slow", cause)
      frames.append(gap_message(gap, [subscription.id for subscription in chained]))
      for subscription in chained:
        subscription.start = pump.position
        frames += pump.router.first_frames(subscription)
      if len(chained) == len(listed):
        self._move_to(pump.position)
    return frames

  def _lose(self, to: int, reason: GapReason, cause: str) -> list[bytes]:
    """Declares what lies before a position lost."""
    listed = self.subscriptions.listed
    # Subscriptions that begin later have had these events, or do not include them: one gap up to
    # there, the next from there.
    to = min([to, *(s.start for s in listed if s.start > self._position)])
    gap = lost_gap(self._position, to - 1, self._pump.now_ms(), reason, cause)
    concerned = [s for s in listed if s.start < to]
    ids = None if len(concerned) == len(listed) else [s.id for s in concerned]
    self.lost += gap.missed or 0
    self._move_to(to)
    for subscription in concerned:
      subscription.resumes = False
    return [gap_message(gap, ids)]
