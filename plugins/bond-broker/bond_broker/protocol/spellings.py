"""The spellings by which a filter and a symbol know each other.

Where a filter matches a symbol they have one in common; that they have one does not mean that it
matches.
"""

from bond_broker.protocol.filters import Filter


def of_symbol(symbol: str) -> frozenset[str]:
  """The spellings of an event's symbol: BTC/USDT:USDT is BTC/USDT, BTCUSDT and BTC, too."""
  upper = symbol.upper()
  pair = upper.partition(":")[0]
  return frozenset((upper, pair, pair.replace("/", ""), pair.removesuffix("/USDT")))


def of_filter(filter_: Filter) -> frozenset[str] | None:
  """The spellings of what a filter names; None where it is for every symbol."""
  if filter_.markets is None:
    return None
  found = {name.upper() for name in filter_.names}
  for market in filter_.markets:
    symbol = market.symbol.upper()
    found |= {symbol, symbol.replace("/", ""), symbol.removesuffix("/USDT")}
    # Posts and transfers of an asset concern its markets.
    found.add(symbol.partition("/")[0])
  return frozenset(found)
