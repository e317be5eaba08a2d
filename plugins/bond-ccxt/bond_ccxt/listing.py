"""The venue's list of markets, read again while they are read."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, TypeAlias

from bond_ccxt.faults import translated
from bond_ccxt.markets import Listed
from bond_ccxt.outbox import Outbox
from bond_ccxt.shared import Shared

Logger: TypeAlias = logging.LoggerAdapter[logging.Logger]

AGAIN, SOON = 600.0, 60.0
"""Seconds until a list is read again, which takes ccxt several requests; SOON while a market that
is read is not traded, or is not in it for the first time."""
ALIVE = 30.0
"""What delivered in so many seconds is traded, whatever the list says."""


async def relist(shared: Shared, listed: Iterable[Listed], outbox: Outbox, log: Logger) -> None:
  """Tells readers which of their markets are not traded and what has changed, until cancelled. A
  market that two readings in a row lack is not read until it is listed again."""
  markets, missing, told = list(listed), set[str](), dict[str, str]()

  def tell(one: Listed, reason: str | None) -> None:
    if reason != told.get(one.symbol):
      if reason is None:
        del told[one.symbol]
      else:
        told[one.symbol] = reason
      outbox.notice(one.instrument, reason)

  while True:
    soon = False
    for one in markets:
      row = _row(shared.exchange, one)
      now = asyncio.get_running_loop().time()
      alive = one.heard is not None and now - one.heard < ALIVE
      if row is not None:
        missing.discard(one.symbol)
        one.turn(readable=True)
        traded = alive or row.get("active") is not False
        soon = soon or not traded
        tell(
          one, None if traded else f"{shared.exchange.id}: {one.symbol} is listed and not traded"
        )
        _take_over(one, row, outbox)
      elif alive or one.symbol not in missing:
        soon = True
        if not alive:
          missing.add(one.symbol)
      else:
        one.turn(readable=False)
        tell(one, f"{shared.exchange.id} no longer lists {one.symbol}")
    await _read_again(shared, SOON if soon else AGAIN, log)


async def _read_again(shared: Shared, pause: float, log: Logger) -> None:
  """Returns when the list has been read again, which may take several tries."""
  while True:
    await asyncio.sleep(pause)
    try:
      await shared.load_markets(at_most=SOON / 2)
      return
    except Exception as exc:
      # ccxt's errors are of any kind, and none of them says anything about a market.
      error = translated(exc, shared.exchange.id, shared.secrets)
      log.warning("the list of markets was not read again: %s; trying again in %.0f s", error, SOON)
      pause = SOON


def _row(exchange: Any, listed: Listed) -> Any:
  markets = exchange.markets or {}
  row = markets.get(listed.symbol)
  return row if isinstance(row, dict) else None


def _take_over(listed: Listed, row: Any, outbox: Outbox) -> None:
  """Takes over what a list says of a market, and tells what has changed."""
  before, after = _terms(listed.market), _terms(row)
  changed = "; ".join(
    f"the {term} is {value} now, it was {before[term]}"
    for term, value in after.items()
    if before[term] != value
  )
  if changed:
    listed.relist(row)
    name = f"{listed.instrument.exchange}: {listed.symbol}"
    outbox.notice(listed.instrument, f"{name}: {changed}", unavailable=False)


def _terms(market: Any) -> dict[str, Any]:
  precision = market.get("precision")
  sizes = precision if isinstance(precision, dict) else {}
  return {
    "contract size": market.get("contractSize"),
    "tick size": sizes.get("price"),
    "lot size": sizes.get("amount"),
  }
