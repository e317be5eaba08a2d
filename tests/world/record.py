"""What the servers' logs were given, noted as it is appended: what clients are judged by."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import trio
from bond_redis.engine import RedisEngine

from bond_core import Batch
from bond_core._logs.memory import MemoryLog
from tests.chaos.network import Host, host


class Appended(NamedTuple):
  """A batch as a process appended it, at a time (trio's)."""

  at: float
  writer: Host | None
  epoch: str
  first: int
  batch: Batch


class LogRecord:
  """The events of one log, by epoch and number, over all the processes that wrote it. `lives` has
  the first number that each process gave, `appended` all batches in order."""

  def __init__(self, name: str) -> None:
    self.name = name
    self.events: dict[str, dict[int, Any]] = {}
    self.lives: dict[str, list[int]] = {}
    self.appended: list[Appended] = []
    self._later: dict[tuple[Host | None, str], list[str]] = {}
    """The epochs that what a process has appended under one has had since."""

  def append(self, epoch: str, first: int, batch: Batch, writer: Host | None) -> str | None:
    """Notes a batch; the sentence that says what is wrong with it, None for nothing."""
    if (writer, epoch) not in self._later:
      self._later[writer, epoch] = []
      self.lives.setdefault(epoch, []).append(first)
    self.appended.append(Appended(trio.current_time(), writer, epoch, first, batch))
    for one in (epoch, *self._later[writer, epoch]):
      known = self.events.setdefault(one, {})
      for number, event in enumerate(batch, first):
        if number in known:
          return f"{self.name} gives number {number} of {one} twice"
        known[number] = event
    return None

  def begin(self, epoch: str, writer: Host | None) -> None:
    """What a process has appended has another epoch from now on. Readers who still count in the
    one before are sent away a moment later."""
    own = [one for one in self.appended if one.writer is writer]
    if own:
      self._later[writer, own[-1].epoch].append(epoch)
      self.lives[epoch] = [own[0].first]
      self.events[epoch] = {
        number: event for one in own for number, event in enumerate(one.batch, one.first)
      }

  def receive(self, epoch: str, first: int, batch: Batch) -> str | None:
    """What a process has read that another one wrote; what is wrong with it, None for nothing. Its
    epoch is its own where nothing was written yet when it began."""
    for number, event in enumerate(batch, first):
      if not any(_same(known.get(number), event) for known in self.events.values()):
        return f"{self.name} has {event} as {number}, which nothing appended"
      if epoch not in self.lives:
        self.events.setdefault(epoch, {})[number] = event
    return None


def _same(one: Any, other: Any) -> bool:
  """Whether an event that was read is the one that was appended."""
  names = ("exchange", "symbol", "market_type", "sequence", "trade_id", "ts_event", "reason")
  return type(one) is type(other) and all(
    getattr(one, name, None) == getattr(other, name, None) for name in names
  )


class Record:
  """The logs of a world, by name. `wrong` has what no log may do. `note` takes each batch with the
  name of its log."""

  def __init__(self, note: Callable[[str, Batch], None]) -> None:
    self.logs: dict[str, LogRecord] = {}
    self.wrong: list[str] = []
    self._note = note

  def of(self, name: str) -> LogRecord:
    """The record of a log."""
    return self.logs.setdefault(name, LogRecord(name))

  @contextmanager
  def kept(self) -> Iterator[None]:
    """Notes what every log is given, as long as the block lasts."""
    append, begin_epoch = MemoryLog.append, RedisEngine.begin_epoch

    def noted(
      log: MemoryLog, batch: Batch, source: Hashable = None, first: int | None = None
    ) -> int:
      number = append(log, batch, source, first)
      process, record = host.get(), self.of(log.name)
      if not batch or (process is not None and not process.alive):
        return number
      if first is not None:
        wrong = record.receive(log.epoch, first, batch)
      else:
        wrong = record.append(log.epoch, number, batch, process)
        self._note(log.name, batch)
      if wrong is not None:
        self.wrong.append(wrong)
      return number

    def begun(engine: RedisEngine) -> None:
      begin_epoch(engine)
      self.of(engine.name).begin(engine.epoch, host.get())

    with (
      patch.object(MemoryLog, "append", noted),
      patch.object(RedisEngine, "begin_epoch", begun),
    ):
      yield
