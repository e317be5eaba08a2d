"""Declaring events that came too late."""

from bond_core.clock import Clock
from bond_core.events import Batch, Gap, MarketEvent


class Late:
  """Collects late events and declares them as one Gap."""

  def __init__(self, clock: Clock) -> None:
    self.total = 0
    self._clock = clock
    self._count = 0
    self._exchanges: set[str] = set()
    self._symbols: set[str] = set()
    self._channels: set[str] = set()

  def add(self, event: MarketEvent) -> None:
    """Notes one."""
    self.total += 1
    self._count += 1
    self._exchanges.add(event.exchange)
    self._symbols.add(event.symbol)
    self._channels.add(event.channel)

  def declare(self, cause: str) -> Batch:
    """The Gap for those since the last call, if there are any."""
    if not self._count:
      return []
    gap = Gap(
      exchange=_one(self._exchanges),
      symbol=_one(self._symbols),
      channel=_one(self._channels),
      reason="late",
      ts_event=self._clock.now_ms(),
      missed=self._count,
      cause=f"{self._count} events came later than the declared lateness: {cause}",
    )
    self._count = 0
    for seen in (self._exchanges, self._symbols, self._channels):
      seen.clear()
    return [gap]


def _one(values: set[str]) -> str:
  return next(iter(values)) if len(values) == 1 else "*"
