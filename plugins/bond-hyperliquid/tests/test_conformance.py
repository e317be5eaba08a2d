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


class TestHyperliquid(FeedConformance):
  def feed(self):
    return hyperliquid_feed(config.Connection())

  def subscriptions(self):
    return [
      *config.Trades(symbols=["BTC"]).subscriptions(),
      *config.Books(symbols=["BTC"]).subscriptions(),
    ]

  def session(self):
    frames = []
    for number in range(1, 8):
      time = START + number * 500
      levels = [[level(100, number), level(99.5, 1)], [level(101, 2)]]
      frames.append(message("l2Book", {"coin": "BTC", "time": time, "levels": levels}))
      trade = {"coin": "BTC", "side": "B", "px": "101", "sz": "0.1", "time": time, "hash": "0x1"}
      frames.append(message("trades", [{**trade, "tid": 10**14 + 7919 * number}]))
    return frames
