"""What every venue's feed must do."""

import json

from bond_hyperliquid import config
from bond_hyperliquid.feed import hyperliquid_feed

from bond_core.testing import FeedConformance

START = 1_790_000_000_000


def message(channel, data):
  return json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()


def level(price, size):
  return {"px": str(price), "sz": str(size), "n": 1}


def levels_of_best(number):
  return [level(100, number), None if number == 3 else level(101, 2)]


class TestHyperliquid(FeedConformance):
  def feed(self):
    return hyperliquid_feed(config.Connection())

  def subscriptions(self):
    return [
      *config.Trades(symbols=["BTC"]).subscriptions(),
      *config.Books(symbols=["BTC"]).subscriptions(),
      *config.Tickers(symbols=["BTC"]).subscriptions(),
      *config.Funding(symbols=["BTC"]).subscriptions(),
      *config.OpenInterest(symbols=["BTC"]).subscriptions(),
      *config.Candles(symbols=["BTC"]).subscriptions(),
    ]

  def session(self):
    frames = []
    for number in range(1, 8):
      time = START + number * 500
      levels = [[level(100, number), level(99.5, 1)], [level(101, 2)]]
      frames.append(message("l2Book", {"coin": "BTC", "time": time, "levels": levels}))
      trade = {"coin": "BTC", "side": "B", "px": "101", "sz": "0.1", "time": time, "hash": "0x1"}
      frames.append(message("trades", [{**trade, "tid": 10**14 + 7919 * number}]))
      best = {"coin": "BTC", "time": time, "bbo": levels_of_best(number)}
      frames.append(message("bbo", best))
    context = {"funding": "0.0000125", "openInterest": "688.11", "oraclePx": "14.32"}
    context |= {"markPx": "14.3161", "dayBaseVlm": "1169046.29406"}
    frames.append(message("activeAssetCtx", {"coin": "BTC", "ctx": context}))
    for start in (START, START + 60_000):
      bar = {"t": start, "T": start + 59_999, "s": "BTC", "i": "1m", "n": 189, "v": "0.98639"}
      frames.append(
        message("candle", bar | {"o": "29295", "c": "29258", "h": "29309", "l": "29250"})
      )
    return frames
