"""The bars of one market: the unfinished one as it grows, and each once when it is closed."""

from typing import Any

from bond_ccxt.events import UNREADABLE, Bar, Stamps, candle_event, read_bar
from bond_ccxt.faults import unreadable
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.units import counts_bars_in_contracts
from bond_core import Candle

MOST_BARS = 500
"""Bars that most venues give in one answer."""
_REMEMBERED = 10
"""Closed bars that may still be corrected."""
_BEHIND_MS = 30_000
"""Bars of before the last one for so long, and no others, are the venue's bars now."""


class Bars:
  """Follows a market's newest bars. ccxt does not say that a bar is closed: it is when a later one
  is there. One that cannot be read is declared once, however often it is in an answer.

  Venues correct a bar after it was closed, or show one late that was left out: either comes then,
  as a closed bar. Answers to polls overlap (`polled`). One that begins after the last bar does not
  show how that one ended, nor what was between: then a Gap stands in place of its end."""

  def __init__(
    self,
    listed: Listed,
    outbox: Outbox,
    interval: str,
    length_ms: int,
    *,
    polled: bool = False,
  ) -> None:
    self._listed = listed
    self._outbox = outbox
    self._interval = interval
    self._length_ms = length_ms
    self._polled = polled
    self._in_contracts = counts_bars_in_contracts(listed.instrument.exchange, streamed=not polled)
    self._current: Bar | None = None
    self._closed: dict[int, Bar] = {}
    """The last bars that had an event as closed, by their starts."""
    self._behind_ms: int | None = None
    """Since when only bars of before the current one come."""
    self._unreadable: dict[str, Exception] = {}

  def take(self, rows: list[Any], stamps: Stamps) -> None:
    """Takes bars; before the first of them nothing is known, so of the first lot only the newest
    counts."""
    bars = self._read(rows)
    if self._current is not None and bars:
      self._look_back(bars[-1], stamps)
    if self._current is None:
      bars = bars[-1:]
    elif self._polled and bars and bars[0].start > self._current.start:
      cause = "the venue's answer begins after the last bar, whose end it does not show"
      self._outbox.gap(self._listed.instrument, cause)
      self._current = bars[0]
      if len(bars) == 1:
        self._put([self._event(bars[0], stamps, closed=False)])
    events: list[Candle] = []
    for bar in bars:
      current = self._current
      if current is not None and bar.start < current.start:
        # An answer that ends before the current bar is an old one.
        if self._is_news(bar) and not (self._polled and bars[-1].start < current.start):
          events.append(self._end(bar, stamps))
        continue
      if bar == current:
        continue
      if current is not None and bar.start > current.start:
        events.append(self._end(current, stamps))
      self._current = bar
      if bar is bars[-1]:
        events.append(self._event(bar, stamps, closed=False))
    self._put(events)

  def missing_since(self, rows: Any) -> int | None:
    """The start of the last bar (epoch ms) where an answer has only later ones."""
    current, starts = self._current, []
    for row in rows if isinstance(rows, list) else ():
      try:
        starts.append(read_bar(row).start)
      except UNREADABLE:
        continue
    late = current is not None and starts and min(starts) > current.start
    return current.start if current is not None and late else None

  def count_since(self, since: int) -> int:
    """How many bars there may be since then, at most as many as venues give at once."""
    passed = self._outbox.clock.now_ms() - since
    return max(2, min(MOST_BARS, 2 + passed // self._length_ms))

  def restart(self) -> None:
    """Bars may have been lost: how the last one ended is not known."""
    self._current = None
    self._closed.clear()

  def _look_back(self, newest: Bar, stamps: Stamps) -> None:
    """Begins anew where the venue's bars have gone back for good."""
    current = self._current
    if current is None or newest.start >= current.start:
      self._behind_ms = None
      return
    if self._behind_ms is None:
      self._behind_ms = stamps[0]
    if stamps[0] - self._behind_ms >= _BEHIND_MS:
      self._behind_ms = None
      cause = f"the venue's bars went back from {current.start} to {newest.start}"
      self._outbox.gap(self._listed.instrument, cause)
      self.restart()

  def _is_news(self, bar: Bar) -> bool:
    """Whether a bar of before the current one is another than readers know."""
    known = self._closed
    return bool(known) and min(known) <= bar.start and known.get(bar.start) != bar

  def _end(self, bar: Bar, stamps: Stamps) -> Candle:
    self._closed[bar.start] = bar
    while len(self._closed) > _REMEMBERED:
      del self._closed[min(self._closed)]
    return self._event(bar, stamps, closed=True)

  def _put(self, events: list[Candle]) -> None:
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
    return sorted(bars, key=lambda bar: bar.start)

  def _event(self, bar: Bar, stamps: Stamps, *, closed: bool) -> Candle:
    return candle_event(
      self._listed,
      self._interval,
      self._length_ms,
      bar,
      stamps,
      closed=closed,
      in_contracts=self._in_contracts,
    )
