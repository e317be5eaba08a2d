"""ws.custom on Binance's simulator: a mapping of trades and quotes, judged as any market is."""

import random
from typing import Any

from bond_core import Ticker, Trade
from bond_core._sources.source import SourceReader
from tests.chaos.markets import MarketJudge

MARKET = "BTC/USDT", "spot"
NAMES = {"trades": "btcusdt@trade", "ticker": "btcusdt@bookTicker"}
RULES: dict[str, dict[str, Any]] = {
  "trades": {
    "emit": "trade",
    "where": {"stream": NAMES["trades"]},
    "symbol": {"value": MARKET[0]},
    "time": "data.T",
    "fields": {
      "price": "data.p",
      "size": "data.q",
      "side": {"path": "data.m", "map": {"true": "sell", "false": "buy"}},
      "trade_id": "data.t",
    },
  },
  "ticker": {
    "emit": "ticker",
    "where": {"stream": NAMES["ticker"]},
    "symbol": {"path": "data.s"},
    "fields": {
      "sequence": "data.u",
      "bid": "data.b",
      "bid_size": "data.B",
      "ask": "data.a",
      "ask_size": "data.A",
    },
  },
}


def custom(rng: random.Random, url: str) -> dict[str, Any]:
  """A source with a rule for one channel or both, whose streams are named in its URL, or
  subscribed to by a message."""
  channels = rng.sample(sorted(RULES), rng.randint(1, 2))
  streams = [NAMES[channel] for channel in channels]
  base = url.replace("http", "ws", 1) + "/stream"
  given: dict[str, Any] = {
    "private": True,
    "name": "chaos",
    "market_type": MARKET[1],
    "silence": "20s",
    "map": [RULES[channel] for channel in channels],
  }
  if rng.random() < 0.5:
    given["url"] = f"{base}?streams={'/'.join(streams)}"
  else:
    given["url"] = base
    given["send"] = [{"method": "SUBSCRIBE", "params": streams, "id": 1}]
  if rng.random() < 0.5:
    given["heartbeat"] = {"every": "15s"}
  return {"-".join(channels): {"use": "ws.custom", "with": given}}


class CustomJudge(MarketJudge):
  """Reads what was told. A source has one subscription for each channel of its mapping, of all
  symbols; its name says which."""

  def follow(self, readers: list[SourceReader]) -> None:
    """Takes the names of what is subscribed to."""
    for reader in readers:
      for subscription in reader.subscriptions:
        self.streams[str(subscription)] = subscription.channel, MARKET

  def take(self, event: Any) -> None:
    # A mapping says what is there: a value that is null, or left out, is none, and any text an id.
    told: tuple[Any, ...] = ()
    if isinstance(event, Trade):
      told = (event.trade_id if (event.trade_id or "").isdecimal() else None,)
    if isinstance(event, Ticker):
      told = event.sequence, event.bid, event.bid_size, event.ask, event.ask_size
    if None not in told:
      super().take(event)

  def _told_off(self, number: str) -> bool:
    wanted = f'"t":{number},'.encode()
    return any(wanted in message for message in self._withheld)
