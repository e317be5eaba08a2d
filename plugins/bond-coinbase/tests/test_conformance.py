"""What every venue's feed must do."""

import json

from bond_coinbase import config
from bond_coinbase.feed import coinbase_feed

from bond_core.testing import FeedConformance


class TestCoinbase(FeedConformance):
  def feed(self):
    return coinbase_feed(config.Connection())

  def subscriptions(self):
    return [
      *config.Trades(symbols=["BTC/USD"]).subscriptions(),
      *config.Books(symbols=["BTC/USD"]).subscriptions(),
      *config.Tickers(symbols=["BTC/USD"]).subscriptions(),
      *config.Candles(symbols=["BTC/USD"]).subscriptions(),
    ]

  def session(self):
    frames = []

    def say(channel, event):
      number = len(frames)
      time = f"2026-04-07T14:30:{number:02}.456789123Z"
      message = {"channel": channel, "client_id": "", "timestamp": time, "sequence_num": number}
      frames.append(json.dumps(message | {"events": [event]}, separators=(",", ":")).encode())

    def level(side, price, size):
      time = "1970-01-01T00:00:00Z"
      return {"side": side, "event_time": time, "price_level": price, "new_quantity": size}

    book = [level("bid", "100", "1"), level("offer", "101", "2")]
    say("l2_data", {"type": "snapshot", "product_id": "BTC-USD", "updates": book})
    say("market_trades", {"type": "snapshot", "trades": []})
    frames[-1] = frames[-1].replace(b'"trades":[]', b'"trades":[],"product_id":"BTC-USD"')
    for number in range(1, 8):
      update = [level("bid", "99.5", str(number))]
      say("l2_data", {"type": "update", "product_id": "BTC-USD", "updates": update})
      trade = {"trade_id": str(995_098_700 + number), "product_id": "BTC-USD", "price": "100.5"}
      time = f"2026-04-07T14:30:{10 + number}.000000Z"
      trade |= {"size": "0.1", "side": "SELL", "time": time}
      say("market_trades", {"type": "update", "trades": [trade]})
    ticker = {"type": "ticker", "product_id": "BTC-USD", "price": "100.5", "volume_24_h": "7"}
    ticker |= {"best_bid": "100", "best_bid_quantity": "1", "best_ask": "", "best_ask_quantity": ""}
    say("ticker", {"type": "update", "tickers": [ticker]})
    for start in (1_775_572_200, 1_775_572_500):
      candle = {"start": str(start), "product_id": "BTC-USD", "open": "99", "high": "101"}
      candle |= {"low": "98", "close": "100.5", "volume": "7"}
      say("candles", {"type": "update", "candles": [candle]})
    return frames
