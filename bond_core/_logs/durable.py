"""A log with an engine behind it: the ring in memory for all who read along, the engine for
what the ring no longer holds."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from bond_core._clock import Clock, SystemClock
from bond_core._events import Gap
from bond_core._logs.engine import Engine, EngineError, Record, SharedEngine
from bond_core._logs.memory import MemoryLog
from bond_core._logs.ring import RingSize
from bond_core._supervise import Backoff
from bond_core._types.log import LogType

logger = logging.getLogger("bond.log")

# Single events of a live feed are gathered for this long, so that an engine writes records and not
# events. It is also how long an acknowledgement takes at rest.
GATHER = 0.02
RECORD_EVENTS = 2048
WRITE_EVENTS = 16384
# What the rest may take to be written when a log ends.
DRAIN = 5.0

# No log takes more events than this in a millisecond, so a log that ended unexpectedly goes on
# beyond every number that it can have given. One of a shared engine may still be given numbers, by
# a process that is cut off from the engine: it stops at half of a greater margin.
FASTEST = 1000
MARGIN = 1_000_000
SHARED_MARGIN = 1_000_000_000


class DurableLog:
  """A ring and, where there is one, the engine that keeps it.

  `ring` is what writers append to and readers follow; appending never waits. `records` and `find`
  reach as far back as the engine does.
  """

  def __init__(self, ring: MemoryLog, engine: Engine | None, *, broken_at: int = 1) -> None:
    self.ring = ring
    self.engine = engine
    self.lost = 0
    """Events that the ring gave up before the engine took them."""
    self.failure: str | None = None
    """Why the engine takes nothing at the moment."""
    self._begins = self._position = ring.head + 1
    self._taken = 0 if engine is None else engine.head
    self._broken_at = broken_at
    self._changed = trio.Event()

  @property
  def epoch(self) -> str:
    """Changes whenever continuity with an earlier sequence cannot be promised: also while the log
    is open, when its engine lost what it kept."""
    return self.ring.epoch if self.engine is None else self.engine.epoch

  @property
  def broken_at(self) -> int:
    """From this number on none is missing; before it some may be, because an earlier process ended
    before all was kept or because the engine was away for longer than the ring reaches."""
    if self.engine is not None and self.ring.oldest > self._position:
      return self.ring.oldest
    return self._broken_at

  @property
  def head(self) -> int:
    """The last sequence number given."""
    return self.ring.head

  @property
  def oldest(self) -> int:
    """The first sequence number that can still be read."""
    if self.engine is None or self.engine.oldest > self.engine.head:
      return self.ring.oldest
    return min(self.engine.oldest, self.ring.oldest)

  @property
  def kept(self) -> int:
    """The last sequence number that the engine has acknowledged."""
    return self._position - 1

  async def records(self, first: int, limit: int = 8192) -> list[Record]:
    """What there is from sequence number `first` on, with up to about `limit` events. A first
    record that begins later than `first`, or a jump between two, is a hole: those are lost. Raises
    EngineError when the engine cannot be read."""
    ring = self.ring
    if self.engine is None or first >= ring.oldest:
      await trio.lowlevel.checkpoint()
      return ring.records(first, limit)
    records = await self.engine.read(first, limit)
    # What comes after the stored ones may still be in the ring, or it was never stored.
    if records and records[0].first < ring.oldest:
      return records
    return ring.records(max(first, ring.oldest), limit)

  async def find(self, time_ms: int) -> int:
    """The sequence number of the first event appended at or after a time (epoch ms)."""
    found = self.ring.find(time_ms)
    if self.engine is None or found > self.ring.oldest:
      await trio.lowlevel.checkpoint()
      return found
    return min(found, await self.engine.find(time_ms))

  async def continues(self, epoch: str, number: int) -> bool:
    """Whether a reader that has everything up to a number of an epoch can go on from there without
    a loss. What the ring no longer holds is looked up in the engine, which may have lost it."""
    first, ring = number + 1, self.ring
    if self.engine is None or first >= ring.oldest:
      await trio.lowlevel.checkpoint()
      there = first >= ring.oldest
    else:
      try:
        records = await self.engine.read(first, 1)
      except EngineError:
        return False
      there = bool(records) and records[0].first == first
    return there and epoch == self.epoch and self.broken_at <= first <= self.head + 1

  async def acknowledged(self, number: int) -> None:
    """Returns when the engine keeps everything from `broken_at` up to this sequence number; at once
    where there is no engine. Raises EngineError while the engine cannot write, and where the number
    lies before `broken_at`."""
    await trio.lowlevel.checkpoint()
    while self.engine is not None and self.kept < number:
      if self.failure is not None:
        raise EngineError(self.failure)
      await self._changed.wait()
    if self.engine is not None and number < self._broken_at:
      raise EngineError(
        f"{self.ring.name} may not have {number}: some before {self._broken_at} are lost"
      )

  async def keep(self) -> None:
    """Hands what comes to the engine until it is cancelled; waits out its failures."""
    if self.engine is None:
      return
    while True:
      await self.ring.reached(self._position)
      await trio.sleep(GATHER)
      await self._write_what_there_is()

  async def _write_what_there_is(self) -> None:
    engine, backoff = self.engine, Backoff(0.1, 5.0)
    while engine is not None:
      self._go_back(engine)
      if self._position > self.ring.head:
        return
      records = gathered(self.ring.records(self._position, WRITE_EVENTS))
      try:
        await engine.write(records)
      except EngineError as exc:
        if self.failure is None:
          logger.error("%s cannot be kept: %s; live events go on", self.ring.name, exc)
        self._set_failure(str(exc))
        if isinstance(engine, SharedEngine) and self.ring.head - self.kept > SHARED_MARGIN // 2:
          engine.begin_epoch()
          self._position = self.ring.oldest
        await trio.sleep(backoff.delay())
        continue
      self._count_holes(records)
      self._taken = records[-1].last
      self._position = self._taken + 1
      if self.failure is not None:
        logger.warning("%s is kept again", self.ring.name)
      self._set_failure(None)

  def _go_back(self, engine: Engine) -> None:
    """Writes again, to an engine that lost events it had acknowledged, what the ring still
    holds."""
    if engine.head >= self._taken:
      return
    self._taken = engine.head
    # A new epoch begins with what there is; within one, what the ring gave up is a hole.
    fresh = engine.oldest > engine.head
    self._position = self.ring.oldest if fresh else max(self._begins, engine.head + 1)
    if fresh:
      logger.error("%s begins a new epoch with number %d", self.ring.name, self._position)

  def _count_holes(self, records: list[Record]) -> None:
    position = self._position
    for record in records:
      if record.first > position:
        self.lost += record.first - position
        self._broken_at = record.first
        logger.error("%s: %d events were not kept", self.ring.name, record.first - position)
      position = record.last + 1

  def receive(self, records: list[Record]) -> None:
    """Takes what another process has kept, with the numbers it gave."""
    for record in records:
      if record.first > self._position:
        self._broken_at = record.first
      self.ring.append(record.events, first=record.first)
      self._position = record.last + 1

  def _set_failure(self, failure: str | None) -> None:
    self.failure = failure
    self._changed.set()
    self._changed = trio.Event()

  async def finish(self) -> None:
    """Writes the rest and notes that the log ended in order, as far as that goes within 5 s."""
    if self.engine is None:
      return
    with trio.move_on_after(DRAIN, shield=True):
      await self._write_what_there_is()
      try:
        await self.engine.finish()
      except EngineError as exc:
        logger.error("%s: %s", self.ring.name, exc)
    if self.kept < self.ring.head:
      logger.error("%s: %d events were not kept", self.ring.name, self.ring.head - self.kept)


def gathered(records: list[Record]) -> list[Record]:
  """The same events in fewer records: neighbours are joined as long as they stay small."""
  joined: list[Record] = []
  for record in records:
    last = joined[-1] if joined else None
    if (
      last is not None
      and record.first == last.last + 1
      and len(last.events) + len(record.events) <= RECORD_EVENTS
    ):
      joined[-1] = Record(last.first, last.ts_ms, last.events + record.events)
    else:
      joined.append(record)
  return joined


def continued(engine: Engine, now_ms: int) -> int:
  """The number after which a log that an engine keeps goes on.

  After an orderly end that is its head. Otherwise events may have been given numbers, and gone out
  to readers, that were never kept: the log goes on beyond all that could have been given, so no
  number ever means two events.
  """
  if engine.finished or engine.head == 0:
    return engine.head
  margin = SHARED_MARGIN if isinstance(engine, SharedEngine) else MARGIN
  return engine.head + margin + max(0, now_ms - engine.last_ts_ms) * FASTEST


@asynccontextmanager
async def open_log(
  spec: LogType, config: Any, name: str, *, stamps: bool = False, clock: Clock | None = None
) -> AsyncIterator[DurableLog]:
  """The log of a name, kept for as long as the block lasts. It goes on where its engine left it;
  what was missed while no process ran is declared by a Gap (reason upstream) as its next event."""
  clock = clock or SystemClock()
  held = RingSize() if spec.ring is None else spec.ring(config)
  ring = partial(
    MemoryLog, name, seconds=held.keep, max_bytes=int(held.size), stamps=stamps, clock=clock
  )
  if spec.open is None:
    log = DurableLog(ring(), None)
    try:
      yield log
    finally:
      log.ring.clear()
    return
  async with spec.open(config, name) as engine:
    if isinstance(engine, SharedEngine):
      await engine.claim()
    head = continued(engine, clock.now_ms())
    broken_at = head + 1 if head > engine.head else 1
    log = DurableLog(ring(epoch=engine.epoch, head=head), engine, broken_at=broken_at)
    if head:
      log.ring.append([_not_running(head + 1, engine.last_ts_ms, clock.now_ms())])
      try:
        # Before a reader has a number, so that whoever goes on next leaves all of them out.
        await engine.write(log.ring.records(head + 1, 1))
      except EngineError:
        # Where no other process can go on, live events do not wait for a disk.
        if isinstance(engine, SharedEngine):
          raise
    async with trio.open_nursery() as nursery:
      nursery.start_soon(log.keep)
      try:
        yield log
      finally:
        nursery.cancel_scope.cancel()
        await log.finish()
        log.ring.clear()


def _not_running(number: int, since_ms: int, now_ms: int) -> Gap:
  return Gap(
    seq_internal=number,
    exchange="*",
    symbol="*",
    channel="*",
    reason="upstream",
    ts_event=now_ms,
    ts_from=since_ms,
    ts_to=now_ms,
    cause="nothing was received while bond was not running",
  )
