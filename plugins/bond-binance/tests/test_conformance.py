"""What every venue's feed must do."""

import json

from bond_binance import config
from bond_binance.feed import binance_feed

from bond_core.testing import FeedConformance

TIME = 1_700_000_000_000


def message(stream, **data):
  return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


class TestBinance(FeedConformance):
  def feed(self):
    return binance_feed(config.Connection())

  def subscriptions(self):
    return [
      *config.Trades(symbols=["BTC/USDT"]).subscriptions(),
      *config.Tickers(symbols=["BTC/USDT"], stats=False).subscriptions(),
    ]

  def session(self):
    frames = []
    for number in range(1, 8):
      common = {"e": "trade", "E": TIME, "s": "BTCUSDT", "p": "61000.01", "q": "0.5", "T": TIME}
      frames.append(message("btcusdt@trade", **common, t=number, m=True, M=True))
      quote = {"s": "BTCUSDT", "b": "61000.00", "B": "1", "a": "61000.02", "A": "2"}
      frames.append(message("btcusdt@bookTicker", u=number, **quote))
    return frames
