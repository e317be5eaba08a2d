"""The bars of one market: the unfinished one as it grows, and each once when it is closed."""

from typing import Any

from bond_ccxt.events import UNREADABLE, Bar, Stamps, candle_event, read_bar
from bond_ccxt.faults import unreadable
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_core import Candle


class Bars:
  """Follows a market's newest bars. ccxt does not say that a bar is closed: it is when a later one
  is there. One that cannot be read is declared once, however often it is in an answer."""

  def __init__(self, listed: Listed, outbox: Outbox, interval: str, length_ms: int) -> None:
    self._listed = listed
    self._outbox = outbox
    self._interval = interval
    self._length_ms = length_ms
    self._current: Bar | None = None
    self._unreadable: dict[str, Exception] = {}

  def take(self, rows: list[Any], stamps: Stamps) -> None:
    """Takes bars, oldest first; before the first of them nothing is known, so of the first lot only
    the newest counts."""
    bars = self._read(rows)
    if self._current is None:
      bars = bars[-1:]
    events: list[Candle] = []
    for bar in bars:
      current = self._current
      if current is not None and (bar.start < current.start or bar == current):
        continue
      if current is not None and bar.start > current.start:
        events.append(self._event(current, stamps, closed=True))
      self._current = bar
      if bar is bars[-1]:
        events.append(self._event(bar, stamps, closed=False))
    if events:
      self._outbox.put(self._listed.instrument, events)

  def _read(self, rows: list[Any]) -> list[Bar]:
    bars: list[Bar] = []
    failed: dict[str, Exception] = {}
    for row in rows:
      try:
        bars.append(read_bar(row))
      except UNREADABLE as exc:
        failed[repr(row)] = exc
    new = [failed[row] for row in failed if row not in self._unreadable]
    self._unreadable = failed
    if new:
      self._outbox.gap(self._listed.instrument, unreadable("bar", new[-1]), missed=len(new))
    return bars

  def _event(self, bar: Bar, stamps: Stamps, *, closed: bool) -> Candle:
    return candle_event(self._listed, self._interval, self._length_ms, bar, stamps, closed=closed)
