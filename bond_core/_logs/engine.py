"""Engines, which store a log beyond this process's memory: a file, Redis, or another plugin's.

The ring in memory (bond_core._logs.memory) is the log that all read and write; it never
waits. An engine only follows it: the DurableLog (bond_core._logs.durable) is one more reader of the
ring and hands what it reads to the engine, so a slow or unavailable engine delays no reader, and
what the ring no longer holds when it comes back is a hole that a Gap declares to readers.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from bond_core._errors import BondError
from bond_core._events import Batch


class EngineError(BondError):
  """An engine could not write or read; the sentence says why. The DurableLog tries again."""


class Record(NamedTuple):
  """Events with consecutive sequence numbers as an engine keeps them. `first` is the number of
  the first; `ts_ms` (epoch ms) is when they were appended."""

  first: int
  ts_ms: int
  events: Batch

  @property
  def last(self) -> int:
    """The number of its last event."""
    return self.first + len(self.events) - 1

  def since(self, first: int) -> "Record":
    """The part of it from a number on; itself where that is all."""
    if first <= self.first:
      return self
    return Record(first, self.ts_ms, self.events[first - self.first :])


class Engine(Protocol):
  """One log on an engine, open. One task at a time writes; any number read.

  Numbers only grow from record to record, and may jump: what lies between is a hole, events that
  were lost before they were kept.
  """

  epoch: str
  """Stays as long as the kept numbers mean the same events; a new one says to readers that nothing
  they had before can be continued. An engine that finds nothing kept begins a new one; so does one
  that finds, while it is open, that what it kept is gone."""

  @property
  def head(self) -> int:
    """The number of the last event that is kept, 0 when there is none. It goes back when what was
    acknowledged is lost; the DurableLog then writes again what the ring still holds of it."""

  @property
  def oldest(self) -> int:
    """The number of the first event that is kept; head + 1 when there is none."""

  @property
  def last_ts_ms(self) -> int:
    """When the last record was appended (epoch ms), 0 when there is none."""

  @property
  def finished(self) -> bool:
    """Whether the log was ended in order (`finish`): no event was given a number beyond `head`."""

  async def write(self, records: Sequence[Record]) -> None:
    """Returns when the records are kept as the engine's mode promises: they are acknowledged.
    Raises EngineError when they are not, or not surely; the same records then come again, and
    those that were kept after all are not doubled. Also takes numbers that jump ahead."""

  async def read(self, first: int, limit: int) -> list[Record]:
    """The kept records from number `first` on, in order, with up to about `limit` events but at
    least one record where there is one; the first record is cut so that it begins at `first` or
    later. What is damaged or expired is left out: readers see it as a jump of the numbers."""

  async def find(self, time_ms: int) -> int:
    """The number of the first event of the first record appended at or after a time (epoch ms);
    head + 1 when there is none."""

  async def finish(self) -> None:
    """Notes that the log ended in order: everything that was given a number has been written."""


@runtime_checkable
class SharedEngine(Protocol):
  """An engine that other processes write and read too."""

  async def claim(self) -> None:
    """Takes the log over before this process gives a number: what others still write is refused
    from now on, and `head`, `last_ts_ms` and `finished` are what they were at that moment. Raises
    EngineError when the log cannot be taken over."""

  def begin_epoch(self) -> None:
    """Gives the epoch up, since another process may have taken the log over without this one being
    reached: what comes is kept under a new one, as far as it is this process's to keep."""

  def follow(self, after: int) -> AsyncGenerator[list[Record], None]:
    """What is kept with numbers greater than `after`, as it comes, without end. Waits out outages;
    raises EngineError when the log lost its continuity (its `epoch` is then a new one). Use it with
    contextlib.aclosing."""
