"""Instruments in the venue's spelling, and back.

BTC-USDT is spot, BTC-USDT-SWAP its linear and BTC-USD-SWAP the inverse perpetual, BTC-USD-261225 a
dated contract. What is quoted in USD is inverse: a contract is worth so many dollars and is settled
in its base; everything else settles in its quote. Source: "Get instruments" (instId, ctType,
settleCcy).
"""

import re

from bond_core import Instrument, Market, Refused, parse_market

EXCHANGE = "okx"
SPOT, SWAP, FUTURES = "SPOT", "SWAP", "FUTURES"

_CONTRACT = re.compile(r"(?P<base>[A-Z0-9]{1,20})-(?P<quote>[A-Z0-9]{1,20})-(?P<kind>SWAP|\d{6})")


def settled_in(base: str, quote: str) -> str:
  """The currency that contracts of a pair settle in."""
  return base if quote == "USD" else quote


def read_symbol(text: str) -> Market:
  """The market that a user's spelling means: what parse_market takes, and the venue's own
  BTC-USDT-SWAP and BTC-USD-261225. Raises ValueError with a sentence, also for contracts that
  settle in what the venue's do not."""
  if found := _CONTRACT.fullmatch(text.strip().upper()):
    base, quote, kind = found.group("base", "quote", "kind")
    settle = settled_in(base, quote)
    if kind == "SWAP":
      return Market(base, quote, "perp", settle)
    return Market(base, quote, "future", settle, kind)
  market = parse_market(text)
  settle = settled_in(market.base, market.quote)
  if market.settle not in (None, settle):
    raise ValueError(
      f"{text} is settled in {market.settle}; OKX settles contracts on {market.symbol} in "
      f"{settle}, so write {market.symbol}:{settle}"
    )
  return market


def family(instrument: Instrument) -> str:
  """The venue's instType. Raises Refused for a kind that is not served."""
  if instrument.market_type == "spot":
    return SPOT
  if instrument.market_type == "perp":
    return SWAP
  if instrument.market_type == "future" and instrument.expiry is not None:
    return FUTURES
  raise Refused(
    f"{instrument}: OKX is served for spot, perpetuals (BTC/USDT:USDT) and dated contracts "
    "(BTC/USD:BTC-261225)"
  )


def venue_symbol(instrument: Instrument) -> str:
  """What the venue calls an instrument: BTC-USDT, BTC-USDT-SWAP, BTC-USD-261225."""
  pair = instrument.symbol.replace("/", "-")
  if instrument.expiry is not None:
    return f"{pair}-{instrument.expiry}"
  return f"{pair}-SWAP" if instrument.market_type == "perp" else pair


def spelling(instrument: Instrument) -> str:
  """How a user writes an instrument so that nothing is left open: BTC/USDT, BTC/USD:BTC,
  BTC/USD:BTC-261225."""
  if instrument.market_type == "spot":
    return instrument.symbol
  base, _, quote = instrument.symbol.partition("/")
  dated = "" if instrument.expiry is None else f"-{instrument.expiry}"
  return f"{instrument.symbol}:{settled_in(base, quote)}{dated}"
