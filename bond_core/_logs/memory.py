"""The log in memory, and the cursors that read it.

A log is a named sequence of batches. Each event has a position; the first is 1. What was appended
is kept for a time and up to a number of bytes, however many read it; a reader is a cursor at some
position and costs nothing but itself.
"""

import secrets
import sys
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any, get_args

import msgspec
import trio
from msgspec.structs import fields

from bond_core._clock import Clock, SystemClock
from bond_core._events import EVENT_TYPES, AnyEvent, Batch, Gap, OrderBook, Window
from bond_core._logs.engine import Record

# What an event weighs in memory, measured with tracemalloc on trades: a struct with its
# numbers and strings, and each price level.
EVENT_BYTES = 480
LEVEL_BYTES = 112


class RingBatch:
  """One appended batch and where it stands."""

  __slots__ = ("events", "first", "number", "source", "ts_ms", "weight", "weight_before")

  def __init__(
    self,
    number: int,
    first: int,
    ts_ms: int,
    events: Batch,
    source: Hashable,
    weight: int,
    before: int,
  ) -> None:
    self.number = number
    self.first = first
    self.ts_ms = ts_ms
    self.events = events
    self.source = source
    self.weight = weight
    self.weight_before = before


DROPPED = RingBatch(0, 0, 0, [], None, 0, 0)
"""Stands where a batch was that the ring does not hold any more."""
DROPPED_AT_ONCE = 1000
"""So many of them at least are removed at once, which costs as much as the ring is long."""


def weigh(batch: Batch) -> int:
  """About how many bytes a batch holds: numbers and short names are the same for all, levels, texts
  and what venues sent are measured."""
  weight = len(batch) * EVENT_BYTES
  kinds = set(map(type, batch))
  if OrderBook in kinds:
    books = (event for event in batch if type(event) is OrderBook)
    weight += sum(len(book.bids) + len(book.asks) for book in books) * LEVEL_BYTES
  # Of the other kinds, all events of a batch have their venue's message or none.
  if not kinds.isdisjoint(_OPEN) or getattr(batch[-1], "raw", None) is not None:
    # Several events of one message share it.
    parts = {id(part): part for event in batch for part in _parts(event) if part is not None}
    size = sum(map(_size, parts.values()))
    # As much as an event's small parts is counted already.
    weight = max(weight, weight + size - len(batch) * EVENT_BYTES)
  return weight


_FLAT = frozenset((float, int, bool, type(None), msgspec.UnsetType))
_SIMPLE = frozenset((str, *_FLAT))
"""The kinds of values of which most of what is decoded consists."""
_NESTS = (dict, list, tuple)


def _parts_of(kind: type[AnyEvent]) -> Callable[[AnyEvent], tuple[Any, ...]]:
  """What reads an event's fields that may be of any size."""
  types = {field.name: get_args(field.type) or (field.type,) for field in fields(kind)}
  return attrgetter(*(name for name, each in types.items() if not _FLAT.issuperset(each)))


_OPEN: dict[type, Callable[[AnyEvent], tuple[Any, ...]]] = {
  EVENT_TYPES[tag]: _parts_of(EVENT_TYPES[tag])
  for tag in ("consolidated", "post", "chain", "custom", "window", "gap", "heartbeat")
}
"""The kinds of events of which several fields may be of any size."""


def _parts(event: AnyEvent) -> tuple[Any, ...]:
  open_parts = _OPEN.get(type(event))
  return (getattr(event, "raw", None),) if open_parts is None else open_parts(event)


def _size(value: Any) -> int:
  """The bytes that a value holds, with what is in it."""
  if type(value) is msgspec.Raw:
    return memoryview(value).nbytes
  size = sys.getsizeof(value)
  if isinstance(value, _NESTS):
    inner = (*value, *value.values()) if isinstance(value, dict) else value
    if _SIMPLE.issuperset(map(type, inner)):
      # The same as getsizeof, in half of its time: every custom event pays for this.
      size += sum([part.__sizeof__() for part in inner])
    else:
      size += sum(map(_size, inner))
  return size


class MemoryLog:
  """A ring in memory, bounded by time and by bytes.

  The one log of all market events `stamps` them with their sequence number (`seq_internal`); any
  log numbers windows that have no `seq` yet. A `paced` log makes its writer wait (`room`) for its
  cursors instead of letting them fall behind; one that does not move at all for `patience` seconds
  is waited for no longer. A log that continues an earlier one takes its `epoch` and its `head`, the
  last number that was given. In a `sparse` one, a number that no event has is no loss.
  """

  def __init__(
    self,
    name: str,
    *,
    seconds: float = 60.0,
    max_bytes: int = 64 * 1024 * 1024,
    clock: Clock | None = None,
    stamps: bool = False,
    paced: bool = False,
    patience: float = 30.0,
    epoch: str | None = None,
    head: int = 0,
    sparse: bool = False,
  ) -> None:
    self.name = name
    self.sparse = sparse
    self.epoch = secrets.token_hex(8) if epoch is None else epoch
    self.appended = head
    self.bytes_held = 0
    self._seconds_ms = int(seconds * 1000)
    self._max_bytes = max_bytes
    self._clock = clock or SystemClock()
    self._stamps = stamps
    self._paced = paced
    self._patience = patience
    # A list, since readers begin anywhere in it: the first ones may be DROPPED, `_begin` of them.
    self._segments: list[RingBatch] = []
    self._begin = 0
    self._weight_total = 0
    self._next_number = 0
    self._cursors: list[Cursor] = []
    self._closed = False
    self._room = trio.Event()
    self._arrival: trio.Event | None = None

  @property
  def head(self) -> int:
    return self.appended

  @property
  def oldest(self) -> int:
    return self._segments[self._begin].first if self._segments else self.appended + 1

  def append(self, batch: Batch, source: Hashable = None, first: int | None = None) -> int:
    """Adds events in order; the sequence number of the first. `source` names the writer, for
    cursors that follow only some. `first` is that number where another process gave it; it may jump
    ahead, and readers receive a Gap for what lies between, but of a sparse log."""
    if first is None:
      first = self.appended + 1
    elif first <= self.appended:
      raise ValueError(f"number {first} comes after {self.appended}, which was given already")
    if not batch:
      return first
    if self._stamps:
      try:
        for sequence, event in enumerate(batch, first):
          event.seq_internal = sequence  # type: ignore[union-attr]
      except AttributeError:
        # A window, as of a recording, has the number of its own stream.
        for sequence, event in enumerate(batch, first):
          if not isinstance(event, Window):
            event.seq_internal = sequence
        self._number_windows(batch, first)
    else:
      self._number_windows(batch, first)
    now = self._clock.now_ms()
    weight, before = weigh(batch), self._weight_total
    segment = RingBatch(self._next_number, first, now, batch, source, weight, before)
    self._next_number += 1
    self._segments.append(segment)
    self.appended = first + len(batch) - 1
    self._weight_total += weight
    self.bytes_held += weight
    self._evict(now)
    if self._arrival is not None:
      self._arrival.set()
      self._arrival = None
    for cursor in self._cursors:
      waiting = cursor._waiting
      if waiting is None or waiting.is_set():
        continue
      if cursor._sources is None or source in cursor._sources:
        waiting.set()
      elif cursor.position == first:
        # It loses nothing where the ring drops what others wrote.
        cursor.position = self.appended + 1
    return first

  def _number_windows(self, batch: Batch, first: int) -> None:
    if Window in set(map(type, batch)):
      for sequence, event in enumerate(batch, first):
        if type(event) is Window and event.seq is None:
          event.seq = sequence

  async def room(self) -> None:
    """Returns when the slowest cursor of a paced log is near enough; at once for any other."""
    await trio.lowlevel.checkpoint()
    while self._paced and self._lag() > self._max_bytes // 2:
      self._room = trio.Event()
      slowest = self._slowest()
      with trio.move_on_after(self._patience) as patience:
        await self._room.wait()
      if patience.cancelled_caught and self._slowest() == slowest:
        # A reader that hangs must not hold up the others: it falls behind alone from here on.
        for cursor in self._cursors:
          if cursor.position == slowest:
            cursor.paced = False

  def end(self, source: Hashable = None) -> None:
    """Notes that nothing more comes from this writer; cursors that follow only ended ones come to
    their end."""
    for cursor in self._cursors:
      cursor._going_on.discard(source)
    self._wake_all()

  def close(self) -> None:
    """Notes that nothing more comes at all."""
    self._closed = True
    self._wake_all()

  def clear(self) -> None:
    """Lets go of all events at once: what still refers to a log that has ended may be found by the
    garbage collector only, long after."""
    self._segments.clear()
    self._begin = self.bytes_held = 0

  def read(self, first: int, limit: int) -> Batch:
    """Up to `limit` events from sequence number `first` on."""
    return [event for record in self.records(first, limit) for event in record.events][:limit]

  def records(self, first: int, limit: int) -> list[Record]:
    """The batches from sequence number `first` on, with up to about `limit` events; the first one
    is cut so that it begins there or later."""
    if first > self.appended:
      return []
    records: list[Record] = []
    segments = self._segments
    for index in range(self._index(first), len(segments)):
      segment = segments[index]
      record = Record(segment.first, segment.ts_ms, segment.events)
      if record.last < first:
        continue
      records.append(record.since(first))
      limit -= len(records[-1].events)
      if limit <= 0:
        break
    return records

  def find(self, time_ms: int) -> int:
    """The sequence number of the first event appended at or after a time (epoch ms)."""
    segments = self._segments
    for index in range(self._begin, len(segments)):
      if segments[index].ts_ms >= time_ms:
        return segments[index].first
    return self.appended + 1

  async def reached(self, number: int) -> None:
    """Returns when an event with this sequence number, or a later one, is in the log."""
    await trio.lowlevel.checkpoint()
    while self.appended < number:
      if self._arrival is None:
        self._arrival = trio.Event()
      await self._arrival.wait()

  def cursor(
    self,
    *,
    start: int | None = None,
    sources: frozenset[Hashable] | None = None,
  ) -> "Cursor":
    """A reader from sequence number `start` on (default: what comes from now on), of the named
    writers only."""
    return Cursor(self, start=self.appended + 1 if start is None else start, sources=sources)

  def _evict(self, now_ms: int) -> None:
    keep_from = now_ms - self._seconds_ms
    segments, begin = self._segments, self._begin
    held = self._slowest() if self._paced else self.appended + 1
    while len(segments) - begin > 1:
      segment = segments[begin]
      if self.bytes_held <= self._max_bytes and segment.ts_ms >= keep_from:
        break
      if segments[begin + 1].first > held:
        break
      segments[begin] = DROPPED
      begin += 1
      self.bytes_held -= segment.weight
    if begin > max(DROPPED_AT_ONCE, len(segments) // 2):
      del segments[:begin]
      begin = 0
    self._begin = begin

  def _slowest(self) -> int:
    return min((c.position for c in self._cursors if c.paced), default=self.appended + 1)

  def _lag(self) -> int:
    position = self._slowest()
    if position > self.appended or not self._segments:
      return 0
    return self._weight_total - self._segments[self._index(position)].weight_before

  def _index(self, position: int) -> int:
    """Where in the ring the segment stands that holds a position (the first one if it is gone)."""
    # Readers are nearly always at the end, so it is looked at first.
    segments = self._segments
    if segments and position >= segments[-1].first:
      return len(segments) - 1
    begin = self._begin
    after = bisect_right(segments, position, begin, key=lambda segment: segment.first)
    return max(begin, after - 1)

  def _wake_all(self) -> None:
    for cursor in self._cursors:
      if cursor._waiting is not None:
        cursor._waiting.set()

  def _moved(self) -> None:
    if self._paced and not self._room.is_set() and self._lag() <= self._max_bytes // 4:
      self._room.set()


class Cursor:
  """A place in a log. `position` is the next sequence number it will look at.

  What the ring no longer holds is declared with a Gap (reason slow) and counted in `lost`.
  """

  def __init__(self, log: MemoryLog, *, start: int, sources: frozenset[Hashable] | None) -> None:
    self.position = start
    self.lost = 0
    self.paced = True
    self._log = log
    self._sources = sources
    self._going_on = set(sources or ())
    self._waiting: trio.Event | None = None
    log._cursors.append(self)

  def close(self) -> None:
    """Leaves the log; a paced writer no longer waits for this cursor."""
    if self in self._log._cursors:
      self._log._cursors.remove(self)
      self._log._moved()

  @property
  def lag(self) -> int:
    """How many events the log is ahead."""
    return self._log.appended + 1 - self.position

  async def next(self, limit: int = 8192) -> Batch:
    """The next events, at least one. Raises trio.EndOfChannel when no more can come."""
    tagged = await next_tagged((self,), limit)
    return tagged[0][1] if len(tagged) == 1 else [e for _, part in tagged for e in part]

  @property
  def ended(self) -> bool:
    """Whether everything was read and nothing more can come."""
    if self.position <= self._log.appended:
      return False
    log = self._log
    return log._closed or (self._sources is not None and not self._going_on)

  def take(self, limit: int = 8192) -> list[tuple[Hashable, Batch]]:
    """What there is now, up to about `limit` events."""
    log = self._log
    tagged: list[tuple[Hashable, Batch]] = []
    if self.position < log.oldest:
      cause = f"this reader of {log.name!r} fell behind what the log keeps"
      tagged.append((None, [self._skip(log.oldest, cause)]))
    count = 0
    if self.position <= log.appended:
      segments = log._segments
      for index in range(log._index(self.position), len(segments)):
        segment = segments[index]
        if self.position < segment.first and not log.sparse:
          tagged.append((None, [self._skip(segment.first, "lost before this log had them")]))
        if self._sources is None or segment.source in self._sources:
          # The common case, a whole segment, hands on the batch itself.
          events = segment.events
          if self.position > segment.first:
            events = events[self.position - segment.first :]
          if events:
            tagged.append((segment.source, events))
            count += len(events)
        self.position = max(self.position, segment.first + len(segment.events))
        if count >= limit:
          break
    log._moved()
    return tagged

  def _skip(self, to: int, cause: str) -> Gap:
    lost = to - self.position
    self.lost += lost
    gap = Gap(
      exchange="*",
      symbol="*",
      channel="*",
      reason="slow",
      from_seq=self.position,
      to_seq=to - 1,
      ts_event=self._log._clock.now_ms(),
      missed=lost,
      cause=cause,
    )
    self.position = to
    return gap


async def next_tagged(cursors: Sequence[Cursor], limit: int = 8192) -> list[tuple[Hashable, Batch]]:
  """The next events of these cursors, at least one, as (writer, its batch), in order for each; the
  writer of a Gap of a cursor is None. Raises trio.EndOfChannel when no more can come."""
  await trio.lowlevel.checkpoint()
  while True:
    tagged = [part for cursor in cursors for part in cursor.take(limit)]
    if tagged:
      return tagged
    if all(cursor.ended for cursor in cursors):
      raise trio.EndOfChannel
    arrival = trio.Event()
    for cursor in cursors:
      cursor._waiting = arrival
    await arrival.wait()
    for cursor in cursors:
      cursor._waiting = None
