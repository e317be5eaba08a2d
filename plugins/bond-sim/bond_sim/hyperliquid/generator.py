"""Generated markets of Hyperliquid, and the channels that publish them."""

from functools import partial
from typing import Any

from bond_simkit import VenueTime

from bond_sim.hyperliquid.listing import (
  DEXES,
  HyperliquidMarket,
  dex_meta,
  markets,
  perp_dexs,
  spot_meta,
)
from bond_sim.hyperliquid.markets import HyperliquidSubscription
from bond_sim.hyperliquid.writer import HyperliquidWriter
from bond_sim.market.book import BUY, SELL
from bond_sim.market.channels import TopicChannel
from bond_sim.market.config import MarketConfig
from bond_sim.market.products import PERP, SPOT
from bond_sim.market.topic_market import CANDLE, QUOTE, STATE, TRADES, BookChange, MarketTopic
from bond_sim.market.topic_markets import TopicGenerator

_MINUTE = 60_000
LENGTHS = {
  "1m": _MINUTE,
  "3m": 3 * _MINUTE,
  "5m": 5 * _MINUTE,
  "15m": 15 * _MINUTE,
  "30m": 30 * _MINUTE,
  "1h": 60 * _MINUTE,
  "2h": 120 * _MINUTE,
  "4h": 240 * _MINUTE,
  "8h": 480 * _MINUTE,
  "12h": 720 * _MINUTE,
  "1d": 1440 * _MINUTE,
  "3d": 3 * 1440 * _MINUTE,
  "1w": 7 * 1440 * _MINUTE,
}
"""Lengths of candles (ms); a month has none here."""

BLOCK_MS, BOOK_MS, REPEAT_MS = 70, 500, 5_000
"""Between two blocks; between two books; until a book that has not changed is sent again."""
SLOW_LEVELS, FAST_LEVELS = 20, 5


class HyperliquidGenerator(TopicGenerator[HyperliquidMarket, HyperliquidWriter]):
  """Markets that are generated from `config.seed`."""

  def __init__(self, config: MarketConfig, clock: VenueTime) -> None:
    listed = {market.coin: market for market in markets(config.markets)}
    super().__init__(config, clock, listed, HyperliquidWriter)

  def find(self, wanted: HyperliquidSubscription) -> TopicChannel | None:
    topic = _topic(wanted)
    if topic is None or wanted.coin not in self.instruments:
      return None
    return TopicChannel(wanted.topic, partial(self._first, wanted, topic))

  def _first(self, wanted: HyperliquidSubscription, topic: MarketTopic) -> list[bytes]:
    first = self.markets.open(wanted.coin, topic, wanted.topic)
    if topic.kind == TRADES:
      return self.writers[wanted.coin].history(self.markets.market(wanted.coin).trading)
    return [] if first is None else [first]

  # The info endpoint -----------------------------------------------------------------------------

  def info(self, payload: dict[str, Any]) -> Any:
    listed = self.instruments.values()
    match payload["type"]:
      case "meta":
        return dex_meta(self._dex(payload), listed)
      case "allPerpMetas":
        return [dex_meta(dex, listed) for dex in DEXES]
      case "perpDexs":
        return perp_dexs()
      case "metaAndAssetCtxs":
        dex = self._dex(payload)
        return [dex_meta(dex, listed), self._contexts(PERP, dex)]
      case "spotMeta":
        return spot_meta(listed)
      case "spotMetaAndAssetCtxs":
        return [spot_meta(listed), self._contexts(SPOT, "")]
      case "allMids":
        return {coin: self._context(coin)["midPx"] for coin in self.instruments}
      case "l2Book":
        return self._book(str(payload["coin"]))
      case "recentTrades":
        coin = str(payload["coin"])
        fills = list(self.markets.market(coin).trading.trades)[-10:]
        return [self.writers[coin].trade(fill) for fill in reversed(fills)]
      case "candleSnapshot":
        return self._bars(payload["req"])
      case kind:
        raise ValueError(kind)

  def _dex(self, payload: dict[str, Any]) -> str:
    dex = str(payload.get("dex") or "")
    if dex not in DEXES:
      raise ValueError(dex)
    return dex

  def _contexts(self, kind: str, dex: str) -> list[Any]:
    return [
      self._context(coin)
      for coin, market in self.instruments.items()
      if market.product.kind == kind and market.dex == dex
    ]

  def _context(self, coin: str) -> dict[str, Any]:
    if self.markets.rests(coin):
      # A list of all markets wakes none.
      return self.writers[coin].resting_context(self.markets.index_price(coin))
    trading = self.markets.market(coin).trading
    return self.writers[coin].context(trading, self.markets.now_ms())

  def _book(self, coin: str) -> Any:
    if coin not in self.instruments:
      return None
    trading = self.markets.market(coin).trading
    book = trading.flow.book
    bids, asks = book.top(BUY, SLOW_LEVELS), book.top(SELL, SLOW_LEVELS)
    return self.writers[coin].book(BookChange(-1, 0, 0, bids, asks), trading.now_ms)

  def _bars(self, wanted: dict[str, Any]) -> list[Any]:
    coin, interval = str(wanted["coin"]), str(wanted["interval"])
    bars, now = self.markets.market(coin).trading.bars, self.markets.now_ms()
    bars.roll(now)
    start, end = int(wanted["startTime"]), int(wanted.get("endTime") or now)
    found = bars.bars(LENGTHS[interval], start)
    return [
      self.writers[coin].bar(bar, LENGTHS[interval], interval)
      for bar in found
      if start <= bar.start <= end
    ]


def _topic(wanted: HyperliquidSubscription) -> MarketTopic | None:
  name = wanted.topic
  match wanted.type:
    case "trades":
      return MarketTopic(TRADES, name)
    case "l2Book":
      levels = FAST_LEVELS if wanted.fast else SLOW_LEVELS
      return MarketTopic(QUOTE, name, BOOK_MS, levels, repeat_ms=REPEAT_MS)
    case "bbo":
      return MarketTopic(QUOTE, name, BLOCK_MS, 1)
    case "activeAssetCtx":
      return MarketTopic(STATE, name, 1_000)
    case "candle" if wanted.interval in LENGTHS:
      return MarketTopic(CANDLE, name, 1_000, 0, LENGTHS[wanted.interval])
    case _:
      return None
