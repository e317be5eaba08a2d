"""Declares events that came too late."""

from bond_core import Batch, Gap, GapReason, MarketEvent, MarketType


class Late:
  """Counts late events and declares them with one Gap. `total` is the count since the start."""

  __slots__ = ("_channels", "_exchanges", "_first", "_kinds", "_last", "_symbols", "count", "total")

  def __init__(self) -> None:
    self.total = 0
    self.count = 0
    self._clear()

  def _clear(self) -> None:
    self.count = 0
    self._exchanges: set[str] = set()
    self._symbols: set[str] = set()
    self._channels: set[str] = set()
    self._kinds: set[MarketType | None] = set()
    self._first = self._last = 0

  def add(self, event: MarketEvent) -> None:
    """Counts one."""
    if not self.count:
      self._first = self._last = event.ts_event
    self.total += 1
    self.count += 1
    self._exchanges.add(event.exchange)
    self._symbols.add(event.symbol)
    self._channels.add(event.channel)
    self._kinds.add(event.market_type)
    self._first = min(self._first, event.ts_event)
    self._last = max(self._last, event.ts_event)

  def declare(self, cause: str, reason: GapReason = "late") -> Batch:
    """The Gap for those since the last call, if there are any."""
    if not self.count:
      return []
    gap = Gap(
      exchange=_one(self._exchanges),
      symbol=_one(self._symbols),
      channel=_one(self._channels),
      reason=reason,
      market_type=next(iter(self._kinds)) if len(self._kinds) == 1 else None,
      ts_event=self._last,
      ts_from=self._first,
      ts_to=self._last,
      missed=self.count,
      cause=cause,
    )
    self._clear()
    return [gap]


def _one(values: set[str]) -> str:
  return next(iter(values)) if len(values) == 1 else "*"
