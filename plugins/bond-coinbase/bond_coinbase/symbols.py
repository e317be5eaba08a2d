"""Instruments in the venue's spelling, and back: BTC/USD is BTC-USD.

Contracts have names that are no pairs (BIT-26APR24-CDE, BIP-20DEC30-CDE) and no pair is one of
theirs; perpetuals of the international venue (BTC-PERP-INTX) are no longer there.
Source: "List Public Products" (product_type, product_venue).
"""

import re

from bond_venuekit import settled_in_quote, unified_symbol

from bond_core import Instrument, Market, Refused, parse_market

EXCHANGE, TITLE = "coinbase", "Coinbase"


_CONTRACT = re.compile(r"[A-Z0-9]+-(?:PERP(?:-INTX)?|\d{1,2}[A-Z]{3}\d{2}-CDE)")
_SERVED = f"{TITLE} is served for spot (BTC/USD)"


def read_symbol(text: str) -> Market:
  """The market of a user's spelling. Raises ValueError with a sentence, also for a contract."""
  if _CONTRACT.fullmatch(text.strip().upper()):
    raise ValueError(f"{text} is a contract; {_SERVED}")
  return parse_market(text)


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USD."""
  return unified_symbol(instrument, settled_in_quote)


def check_served(instrument: Instrument) -> None:
  """Raises Refused for a kind that is not served."""
  if instrument.market_type != "spot":
    raise Refused(f"{instrument}: {_SERVED}")


def product_id(instrument: Instrument) -> str:
  """What the venue calls an instrument: BTC-USD."""
  return instrument.symbol.replace("/", "-")
