"""The trades of one market in order, each once; what is missing is declared."""

from collections import Counter
from collections.abc import Hashable
from contextlib import suppress
from typing import Any

import ccxt

from bond_ccxt.events import UNREADABLE, Stamps, identity, number_or_none, trade_event
from bond_ccxt.faults import unreadable
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import CACHED
from bond_core import Trade

CONTIGUOUS = frozenset(("binance", "binanceus", "binanceusdm", "binancecoinm"))
"""Venues that number the trades of a market without holes, so that a hole is a loss. OKX's
"trades" channel joins trades and skips their numbers; Bybit's ids are UUIDs."""

_REMEMBERED = 4096
_PAGES = 4
"""How many pages of trades are remembered at least."""

_UNKNOWN = object()
"""In place of what tells a trade from the others."""

LEAP = 1_000_000
"""No poll and no outage leaves out so many trades: a number that is further off is not believed by
itself."""

OLD_MS = 60_000
"""A trade that was so long before the first poll is old where that brought none."""


class Tape:
  """Trades of one market as ccxt hands them over, streamed or in pages that overlap. Those without
  an id are told apart in pages by what they say and how often a page has that: two trades of one
  time, price, size and side are two."""

  def __init__(self, listed: Listed, outbox: Outbox) -> None:
    self._listed = listed
    self._outbox = outbox
    self._numbered = listed.instrument.exchange in CONTIGUOUS
    self._last: int | None = None
    self._doubted: int | None = None
    self._seen: dict[Hashable, None] = {}
    self._begun_ms: int | None = None
    self._unreadable: dict[str, Exception] = {}

  def streamed(self, trades: list[Any], stamps: Stamps) -> None:
    """Takes what came since the last call."""
    if len(trades) >= CACHED and not self._numbered:
      cause = f"ccxt keeps {CACHED} trades, and as many came at once"
      self._outbox.gap(self._listed.instrument, cause)
    keyed: list[tuple[Hashable, Any]] = []
    for trade in trades:
      try:
        keyed.append((identity(trade), trade))
      except UNREADABLE:
        keyed.append((_UNKNOWN, trade))
    self._put(keyed, stamps)

  def page(self, trades: list[Any], stamps: Stamps) -> None:
    """Takes the newest trades, oldest first; the first page only shows where the tape begins.
    Raises ccxt.NotSupported where nothing shows which trades are new."""
    keyed = _keyed(trades)
    first = not self._seen
    if self._begun_ms is None:
      self._begun_ms = stamps[0] if not trades else -1
    if first:
      # Where the first pages were empty, what came since is new.
      old = [row for row in keyed if self._begun_ms < 0 or _is_before(row[1], self._begun_ms)]
      for key, trade in old:
        if key is not _UNKNOWN and self._is_new(key):
          with suppress(*UNREADABLE):
            self._last = (_number(trade) if self._numbered else None) or self._last
      self._put(keyed[len(old) :], stamps)
      return
    known = [key in self._seen for key, _ in keyed]
    if trades and not any(known) and not self._numbered:
      self._outbox.gap(
        self._listed.instrument, "more trades came between two polls than one answer holds"
      )
    self._put(keyed, stamps)

  def _put(self, keyed: list[tuple[Hashable, Any]], stamps: Stamps) -> None:
    events: list[Trade] = []
    failed: dict[str, Exception] = {}
    for key, trade in keyed:
      try:
        if key is _UNKNOWN:
          # An id that cannot be read says so itself.
          identity(trade)
          raise ValueError("it has neither an id nor a time")
        if key is None or self._is_new(key):
          self._take(trade, stamps, events)
      except UNREADABLE as exc:
        failed[repr(trade)] = exc
    self._flush(events)
    while len(self._seen) > max(_REMEMBERED, _PAGES * len(keyed)):
      del self._seen[next(iter(self._seen))]
    # Pages overlap, and what has no id that can be read comes with each of them.
    new = [failed[trade] for trade in failed if trade not in self._unreadable]
    self._unreadable = failed
    if new:
      self._outbox.gap(self._listed.instrument, unreadable("trade", new[-1]), missed=len(new))

  def _take(self, trade: Any, stamps: Stamps, events: list[Trade]) -> None:
    number = _number(trade) if self._numbered else None
    self._follow(number, events)
    # Binance futures: what is not MARKET (insurance fund, deleveraging) was not traded.
    if self._numbered and trade["info"].get("X") not in (None, "MARKET"):
      return
    events.append(trade_event(self._listed, trade, stamps, number))

  def _follow(self, number: int | None, events: list[Trade]) -> None:
    if number is None:
      return
    last, doubted = self._last, self._doubted
    self._doubted = None
    if last is not None and abs(number - last) > LEAP and doubted != number - 1:
      # The trade is the next one, whatever its number.
      self._last, self._doubted = last + 1, number
      self._flush(events)
      cause = f"a trade has the number {number}, the one before it {last}"
      self._outbox.gap(self._listed.instrument, cause)
      return
    if doubted == number - 1:
      last = doubted
    self._last = max(number, last or 0)
    if last is not None and number > last + 1:
      self._flush(events)
      self._outbox.gap(
        self._listed.instrument,
        "trades are missing: their numbers never came",
        missed=number - last - 1,
        first=last + 1,
        last=number - 1,
      )

  def _flush(self, events: list[Trade]) -> None:
    if events:
      self._outbox.put(self._listed.instrument, events)
      events.clear()

  def _is_new(self, key: Hashable) -> bool:
    if key in self._seen:
      return False
    self._seen[key] = None
    return True


def _keyed(trades: list[Any]) -> list[tuple[Hashable, Any]]:
  """Each trade of a page with what tells it from the others."""
  keyed: list[tuple[Hashable, Any]] = []
  counts: Counter[tuple[str, ...]] = Counter()
  for trade in trades:
    try:
      key: Hashable = identity(trade)
      if key is None and trade.get("timestamp") is not None:
        said = tuple(repr(trade.get(name)) for name in ("timestamp", "price", "amount", "side"))
        key = said, counts[said]
        counts[said] += 1
    except UNREADABLE:
      key = _UNKNOWN
    keyed.append((_UNKNOWN if key is None else key, trade))
  if len(keyed) > 1 and all(map(_is_nameless, trades)):
    raise ccxt.NotSupported(
      "its trades have neither ids nor times, so that polling does not show which are new; write "
      "mode: stream where the venue has that, or name another venue"
    )
  return keyed


def _is_nameless(trade: Any) -> bool:
  return isinstance(trade, dict) and trade.get("id") is None and trade.get("timestamp") is None


def _is_before(trade: Any, begun_ms: int) -> bool:
  time = trade.get("timestamp") if isinstance(trade, dict) else None
  return isinstance(time, int | float) and time < begun_ms - OLD_MS


def _number(trade: Any) -> int | None:
  text = identity(trade)
  return number_or_none(int(text)) if text is not None and text.isdecimal() else None
