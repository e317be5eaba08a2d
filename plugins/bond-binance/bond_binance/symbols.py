"""Instruments in the venue's spelling, and back.

Spot and USD-M futures are separate markets with separate connections, so BTCUSDT of one never meets
BTCUSDT of the other; a dated contract is BTCUSDT_261225 (USD-M "Exchange Information": symbol =
pair, underscore, YYMMDD).
"""

import re
from typing import Final, Literal, TypeAlias

from bond_venuekit import check_kind, settled_in_quote, unified_symbol

from bond_core import Instrument, Market, parse_market

EXCHANGE, TITLE = "binance", "Binance"

VenueMarket: TypeAlias = Literal["spot", "usdm"]
"""The venue's markets that are served."""

SPOT: Final = "spot"
USDM: Final = "usdm"

settled_in = settled_in_quote

_DATED = re.compile(r"(?P<pair>[^\W_]{2,40})_(?P<expiry>\d{6})")
# Every contract on COIN-M is quoted in dollars; the perpetual is called BTCUSD_PERP.
_COIN_M = re.compile(r"(?P<base>[^\W_]+)USD_(PERP|\d{6})")


def read_symbol(text: str) -> Market:
  """The market of a user's spelling: what parse_market takes, and the venue's own BTCUSDT_261225.
  Raises ValueError with a sentence, also for contracts that are not on USD-M."""
  upper = text.strip().upper()
  if found := _COIN_M.fullmatch(upper):
    raise ValueError(
      f"{text} is a contract of Binance's COIN-M futures, which are not served; the nearest on "
      f"USD-M is {found['base']}/USDT:USDT"
    )
  if found := _DATED.fullmatch(upper):
    pair = parse_market(found["pair"])
    return Market(pair.base, pair.quote, "future", pair.quote, found["expiry"])
  market = parse_market(text)
  if market.settle not in (None, settled_in(market.base, market.quote)):
    raise ValueError(
      f"{text} is settled in {market.settle}; only Binance's USD-M futures are served, which "
      f"settle in their quote, such as {market.symbol}:{market.quote}"
    )
  return market


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USDT:USDT,
  BTC/USDT:USDT-261225."""
  return unified_symbol(instrument, settled_in)


def market_of(instrument: Instrument) -> VenueMarket:
  """The venue's market, SPOT or USDM. Raises Refused for a kind that neither has."""
  check_kind(instrument, TITLE)
  return SPOT if instrument.market_type == "spot" else USDM


def venue_symbol(instrument: Instrument) -> str:
  """What the venue calls an instrument, in upper case: BTCUSDT, BTCUSDT_261225."""
  pair = instrument.symbol.replace("/", "")
  return pair if instrument.expiry is None else f"{pair}_{instrument.expiry}"


def instrument_of(market: VenueMarket, symbol: str, base: str, quote: str) -> Instrument:
  """The instrument that the venue lists under `symbol` with these assets."""
  _, dated, expiry = symbol.partition("_")
  kind: Literal["spot", "future", "perp"]
  kind = "spot" if market == SPOT else "future" if dated else "perp"
  return Instrument(EXCHANGE, kind, f"{base}/{quote}", expiry or None)
