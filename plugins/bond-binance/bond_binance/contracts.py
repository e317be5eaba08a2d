"""Sizes in the base currency: COIN-M counts in contracts, each worth so many dollars.

Source: COIN-M "Exchange Information" (contractSize), and the specifications of its contracts: 100
dollars for BTC, 10 for all others. The list is read beside the streams, so these count until it is.
"""

from collections.abc import Callable
from typing import TypeAlias

import attrs
from bond_venuekit import ListedMarket, VenueMarkets

from bond_binance.symbols import COINM, market_of
from bond_core import Instrument, Level

BTC_WORTH, WORTH = 100.0, 10.0


@attrs.frozen(kw_only=True)
class BinanceMarket(ListedMarket):
  """A market, and what one of its contracts is worth in dollars; 0 where sizes are in the base."""

  worth: float = 0.0


Worth: TypeAlias = Callable[[], float]
"""What gives the dollars that a contract is worth."""


def worth_in(markets: VenueMarkets[BinanceMarket], instrument: Instrument) -> Worth | None:
  """What a contract of an instrument is worth; None where sizes are in the base. It outlives a list
  that lacks the instrument, since messages may still come."""
  if market_of(instrument) != COINM:
    return None
  known = BTC_WORTH if instrument.symbol.startswith("BTC/") else WORTH

  def worth() -> float:
    nonlocal known
    if (market := markets.listed(instrument)) is not None and market.worth:
      known = market.worth
    return known

  return worth


def in_base(contracts: float, price: float, worth: float) -> float:
  """So many contracts at a price, in the base."""
  return contracts * worth / price if price else 0.0


def levels_in_base(levels: list[Level], worth: float) -> list[Level]:
  """Levels whose sizes are in contracts."""
  return [(price, in_base(contracts, price, worth)) for price, contracts in levels]
