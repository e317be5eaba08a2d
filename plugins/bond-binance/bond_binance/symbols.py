"""Instruments in the venue's spelling, and back.

Spot, USD-M and COIN-M futures are separate markets with separate connections, so BTCUSDT of one
never meets BTCUSDT of another; a dated contract is BTCUSDT_261225 (USD-M "Exchange Information":
symbol = pair, underscore, YYMMDD). COIN-M's are all quoted in dollars and settle in their base:
BTCUSD_PERP is BTC/USD:BTC, BTCUSD_261225 BTC/USD:BTC-261225 (COIN-M "Exchange Information").
"""

import re
from typing import Final, Literal, TypeAlias

from bond_venuekit import check_kind, check_settlement, inverse_in_usd, unified_symbol

from bond_core import Instrument, Market, parse_market

EXCHANGE, TITLE = "binance", "Binance"

VenueMarket: TypeAlias = Literal["spot", "usdm", "coinm"]
"""The venue's markets that are served."""

SPOT: Final = "spot"
USDM: Final = "usdm"
COINM: Final = "coinm"

settled_in = inverse_in_usd

_DATED = re.compile(r"(?P<pair>[^\W_]{2,40})_(?P<expiry>\d{6})")
_COIN_M = re.compile(r"(?P<base>[^\W_]{1,20})USD_(?:PERP|(?P<expiry>\d{6}))")


def read_symbol(text: str) -> Market:
  """The market of a user's spelling: what parse_market takes, and the venue's own BTCUSDT_261225
  and BTCUSD_PERP. Raises ValueError with a sentence, also for a contract that settles in a currency
  that the venue's do not."""
  upper = text.strip().upper()
  if found := _COIN_M.fullmatch(upper):
    base, expiry = found.group("base", "expiry")
    return Market(base, "USD", "future" if expiry else "perp", base, expiry)
  if found := _DATED.fullmatch(upper):
    pair = parse_market(found["pair"])
    return Market(pair.base, pair.quote, "future", pair.quote, found["expiry"])
  return check_settlement(text, parse_market(text), settled_in, TITLE)


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USDT:USDT,
  BTC/USDT:USDT-261225, BTC/USD:BTC."""
  return unified_symbol(instrument, settled_in)


def market_of(instrument: Instrument) -> VenueMarket:
  """The venue's market. Raises Refused for a kind that none has."""
  check_kind(instrument, TITLE)
  if instrument.market_type == "spot":
    return SPOT
  return COINM if instrument.symbol.endswith("/USD") else USDM


def venue_symbol(instrument: Instrument) -> str:
  """What the venue calls an instrument, in upper case: BTCUSDT, BTCUSDT_261225, BTCUSD_PERP."""
  pair = instrument.symbol.replace("/", "")
  if instrument.expiry is None and market_of(instrument) == COINM:
    return f"{pair}_PERP"
  return pair if instrument.expiry is None else f"{pair}_{instrument.expiry}"


def instrument_of(market: VenueMarket, symbol: str, base: str, quote: str) -> Instrument:
  """The instrument that the venue lists under `symbol` with these assets."""
  _, dated, expiry = symbol.removesuffix("_PERP").partition("_")
  kind: Literal["spot", "future", "perp"]
  kind = "spot" if market == SPOT else "future" if dated else "perp"
  return Instrument(EXCHANGE, kind, f"{base}/{quote}", expiry or None)
