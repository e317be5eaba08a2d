"""Instruments as users write them, and back.

A perpetual of the first dex is called by its coin (BTC, kPEPE) and counted in USDC; one of a
builder's dex by the dex and its coin (xyz:TSLA), counted in what that dex takes as collateral. Here
they are BTC/USDC:USDC, KPEPE/USDC:USDC and XYZ-TSLA/USDC:USDC, as ccxt writes them. Spot is a pair
of tokens, at the venue PURR/USDC or @107. The venue's list says which is which.
Source: "Info endpoint", section "Perpetuals vs Spot", and "Asset IDs".
"""

import re

from bond_venuekit import check_kind, check_settlement, settled_in_quote, unified_symbol

from bond_core import Instrument, Market, parse_market

EXCHANGE, TITLE = "hyperliquid", "Hyperliquid"
DOLLARS = "USDC"
"""What the first dex counts in."""

_BUILDER = re.compile(r"(?P<dex>[A-Za-z0-9]{1,12}):(?P<coin>[^\W_]{1,24})")
_INDEX = re.compile(r"@\d{1,6}")
_PAIR = re.compile(r"(?P<base>[^\W_]{1,24}?)(?P<quote>USDC|USDT0|USDT|USDE|USDH)")
_WORD = re.compile(r"[^\W_]{1,24}")


def read_symbol(text: str) -> Market:
  """The market of a user's spelling: what parse_market takes, and the venue's own names: a coin
  alone (BTC) is its perpetual, xyz:TSLA one of a builder's dex, @107 a spot pair. Raises ValueError
  with a sentence."""
  written = text.strip()
  upper = written.upper()
  if (found := _BUILDER.fullmatch(written)) and _is_builder(found["dex"], found["coin"]):
    return Market(f"{found['dex']}-{found['coin']}".upper(), DOLLARS, "perp", name=upper)
  if _INDEX.fullmatch(written):
    return Market(written, DOLLARS, "spot", name=written)
  if found := _PAIR.fullmatch(upper):
    return Market(found["base"], found["quote"])
  if _WORD.fullmatch(upper):
    return Market(upper, DOLLARS, "perp", DOLLARS)
  return check_settlement(text, parse_market(text), settled_in_quote, TITLE)


def _is_builder(dex: str, coin: str) -> bool:
  """Whether DEX:COIN is no pair (BTC:USDC): dexes are written small, coins large."""
  return (dex.islower() and not coin.islower()) or not coin.upper().startswith("USD")


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: PURR/USDC, BTC/USDC:USDC,
  XYZ-TSLA/USDC:USDC."""
  return unified_symbol(instrument, settled_in_quote)


def check_served(instrument: Instrument) -> None:
  """Raises Refused for a kind that is not served."""
  check_kind(instrument, TITLE, dated=False)


def builder_symbol(coin: str, quote: str) -> str:
  """The symbol of a perpetual's coin: BTC, kPEPE, xyz:TSLA."""
  return f"{coin.replace(':', '-').upper()}/{quote}"
