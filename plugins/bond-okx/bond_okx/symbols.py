"""Instruments in the venue's spelling, and back.

BTC-USDT is spot, BTC-USDT-SWAP its linear and BTC-USD-SWAP the inverse perpetual, BTC-USD-261225 a
dated contract. What is quoted in USD is inverse: a contract is worth so many dollars and is settled
in its base; everything else settles in its quote. Source: "Get instruments" (instId, ctType,
settleCcy).
"""

import re
from typing import Final, Literal, TypeAlias

from bond_venuekit import check_kind, check_settlement, inverse_in_usd, unified_symbol

from bond_core import Instrument, Market, parse_market

EXCHANGE, TITLE = "okx", "OKX"

Family: TypeAlias = Literal["SPOT", "SWAP", "FUTURES"]
"""The venue's families of instruments (instType)."""

SPOT: Final = "SPOT"
SWAP: Final = "SWAP"
FUTURES: Final = "FUTURES"

settled_in = inverse_in_usd

_CONTRACT = re.compile(r"(?P<base>[A-Z0-9]{1,20})-(?P<quote>[A-Z0-9]{1,20})-(?P<kind>SWAP|\d{6})")


def read_symbol(text: str) -> Market:
  """The market of a user's spelling: what parse_market takes, and the venue's own BTC-USDT-SWAP and
  BTC-USD-261225. Raises ValueError with a sentence, also for a contract that settles in a currency
  that the venue's do not."""
  if found := _CONTRACT.fullmatch(text.strip().upper()):
    base, quote, kind = found.group("base", "quote", "kind")
    settle = settled_in(base, quote)
    if kind == "SWAP":
      return Market(base, quote, "perp", settle)
    return Market(base, quote, "future", settle, kind)
  return check_settlement(text, parse_market(text), settled_in, TITLE)


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USD:BTC,
  BTC/USD:BTC-261225."""
  return unified_symbol(instrument, settled_in)


def family(instrument: Instrument) -> Family:
  """The venue's instType. Raises Refused for a kind that is not served."""
  check_kind(instrument, TITLE)
  if instrument.market_type == "spot":
    return SPOT
  return SWAP if instrument.market_type == "perp" else FUTURES


def venue_symbol(instrument: Instrument) -> str:
  """What the venue calls an instrument: BTC-USDT, BTC-USDT-SWAP, BTC-USD-261225."""
  pair = instrument.symbol.replace("/", "-")
  if instrument.expiry is not None:
    return f"{pair}-{instrument.expiry}"
  return f"{pair}-SWAP" if instrument.market_type == "perp" else pair
