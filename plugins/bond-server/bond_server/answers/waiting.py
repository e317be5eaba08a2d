"""Waits of many callers for events of one log: the log is read once for all of them."""

from collections.abc import Callable

import attrs
import trio

from bond_core import AnyEvent, Batch
from bond_core.logs import DurableLog

STEP = 4096


@attrs.define(eq=False)
class _Waiter:
  """`matches` gives the first event of a batch that is waited for."""

  symbols: frozenset[str]
  first: int
  matches: Callable[[Batch], AnyEvent | None]
  found: trio.Event = attrs.field(factory=trio.Event)
  event: AnyEvent | None = None
  number: int = 0
  pending: Batch = attrs.field(factory=list)
  numbers: list[int] = attrs.field(factory=list)


class Waiters:
  """Those who wait for events of one log."""

  def __init__(self, log: DurableLog, nursery: trio.Nursery) -> None:
    self._log = log
    self._nursery = nursery
    self._by_symbol: dict[str, dict[_Waiter, None]] = {}
    self._waiting = 0
    self._reads = False
    self.seen = 0
    """The last number of which those who waited for it have been offered the event."""

  @property
  def busy(self) -> bool:
    """Whether somebody waits."""
    return self._waiting > 0

  async def wait(
    self,
    symbols: frozenset[str],
    first: int,
    matches: Callable[[Batch], AnyEvent | None],
    seconds: float,
  ) -> tuple[AnyEvent, int] | None:
    """Returns the first event from number `first` on, of one of these symbols (none: of any), that
    `matches`, with its number; None where none came in time."""
    waiter = _Waiter(symbols or frozenset(("*",)), first, matches)
    for symbol in waiter.symbols:
      self._by_symbol.setdefault(symbol, {})[waiter] = None
    self._waiting += 1
    if not self._reads:
      self._reads = True
      self._nursery.start_soon(self._read, self._log.head + 1)
    try:
      with trio.move_on_after(seconds):
        await waiter.found.wait()
    finally:
      self._waiting -= 1
      for symbol in waiter.symbols:
        del self._by_symbol[symbol][waiter]
        if not self._by_symbol[symbol]:
          del self._by_symbol[symbol]
    return None if waiter.event is None else (waiter.event, waiter.number)

  async def _read(self, position: int) -> None:
    """Reads along while somebody waits."""
    ring = self._log.ring
    try:
      while self._waiting:
        with trio.move_on_after(1.0):
          await ring.reached(position)
        for record in ring.records(position, STEP):
          self._offer(record.first, record.events)
          position = record.last + 1
          self.seen = record.last
        await trio.lowlevel.checkpoint()
    finally:
      self._reads = False

  def _offer(self, number: int, events: Batch) -> None:
    touched: dict[_Waiter, None] = {}
    by_symbol, every = self._by_symbol, self._by_symbol.get("*")
    for at, event in enumerate(events, number):
      of_symbol = by_symbol.get(event.symbol)
      for waiters in (of_symbol, every) if every is not of_symbol else (of_symbol,):
        for waiter in waiters or ():
          if waiter.first <= at and waiter.event is None:
            waiter.pending.append(event)
            waiter.numbers.append(at)
            touched[waiter] = None
    for waiter in touched:
      batch, numbers = waiter.pending, waiter.numbers
      waiter.pending, waiter.numbers = [], []
      found = waiter.matches(batch)
      if found is not None:
        waiter.event = found
        waiter.number = next(n for n, e in zip(numbers, batch, strict=True) if e is found)
        waiter.found.set()
