"""Generated markets of Binance: spot, USD-M and COIN-M futures around shared index prices."""

from datetime import date
from itertools import islice
from typing import Any

from bond_simkit import Fanout, VenueTime

from bond_sim.binance.frames import span
from bond_sim.binance.listing import BinanceContract, BinanceListing, exchange_info, worth_on
from bond_sim.binance.market import BinanceMarket
from bond_sim.binance.markets import BinanceQuery
from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName
from bond_sim.binance.stream_names import parse_stream_name
from bond_sim.market.config import MarketConfig
from bond_sim.market.indices import Indices
from bond_sim.market.pool import MarketPool
from bond_sim.market.products import (
  FUTURE,
  PERP,
  QUIET,
  SPOT as SPOT_KIND,
  Product,
  ProductKind,
  quarter_ends,
  quiet_assets,
)
from bond_sim.market.topic_markets import day_of
from bond_sim.market.trading import Trading, TradingListener

MarketKey = tuple[BinanceMarketName, str]
"""A market's name and a symbol."""

# Base, quote, decimals of prices and of sizes, takers a second.
_Row = tuple[str, str, int, int, float]
_SPOT: tuple[_Row, ...] = (
  ("BTC", "USDT", 2, 5, 9.0),
  ("ETH", "USDT", 2, 4, 7.0),
  ("SOL", "USDT", 2, 3, 4.0),
  ("BNB", "USDT", 2, 3, 3.0),
  ("XRP", "USDT", 4, 1, 4.0),
  ("DOGE", "USDT", 5, 0, 3.0),
  ("BTC", "USDC", 2, 5, 5.0),
  ("ETH", "BTC", 5, 4, 1.0),
  ("WBTC", "USDT", 2, 5, 1.0),
)
_PERPETUAL: tuple[_Row, ...] = (
  ("BTC", "USDT", 1, 3, 10.0),
  ("ETH", "USDT", 2, 3, 8.0),
  ("SOL", "USDT", 2, 2, 5.0),
  ("BNB", "USDT", 2, 2, 3.0),
  ("XRP", "USDT", 4, 1, 5.0),
  ("DOGE", "USDT", 5, 0, 4.0),
  ("币安人生", "USDT", 5, 0, 2.0),
)
_DATED: _Row = ("BTC", "USDT", 1, 3, 1.0)
_INVERSE: tuple[_Row, ...] = (
  ("BTC", "USD", 1, 0, 6.0),
  ("ETH", "USD", 2, 0, 4.0),
  ("SOL", "USD", 3, 0, 2.0),
)
_INVERSE_DATED: _Row = ("BTC", "USD", 1, 0, 1.0)


class BinanceGenerator:
  """Markets that are generated from `config.seed`. `config.speed` multiplies how often orders come,
  not the clock."""

  def __init__(self, config: MarketConfig, clock: VenueTime) -> None:
    self.fanout = Fanout(span)
    self._clock = clock
    self._seed = config.seed
    self._speed = config.speed
    self._traded: dict[MarketKey, tuple[BinanceListing, Product]] = {
      (listing.market, listing.symbol): (listing, product)
      for listing, product in _generated(day_of(clock), config.markets)
      if not config.symbols or listing.symbol in config.symbols
    }
    self._indices = Indices(config.seed)
    self._pool: MarketPool[MarketKey, BinanceMarket] = MarketPool(
      self.fanout, self._indices, clock, self._make
    )

  def now_ms(self) -> int:
    return self._clock.now_ms()

  async def run(self) -> None:
    await self._pool.run()

  def advance(self, now_ms: int) -> None:
    """Lets all markets in use move up to `now_ms`."""
    self._pool.advance(now_ms)

  def resolve(self, market: BinanceMarketName, name: str) -> str | None:
    stream = parse_stream_name(market, name)
    if stream is None or not self.has(market, stream.symbol):
      return None
    key = (market, stream.symbol)
    # The topic has the speed in its name, so that different spellings of one stream share it.
    detail = f"{stream.kind.replace('partial', 'depth')}{stream.levels or ''}"
    detail += f"_{stream.interval}" if stream.interval else ""
    timed = f"@{stream.every}ms" if stream.kind in ("depth", "partial", "markPrice") else ""
    topic = f"{market} {stream.symbol.lower()}@{detail}{timed}"
    self._pool.wake(key).open(stream, topic)
    self._pool.opened(topic, key, stream)
    return topic

  def exchange_info(self, market: BinanceMarketName) -> dict[str, Any]:
    listings = [listing for listing, _ in self._traded.values() if listing.market == market]
    return exchange_info(market, listings, self.now_ms())

  def symbols(self, market: BinanceMarketName) -> list[str]:
    return [symbol for of_market, symbol in self._traded if of_market == market]

  def has(self, market: BinanceMarketName, symbol: str) -> bool:
    return (market, symbol) in self._traded

  def answer(
    self, market: BinanceMarketName, endpoint: str, symbol: str, query: BinanceQuery
  ) -> Any:
    return self._pool.up_to_date((market, symbol)).answer(endpoint, query)

  def progress(self) -> dict[str, Any]:
    awake = sorted(f"{market} {symbol}" for market, symbol in self._pool.awake)
    return {"finished": False, "awake": awake}

  def _make(self, key: MarketKey, now_ms: int) -> BinanceMarket:
    listing, product = self._traded[key]
    seed = f"{self._seed} {listing.market} {listing.symbol}"

    def begin(listener: TradingListener) -> Trading:
      return product.trade(self._indices, listener, seed=seed, speed=self._speed, now_ms=now_ms)

    return BinanceMarket(listing, begin, self.fanout.publish)


def _generated(today: date, markets: int) -> list[tuple[BinanceListing, Product]]:
  """All generated markets, with as many more quiet spot markets. The dated contracts are those of
  the current quarter and the next."""
  quiet: list[_Row] = [(base, "USDT", 4, 2, QUIET) for base in quiet_assets(markets)]
  current, following = islice(quarter_ends(today), 2)
  return [
    *(_market(SPOT, SPOT_KIND, row) for row in (*_SPOT, *quiet)),
    *(_market(USDM, PERP, row, "PERPETUAL") for row in _PERPETUAL),
    _market(USDM, FUTURE, _DATED, "CURRENT_QUARTER", current),
    _market(USDM, FUTURE, _DATED, "NEXT_QUARTER", following),
    *(_market(COINM, PERP, row, "PERPETUAL") for row in _INVERSE),
    _market(COINM, FUTURE, _INVERSE_DATED, "CURRENT_QUARTER", current),
    _market(COINM, FUTURE, _INVERSE_DATED, "NEXT_QUARTER", following),
  ]


def _market(
  market: BinanceMarketName,
  kind: ProductKind,
  row: _Row,
  contract: BinanceContract = "",
  expiry: date | None = None,
) -> tuple[BinanceListing, Product]:
  base, quote, price_decimals, size_decimals, takers = row
  perpetual = "_PERP" if market == COINM else ""
  symbol = base + quote + (f"_{expiry:%y%m%d}" if expiry else perpetual)
  worth = worth_on(market, base)
  listing = BinanceListing(
    market=market,
    symbol=symbol,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    size_decimals=size_decimals,
    contract=contract,
    worth=worth,
  )
  product = Product(
    symbol=symbol,
    kind=kind,
    base=base,
    quote=quote,
    price_decimals=price_decimals,
    lot=worth or float(f"1e-{size_decimals}"),
    takers_per_second=takers,
    inverse=bool(worth),
    expiry=expiry,
    # Futures' update ids have holes, spot's are contiguous.
    id_jump=1 if market == SPOT else 40,
  )
  return listing, product
