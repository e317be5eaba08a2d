"""What every venue's feed must do."""

import json

from bond_okx import config
from bond_okx.feed import okx_feed

from bond_core.testing import FeedConformance


def message(channel, data, **action):
  arg = {"channel": channel, "instId": "BTC-USDT"}
  return json.dumps({"arg": arg, **action, "data": [data]}, separators=(",", ":")).encode()


class TestOkx(FeedConformance):
  def feed(self):
    return okx_feed(config.Connection())

  def subscriptions(self):
    return [
      *config.Trades(symbols=["BTC/USDT"]).subscriptions(),
      *config.Books(symbols=["BTC/USDT"]).subscriptions(),
    ]

  def session(self):
    book = {"bids": [["100", "1", "0", "1"]], "asks": [], "ts": "1597026383085", "checksum": 0}
    frames = [message("books", {**book, "seqId": 10, "prevSeqId": -1}, action="snapshot")]
    for number in range(1, 8):
      change = {**book, "seqId": 10 + number, "prevSeqId": 9 + number}
      change["bids"] = [["99.5", str(number), "0", "1"]]
      frames.append(message("books", change, action="update"))
      trade = {"instId": "BTC-USDT", "px": "42219.9", "sz": "0.12", "side": "buy", "count": "1"}
      frames.append(message("trades", {**trade, "tradeId": str(number), "ts": "1630048897897"}))
    return frames
