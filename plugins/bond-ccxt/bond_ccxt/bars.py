"""The bars of one market: the unfinished one as it grows, and each once when it is closed."""

from typing import Any

from bond_ccxt.events import Stamps, candle_event
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_core import Candle


class Bars:
  """Follows a market's newest bars. ccxt does not say that a bar is closed: it is when a later one
  is there."""

  def __init__(self, listed: Listed, outbox: Outbox, interval: str, length_ms: int) -> None:
    self._listed = listed
    self._outbox = outbox
    self._interval = interval
    self._length_ms = length_ms
    self._current: list[Any] | None = None

  def take(self, bars: list[Any], stamps: Stamps) -> None:
    """Takes bars, oldest first; before the first of them nothing is known, so of the first lot only
    the newest counts."""
    if self._current is None:
      bars = bars[-1:]
    events: list[Candle] = []
    for bar in bars:
      current = self._current
      if current is not None and (bar[0] < current[0] or bar == current):
        continue
      if current is not None and bar[0] > current[0]:
        events.append(self._event(current, stamps, closed=True))
      self._current = list(bar)
      if bar is bars[-1]:
        events.append(self._event(self._current, stamps, closed=False))
    if events:
      self._outbox.put(self._listed.instrument, events)

  def _event(self, bar: list[Any], stamps: Stamps, *, closed: bool) -> Candle:
    return candle_event(self._listed, self._interval, self._length_ms, bar, stamps, closed=closed)
