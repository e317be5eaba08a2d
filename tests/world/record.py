"""What the servers' logs were given, noted as it is appended: what clients are judged by."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import trio

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
    self.heads: dict[str, int] = {}
    self.lives: dict[str, list[int]] = {}
    self.appended: list[Appended] = []
    self._writer: Host | None = None

  def append(self, epoch: str, first: int, batch: Batch, writer: Host | None) -> str | None:
    """Notes a batch; the sentence that says what is wrong with it, None for nothing."""
    known = self.events.setdefault(epoch, {})
    if first <= self.heads.get(epoch, 0):
      return f"{self.name} gives number {first} of {epoch} twice"
    if writer is not self._writer or not known:
      self._writer = writer
      self.lives.setdefault(epoch, []).append(first)
    self.appended.append(Appended(trio.current_time(), writer, epoch, first, batch))
    for number, event in enumerate(batch, first):
      known[number] = event
    self.heads[epoch] = first + len(batch) - 1
    return None


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
    append = MemoryLog.append

    def noted(
      log: MemoryLog, batch: Batch, source: Hashable = None, first: int | None = None
    ) -> int:
      number = append(log, batch, source, first)
      process = host.get()
      if batch and (process is None or process.alive):
        if wrong := self.of(log.name).append(log.epoch, number, batch, process):
          self.wrong.append(wrong)
        self._note(log.name, batch)
      return number

    with patch.object(MemoryLog, "append", noted):
      yield
