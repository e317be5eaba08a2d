"""Generated markets of Coinbase, and the channels that publish them."""

from functools import partial
from typing import Any

from bond_simkit import VenueTime

from bond_sim.coinbase.listing import CoinbaseProduct, products
from bond_sim.coinbase.markets import CHANNELS
from bond_sim.coinbase.writer import CoinbaseWriter
from bond_sim.market.bars import MINUTE_MS
from bond_sim.market.channels import TopicChannel
from bond_sim.market.config import MarketConfig
from bond_sim.market.topic_market import BOOK, CANDLE, STATE, TRADES, MarketTopic
from bond_sim.market.topic_markets import TopicGenerator

LEVELS, BOOK_MS, TICKER_MS, CANDLES_MS = 1_100, 50, 250, 1_000
"""Levels of a whole book; ms between two messages."""


class CoinbaseGenerator(TopicGenerator[CoinbaseProduct, CoinbaseWriter]):
  """Markets that are generated from `config.seed`."""

  def __init__(self, config: MarketConfig, clock: VenueTime) -> None:
    listed = {product.product_id: product for product in products(config.markets)}
    super().__init__(config, clock, listed, CoinbaseWriter)

  def find(self, channel: str, product: str) -> TopicChannel | None:
    if channel not in CHANNELS or product not in self.instruments:
      return None
    # What comes for an alias is the data of what it stands for, also by name.
    product = self.instruments[product].alias or product
    name = f"{channel} {product}"
    topic = {
      "market_trades": MarketTopic(TRADES, name),
      "level2": MarketTopic(BOOK, name, BOOK_MS, LEVELS),
      "ticker": MarketTopic(STATE, name, TICKER_MS),
      "candles": MarketTopic(CANDLE, name, CANDLES_MS, 0, 5 * MINUTE_MS),
    }[channel]
    return TopicChannel(name, partial(self._first, product, topic))

  def products(self) -> list[dict[str, Any]]:
    return [product.row() for product in self.instruments.values()]

  def trades(self, product: str, limit: int) -> list[dict[str, Any]]:
    fills = list(self.markets.market(product).trading.trades)[-limit:]
    return [self.writers[product].trade(fill) for fill in reversed(fills)]

  def book(self, product: str, limit: int) -> dict[str, Any]:
    return self.writers[product].book(self.markets.market(product).trading, limit)

  def _first(self, product: str, topic: MarketTopic) -> list[bytes]:
    first = self.markets.open(product, topic, topic.name)
    if topic.kind == TRADES:
      return [self.writers[product].history(self.markets.market(product).trading)]
    return [] if first is None else [first]
