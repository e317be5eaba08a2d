"""A venue's list of markets as this machine keeps it, to check specs without a network."""

from collections.abc import Mapping
from typing import Any

from bond_venuekit import HINTS, Unlisted, keep, kept_list, unlisted

from bond_ccxt.markets import KINDS, found_in, usable
from bond_core import MarketType, parse_symbol

FAMILY = "ccxt"
"""ccxt lists all kinds of markets of a venue together."""

_TYPES = {kind: name for name, kind in KINDS.items()}


def keep_markets(venue: str, markets: Any) -> None:
  """Keeps the markets that a venue itself has listed, by the names that ccxt has for them."""
  served = (symbol for symbol, row in usable(markets).items() if row["type"] in KINDS)
  keep(venue, FAMILY, {symbol: symbol for symbol in served})


def not_kept(config: Any) -> list[Unlisted]:
  """What the kept list says of a source's symbols that it does not have. Names in one word are not
  looked up: a list knows them by more than is kept."""
  if config.endpoint is not None or config.options:
    return []
  kept = kept_list(config.exchange, FAMILY)
  if kept is None:
    return []
  rows = {symbol: _row(symbol) for symbol in kept.markets}
  symbols = [symbol for symbol in config.symbols if parse_symbol(symbol).name is None]
  missing = [symbol for symbol in symbols if found_in(rows, symbol, config.market) is None]
  place = f"on {config.exchange}"
  return [
    unlisted(symbol, place, kept, _full(symbol, config.market), hint=number < HINTS)
    for number, symbol in enumerate(missing)
  ]


def _full(symbol: str, default: MarketType) -> str:
  """A symbol as ccxt writes the market that it means."""
  market = parse_symbol(symbol)
  perpetual = (market.market_type or default) == "perp"
  settle = market.settle or market.quote
  return f"{market.symbol}:{settle}" if perpetual and market.expiry is None else symbol


def _row(symbol: str) -> Mapping[str, Any]:
  base, _, rest = symbol.partition("/")
  quote, contract, settled = rest.partition(":")
  settle, dated, _ = settled.partition("-")
  kind: MarketType = "future" if dated else "perp" if contract else "spot"
  settlement = settle or None
  return {
    "symbol": symbol,
    "base": base,
    "quote": quote,
    "settle": settlement,
    "type": _TYPES[kind],
    "id": None,
  }
