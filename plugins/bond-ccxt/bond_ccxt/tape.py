"""The trades of one market in order, each once; what is missing is declared."""

from typing import Any

from bond_ccxt.events import Stamps, trade_event
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
    self._seen: dict[object, None] = {}
    self._page_seen = False

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
        self._is_new(trade)
      if trades and self._numbered:
        self._last = _number(trades[-1])
      return
    known = [_key(trade) in self._seen for trade in trades]
    if self._seen and trades and not any(known) and not self._numbered:
      self._outbox.gap(
        self._listed.instrument, "more trades came between two polls than one answer holds"
      )
    self._put(trades, stamps)

  def _put(self, trades: list[Any], stamps: Stamps) -> None:
    events: list[Trade] = []
    unreadable = 0
    for trade in trades:
      if not self._is_new(trade):
        continue
      number = _number(trade) if self._numbered else None
      self._follow(number, events)
      # Binance futures: what is not MARKET (insurance fund, deleveraging) was not traded.
      if self._numbered and trade["info"].get("X") not in (None, "MARKET"):
        continue
      try:
        events.append(trade_event(self._listed, trade, stamps, number))
      except (TypeError, KeyError, ValueError):
        unreadable += 1
    self._flush(events)
    if unreadable:
      cause = f"ccxt could not read price or size of {unreadable} trades"
      self._outbox.gap(self._listed.instrument, cause, missed=unreadable)

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


def _key(trade: Any) -> object:
  # Without an id nothing is known to be the same trade; equal fields are no proof.
  return trade.get("id")


def _number(trade: Any) -> int | None:
  try:
    return int(trade["id"])
  except (TypeError, ValueError, KeyError):
    return None
