"""Instruments in the venue's spelling, and back.

BTC-USDT is spot, BTC-USDT-SWAP its linear perpetual. In dollars there are two families: BTC-USD is
inverse (a contract is worth so many dollars and settles in its base), BTC-USD_UM is linear and
settles in dollars. BTC-USD-261225 and BTC-USD_UM-261225 are dated contracts. An X-Perp, such as
BTC-USD_UM_XPERP-310404, is listed among those with a day years away, but it pays funding as a
perpetual does, and is one here. Everything else settles in its quote.
Sources: "Get instruments" (instId, instFamily, ctType, settleCcy, ruleType) and its table of uly,
instFamily, settleCcy and instId.
"""

import re
from typing import Final, Literal, TypeAlias

from bond_venuekit import check_kind, check_settlement, inverse_in_usd, parts_of, unified_symbol

from bond_core import Instrument, Market, parse_market

EXCHANGE, TITLE = "okx", "OKX"

Family: TypeAlias = Literal["SPOT", "SWAP", "FUTURES"]
"""The venue's families of instruments (instType)."""

SPOT: Final = "SPOT"
SWAP: Final = "SWAP"
FUTURES: Final = "FUTURES"

settled_in = inverse_in_usd

_CONTRACT = re.compile(
  r"(?P<base>[^\W_]{1,20})-(?P<quote>[^\W_]{1,20})(?P<family>_UM|_UM_XPERP)?-(?P<kind>SWAP|\d{6})"
)
LINEAR_IN_USD = "_UM"
X_PERP = "_XPERP"


def read_symbol(text: str) -> Market:
  """The market of a user's spelling: what parse_market takes, and the venue's own BTC-USDT-SWAP,
  BTC-USD-261225, BTC-USD_UM-SWAP and BTC-USD_UM_XPERP-310404. Raises ValueError with a sentence,
  also for a contract that settles in a currency that the venue's do not."""
  if found := _CONTRACT.fullmatch(text.strip().upper()):
    base, quote, family, kind = found.group("base", "quote", "family", "kind")
    settle = settled_in(base, quote) if family is None else quote
    if kind == "SWAP":
      return Market(base, quote, "perp", settle)
    perpetual = (family or "").endswith(X_PERP)
    return Market(base, quote, "perp" if perpetual else "future", settle, kind)
  market = parse_market(text)
  if market.settle == market.quote == "USD":
    return market
  return check_settlement(text, market, settled_in, TITLE)


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USD:BTC,
  BTC/USD:BTC-261225; an X-Perp as the venue has it."""
  if is_x_perp(instrument):
    return venue_symbol(instrument)
  return unified_symbol(instrument, settled_in)


def is_x_perp(instrument: Instrument) -> bool:
  """Whether it is a perpetual that the venue lists with a day."""
  return instrument.market_type == "perp" and instrument.expiry is not None


def family(instrument: Instrument) -> Family:
  """The venue's instType. Raises Refused for a kind that is not served."""
  check_kind(instrument, TITLE)
  if instrument.market_type == "spot":
    return SPOT
  return SWAP if instrument.market_type == "perp" and instrument.expiry is None else FUTURES


def is_inverse(instrument: Instrument) -> bool:
  """Whether a contract is counted in dollars and settles in its base."""
  _, quote, settle = parts_of(instrument.symbol)
  return quote == "USD" and settle is None


def venue_symbol(instrument: Instrument) -> str:
  """What the venue calls an instrument: BTC-USDT, BTC-USDT-SWAP, BTC-USD-261225, BTC-USD_UM-SWAP,
  BTC-USD_UM_XPERP-310404; a name that its list has not split yet as it is."""
  base, quote, settle = parts_of(instrument.symbol)
  if not quote:
    return base
  pair = f"{base}-{quote}"
  if instrument.market_type != "spot" and settle is not None:
    pair += LINEAR_IN_USD
  if instrument.expiry is not None:
    return f"{pair}{X_PERP if is_x_perp(instrument) else ''}-{instrument.expiry}"
  return f"{pair}-SWAP" if instrument.market_type == "perp" else pair
