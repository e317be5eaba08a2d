"""A running sink of a pipeline."""

import inspect
import logging
from collections.abc import Awaitable, Callable

import trio

from bond_core._clock import Clock
from bond_core._errors import BondError, PluginError, fault_of, sentence
from bond_core._events import Batch, Gap
from bond_core._logs.memory import Cursor
from bond_core._supervise import Backoff, RestartBudget
from bond_core._types.sink import Sink, SinkContext, SinkType


class SinkRunner:
  """Reads a cursor into a sink. A sink that raises is logged and opened again, and the batch it
  lost is declared to it with a Gap; one that keeps raising ends alone."""

  def __init__(
    self,
    name: str,
    sink_type: SinkType,
    config: object,
    cursor: Cursor,
    clock: Clock,
    *,
    stream_id: str = "",
    publish: Callable[[Batch], None] | None = None,
    at_once: int = 8192,
    epoch: str = "",
  ) -> None:
    self.name = name
    self.cursor = cursor
    self.scope = trio.CancelScope()
    self.failure: str | None = None
    self.gaps = 0
    """Gaps that this sink alone was given, for what it was too slow for or lost itself."""
    self.ended = False
    self._type = sink_type
    self._config = config
    self._clock = clock
    self._at_once = at_once
    self._log = logging.LoggerAdapter(logging.getLogger(f"bond.{sink_type.name.split('.')[0]}"))
    # The Gap for what was lost and is not declared yet, and how much that is.
    self._owed: Batch = []
    self._missed = 0
    self._trouble = ""
    self._context = SinkContext(name, clock, self._log, stream_id, publish, epoch)

  async def run(self) -> None:
    """Writes until the input ends."""
    backoff, budget = Backoff(), RestartBudget()
    context = self._context
    drained = False
    try:
      with self.scope:
        while True:
          try:
            async with self._type.make(self._config, context) as sink:
              await self._drain(sink)
              drained = True
            return
          except BaseException as exc:
            # A sink with tasks of its own wraps what it raises in groups.
            error = fault_of(exc)
            if isinstance(error, BrokenPipeError):
              self._log.info("%s: its reader has gone", self.name)
              return
            if drained:
              # What it held is lost, and there is nothing left to declare it to.
              self.end(f"{self._type.name} could not be closed: {sentence(error)}")
              return
            if not self._again(error, budget):
              return
          await trio.sleep(backoff.delay())
    finally:
      self.cursor.close()
      self.ended = True

  async def _drain(self, sink: Sink) -> None:
    """Writes until the input ends."""
    while True:
      lost = self.cursor.lost
      try:
        batch = self._owed + await self.cursor.next(self._at_once)
      except trio.EndOfChannel:
        if not self._owed:
          return
        batch = self._owed
      self.gaps += len(self._owed) + (self.cursor.lost > lost)
      self._missed += len(batch) - len(self._owed)
      self._owed = [self._lost(self._missed)]
      await self._writing(sink, batch)
      self._owed, self._missed = [], 0

  def _writing(self, sink: Sink, batch: Batch) -> Awaitable[None]:
    write = getattr(sink, "write", None)
    writing = write(batch) if callable(write) else None
    if not inspect.isawaitable(writing):
      kind = type(sink).__name__
      raise PluginError(f"{self._type.name} gave {kind!r}, which has no async def write(batch)")
    return writing

  def give_up(self, seconds: float) -> None:
    """Ends this branch, which has not taken everything in this time after its input ended."""
    why = f"; the last error was: {self._trouble}" if self._trouble else ""
    self.end(f"it did not take the rest within {seconds:.0f} s{why}")

  def end(self, reason: str) -> None:
    """Ends this branch."""
    if self.failure is None:
      self.failure = reason
      self._log.error("%s: %s", self.name, reason)
    self.scope.cancel()

  def _again(self, exc: BaseException, budget: RestartBudget) -> bool:
    reason = self._trouble = sentence(exc)
    if isinstance(exc, PluginError):
      # It would be the same the next time.
      self.end(reason)
      return False
    if isinstance(exc, BondError):
      self._log.error("%s: %s", self.name, reason)
    else:
      self._log.error("%s: %s raised %s", self.name, self._type.name, reason, exc_info=exc)
    if budget.spend(trio.current_time()):
      return True
    self.end(
      f"{self._type.name} failed {budget.restarts + 1} times within {budget.seconds:.0f} s, the "
      f"last time with {reason}"
    )
    return False

  def _lost(self, count: int) -> Gap:
    return Gap(
      exchange="*",
      symbol="*",
      channel="*",
      reason="failed",
      ts_event=self._clock.now_ms(),
      missed=count,
      cause=f"{self.name} failed while it wrote them",
    )
