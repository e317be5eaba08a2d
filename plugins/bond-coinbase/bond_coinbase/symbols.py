"""Instruments in the venue's spelling, and back: BTC/USD is BTC-USD.

Source: "List Public Products".
"""

from bond_venuekit import settled_in_quote, unified_symbol

from bond_core import Instrument, Market, Refused, parse_market

EXCHANGE, TITLE = "coinbase", "Coinbase"


def read_symbol(text: str) -> Market:
  """The market of a user's spelling. Raises ValueError with a sentence."""
  return parse_market(text)


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USD."""
  return unified_symbol(instrument, settled_in_quote)


def check_served(instrument: Instrument) -> None:
  """Raises Refused for a kind that is not served."""
  if instrument.market_type != "spot":
    raise Refused(f"{instrument}: {TITLE} is served for spot (BTC/USD)")


def product_id(instrument: Instrument) -> str:
  """What the venue calls an instrument: BTC-USD."""
  return instrument.symbol.replace("/", "-")
