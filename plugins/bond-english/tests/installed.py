"""The installed plugins, all of them or some alone, and the words of their sources."""

from importlib.metadata import entry_points

from bond_commandkit import source_words

from bond_core import Registry


def registry(*names: str) -> Registry:
  """The core and these plugins, as if nothing else were installed."""
  return Registry(p for p in entry_points(group="bond") if p.name in ("core", *names))


EVERYTHING = registry(
  *("binance", "okx", "bybit", "coinbase", "hyperliquid", "ccxt", "x", "bluesky"),
  *("onchain", "onchain.bitcoin", "onchain.evm"),
)
BINANCE = registry("binance")
WORDS = source_words(EVERYTHING)
BINANCE_WORDS = source_words(BINANCE)
