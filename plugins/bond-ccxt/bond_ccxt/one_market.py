"""What goes wrong with one market while the others go on."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import ccxt

from bond_ccxt.events import UNREADABLE, Stamps
from bond_ccxt.faults import concerns_all, translated, unreadable
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_core import Refused

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds until what failed is tried again, and the most that this grows to."""


class MarketFaults:
  """Declares the failures of one market and paces the next tries; those of all markets are raised
  as they are."""

  def __init__(self, listed: Listed, outbox: Outbox, secrets: Iterable[str]) -> None:
    self._listed = listed
    self._outbox = outbox
    self._secrets = secrets
    self._wait = FIRST_WAIT
    self._refused = False

  def failed(self, exc: Exception) -> float | None:
    """The seconds until the next try; None where the market is refused for good."""
    if concerns_all(exc):
      raise exc
    name = f"{self._listed.instrument.exchange}: {self._listed.symbol}"
    error = translated(exc, name, self._secrets)
    if isinstance(error, Refused):
      self._outbox.refuse(str(error))
      return None
    if isinstance(exc, ccxt.BadSymbol):
      # It was listed: it may have been delisted, or be listed again.
      self._refused = True
      self._outbox.notice(self._listed.instrument, str(error))
    self._outbox.gap(self._listed.instrument, str(error))
    wait, self._wait = self._wait, min(LONGEST_WAIT, self._wait * 2)
    return wait

  async def again(self, exc: Exception) -> bool:
    """Waits until the next try; returns False where there is none."""
    wait = self.failed(exc)
    if wait is not None:
      await asyncio.sleep(wait)
    return wait is not None

  def over(self) -> None:
    """The market works."""
    self._listed.heard = asyncio.get_running_loop().time()
    self._wait = FIRST_WAIT
    if self._refused:
      self._refused = False
      self._outbox.notice(self._listed.instrument, None)

  def take(self, take: Callable[[Any, Stamps], None], found: Any, stamps: Stamps) -> None:
    """Hands over what came of the market; what cannot be read is declared."""
    try:
      take(found, stamps)
    except UNREADABLE as exc:
      self._outbox.gap(self._listed.instrument, unreadable("message", exc), missed=1)
