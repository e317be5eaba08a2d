"""What every venue's feed must do."""

import json

from bond_bybit import config
from bond_bybit.feed import bybit_feed

from bond_core.testing import FeedConformance


def message(topic, data, kind="snapshot"):
  whole = {"topic": topic, "type": kind, "ts": 1672304486868, "data": data}
  return json.dumps(whole, separators=(",", ":")).encode()


class TestBybit(FeedConformance):
  def feed(self):
    return bybit_feed(config.Connection())

  def subscriptions(self):
    return [
      *config.Trades(symbols=["BTC/USDT"]).subscriptions(),
      *config.Books(symbols=["BTC/USDT"]).subscriptions(),
    ]

  def session(self):
    levels = {"s": "BTCUSDT", "b": [["100", "1"]], "a": [["101", "2"]], "seq": 1}
    frames = [message("orderbook.50.BTCUSDT", {**levels, "u": 10})]
    for number in range(1, 8):
      change = {**levels, "b": [["99.5", str(number)]], "a": [], "u": 10 + number}
      frames.append(message("orderbook.50.BTCUSDT", change, "delta"))
      trade = {"T": 1672304486865, "s": "BTCUSDT", "S": "Buy", "v": "0.001", "p": "16578.50"}
      own = {"i": f"20f43950-{number}", "BT": False, "seq": number}
      frames.append(message("publicTrade.BTCUSDT", [{**trade, **own}]))
    return frames
