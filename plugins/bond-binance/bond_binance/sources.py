"""The sources this plugin offers."""

from typing import Any

import attrs

from bond_binance import config
from bond_binance.feed import BinanceFeed
from bond_core import (
  AnyEvent,
  Candle,
  Funding,
  Gap,
  Liquidation,
  OrderBook,
  SourceType,
  Ticker,
  Trade,
)
from bond_core.venues import view_of_books, view_of_tickers

TERMS = (
  "Binance Terms of Use, https://www.binance.com/en/terms: public market data for your own use; "
  "passing it on needs Binance's consent"
)


def _source(
  name: str,
  summary: str,
  configuration: type,
  event: type[AnyEvent],
  words: tuple[str, ...],
  example: str,
  **more: Any,
) -> SourceType:
  return SourceType(
    name=f"binance.{name}",
    summary=summary,
    config=configuration,
    emits=(event, Gap),
    feed=BinanceFeed,
    connection=lambda given: given.connection,
    subscriptions=lambda given: given.subscriptions(),
    on_demand=lambda given, market: (
      configuration(symbols=[str(market)])
      if given is None
      else attrs.evolve(given, symbols=[str(market)])
    ),
    simulator="binance",
    terms=TERMS,
    words=words,
    example=example,
    **more,
  )


SOURCES = [
  _source(
    "trades",
    "Trades, single or aggregated.",
    config.Trades,
    Trade,
    ("binance", "binance trades"),
    "{symbols: [BTC/USDT, 'ETH/USDT:USDT']}",
  ),
  _source(
    "orderbook",
    "Order books, verified: the best levels, or every change.",
    config.Books,
    OrderBook,
    ("binance order book", "binance book", "binance depth"),
    "{symbols: [BTC/USDT], depth: 20, speed_ms: 100}",
    view=view_of_books,
  ),
  _source(
    "ticker",
    "Best bid and ask, last price, 24-hour volume.",
    config.Tickers,
    Ticker,
    ("binance ticker", "binance price", "binance quotes"),
    "{symbols: [BTC/USDT], stats: false}",
    view=view_of_tickers,
  ),
  _source(
    "funding",
    "Funding rate, mark and index price of futures.",
    config.Funding,
    Funding,
    ("binance funding", "binance mark price"),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "liquidation",
    "Forced orders on futures: the largest of each second.",
    config.Liquidations,
    Liquidation,
    ("binance liquidations",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "candle",
    "Candles while they form and when they close.",
    config.Candles,
    Candle,
    ("binance candles",),
    "{symbols: [BTC/USDT], interval: 1m}",
  ),
]
