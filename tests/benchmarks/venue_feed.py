"""A Binance feed with one open connection, as the benchmarks need it."""

from bond_binance import config
from bond_binance.feed import BinanceFeed

from bond_core.feed.dialect import Received


def trades_feed() -> BinanceFeed:
  """A feed that carries the trades of BTC/USDT."""
  feed = BinanceFeed(config.Connection())
  subscriptions = config.Trades(symbols=["BTC/USDT"]).subscriptions()
  feed.on_open(1, subscriptions, overlap=False, now=Received(0, 0))
  return feed
