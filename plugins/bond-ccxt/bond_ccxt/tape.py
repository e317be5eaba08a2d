"""The trades of one market in order, each once; what is missing is declared."""

from collections.abc import Container
from contextlib import suppress
from typing import Any

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


class Tape:
  """Trades of one market as ccxt hands them over, streamed or in pages that overlap."""

  def __init__(self, listed: Listed, outbox: Outbox) -> None:
    self._listed = listed
    self._outbox = outbox
    self._numbered = listed.instrument.exchange in CONTIGUOUS
    self._last: int | None = None
    self._seen: dict[str | None, None] = {}
    self._page_seen = False
    self._unreadable: dict[str, Exception] = {}

  def streamed(self, trades: list[Any], stamps: Stamps) -> None:
    """Takes what came since the last call."""
    if len(trades) >= CACHED and not self._numbered:
      cause = f"ccxt keeps {CACHED} trades, and as many came at once"
      self._outbox.gap(self._listed.instrument, cause)
    self._put(trades, stamps)

  def page(self, trades: list[Any], stamps: Stamps) -> None:
    """Takes the newest trades, oldest first; the first page only shows where the tape begins."""
    if not self._page_seen:
      self._page_seen = True
      for trade in trades:
        with suppress(*UNREADABLE):
          self._is_new(trade)
          self._last = (_number(trade) if self._numbered else None) or self._last
      return
    known = [_is_known(trade, self._seen) for trade in trades]
    if self._seen and trades and not any(known) and not self._numbered:
      self._outbox.gap(
        self._listed.instrument, "more trades came between two polls than one answer holds"
      )
    self._put(trades, stamps)

  def _put(self, trades: list[Any], stamps: Stamps) -> None:
    events: list[Trade] = []
    failed: dict[str, Exception] = {}
    for trade in trades:
      try:
        self._take(trade, stamps, events)
      except UNREADABLE as exc:
        failed[repr(trade)] = exc
    self._flush(events)
    # Pages overlap, and what has no id that can be read comes with each of them.
    new = [failed[trade] for trade in failed if trade not in self._unreadable]
    self._unreadable = failed
    if new:
      self._outbox.gap(self._listed.instrument, unreadable("trade", new[-1]), missed=len(new))

  def _take(self, trade: Any, stamps: Stamps, events: list[Trade]) -> None:
    if not self._is_new(trade):
      return
    number = _number(trade) if self._numbered else None
    self._follow(number, events)
    # Binance futures: what is not MARKET (insurance fund, deleveraging) was not traded.
    if self._numbered and trade["info"].get("X") not in (None, "MARKET"):
      return
    events.append(trade_event(self._listed, trade, stamps, number))

  def _follow(self, number: int | None, events: list[Trade]) -> None:
    if number is None:
      return
    last, self._last = self._last, max(number, self._last or 0)
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

  def _is_new(self, trade: Any) -> bool:
    key = _key(trade)
    if key is None:
      return True
    if key in self._seen:
      return False
    self._seen[key] = None
    if len(self._seen) > _REMEMBERED:
      del self._seen[next(iter(self._seen))]
    return True


def _key(trade: Any) -> str | None:
  # Without an id nothing is known to be the same trade; equal fields are no proof.
  return identity(trade)


def _is_known(trade: Any, seen: Container[str | None]) -> bool:
  try:
    return _key(trade) in seen
  except UNREADABLE:
    return False


def _number(trade: Any) -> int | None:
  text = identity(trade)
  return number_or_none(int(text)) if text is not None and text.isdecimal() else None
