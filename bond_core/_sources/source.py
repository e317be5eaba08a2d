"""A running source: the one interface for pipelines, summaries, servers and the watchdog."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import trio

from bond_core._clock import Clock
from bond_core._events import Batch, Heartbeat, Window
from bond_core._feeds.contract import Subscription
from bond_core._feeds.liveness import SourceState
from bond_core._literals import Channel
from bond_core._logs.memory import MemoryLog
from bond_core._simulated import noted

logger = logging.getLogger("bond")

# The state that says most about a source comes first: one dead stream among live ones counts.
WORST_FIRST = (
  SourceState.UNAVAILABLE,
  SourceState.STALE,
  SourceState.RECONNECTING,
  SourceState.CONNECTING,
  SourceState.LIVE,
  SourceState.QUIET,
  SourceState.REJECTED,
)


class SourceReader:
  """One reader's share of a source: `select` keeps of the source's batches what the reader
  subscribed to. `failure` says why nothing more comes, `refused` why a part of it does not; both
  are logged with this `severity`.
  `answered` is set as soon as the venue has delivered or refused every subscription."""

  def __init__(
    self,
    name: str,
    source: "Source",
    select: Callable[[Batch], Batch],
    subscriptions: Sequence[Subscription] = (),
    severity: int = logging.ERROR,
  ) -> None:
    self.name = name
    self.source = source
    self.select = select
    self.subscriptions = subscriptions
    self.severity = severity
    self.failure: str | None = None
    self.refused: list[str] = []
    self.answered = trio.Event()

  def fail(self, reason: str) -> None:
    """Ends this share; the first reason is kept."""
    if self.failure is None:
      self.failure = reason
      self.answered.set()
      self._log(reason)

  def refuse(self, reason: str) -> None:
    """One of several subscriptions is refused; the others go on. A reason counts once."""
    if reason not in self.refused:
      self.refused.append(reason)
      self._log(reason)

  def _log(self, reason: str) -> None:
    logger.log(self.severity, "%s: %s", self.name, reason)


class Source(ABC):
  """A source that runs, with its readers. What it writes to the log is tagged with itself, so that
  readers can follow it alone."""

  def __init__(self, name: str, exchange: str, log: MemoryLog, clock: Clock) -> None:
    self.name = name
    self.exchange = exchange
    """The venue whose events come, or the plugin's name."""
    self.clock = clock
    self.scope = trio.CancelScope()
    self.ended = trio.Event()
    self.readers: dict[SourceReader, None] = {}
    self.failure: str | None = None
    """Why it delivers nothing more, for those who come while it ends."""
    self.figures: dict[str, float] = {}
    """What the source reports of itself, such as spent_usd."""
    self.raw_readers = 0
    self.ring = log
    self.caller: str | None = None
    """Who asked a server for it; None for the server's own."""
    self.simulated = False
    """Whether its events come from a simulator, which each of them then says."""

  @property
  @abstractmethod
  def reconnects(self) -> int:
    """How often it came back after its connection was lost."""

  @abstractmethod
  async def work(self) -> None:
    """Delivers until it is cancelled or has nothing more; fails its readers instead of raising."""

  @abstractmethod
  def parts(self) -> Mapping[Subscription | None, SourceState]:
    """The state of each subscription; None stands for the one connection, or all of it."""

  @abstractmethod
  def notices(self) -> list[tuple[Subscription | None, SourceState, str]]:
    """What readers have to know of parts of it, such as why one is unavailable, in a sentence; None
    stands for all of it."""

  @property
  def state(self) -> SourceState | None:
    """The state of the part that is worst; None where it has no part yet."""
    states = set(self.parts().values())
    return next((state for state in WORST_FIRST if state in states), None)

  @property
  def ending(self) -> bool:
    """Whether it delivers nothing more: it was stopped, or has ended by itself."""
    return self.scope.cancel_called or self.ended.is_set()

  async def run(self) -> None:
    """Works until it is stopped or has ended; readers then come to the end of what was written."""
    noted.set(self.note_simulated)
    try:
      with self.scope:
        await self.work()
    finally:
      self.ring.end(self)
      self.ended.set()

  def runs(self, branch: object) -> bool:
    """Whether what blocks the event loop is this source's to end."""
    return branch is self

  def carried(self, channel: Channel) -> set[tuple[str, str]]:
    """The exchanges and symbols ("*": any) of which events of a channel may come now."""
    return {(self.exchange, "*")}

  def note_simulated(self) -> None:
    """The other side says that it is a simulator, whoever pointed the source there."""
    if not self.simulated:
      logger.warning("%s: %s answers as a simulator; its events say so", self.name, self.exchange)
    self.simulated = True

  def leave(self, reader: SourceReader) -> None:
    """A reader goes; the last one ends the source."""
    self.readers.pop(reader, None)
    if not self.readers:
      self.stop()

  def stop(self) -> None:
    """Ends it now."""
    self.scope.cancel()

  def refuse(self, reason: str) -> None:
    """Tells all readers that a part of what they read does not come."""
    for reader in list(self.readers):
      reader.refuse(reason)

  def fail(self, reason: str) -> None:
    """Ends all readers' shares."""
    self.failure = self.failure or reason
    for reader in list(self.readers):
      reader.fail(reason)

  def keep_raw(self, kept: bool) -> None:
    """One reader more (or less) wants the venue's own messages on the events, where it has such."""
    self.raw_readers += 1 if kept else -1

  def append(self, batch: Batch) -> None:
    """Writes events, in order."""
    if self.simulated:
      self._mark(batch)
    self.ring.append(batch, self)

  def _mark(self, batch: Batch) -> None:
    for event in batch:
      if type(event) is Window:
        event.raw_data["simulated"] = [self.exchange]
      elif type(event) is not Heartbeat:
        event.simulated = True  # type: ignore[union-attr]


def everything(batch: Batch) -> Batch:
  """The selection of a reader that alone decides what the source brings."""
  return batch
