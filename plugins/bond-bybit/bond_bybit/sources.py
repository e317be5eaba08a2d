"""The sources this plugin offers."""

from typing import Any

import attrs

from bond_bybit import config
from bond_bybit.feed import BybitFeed
from bond_core import (
  AnyEvent,
  Candle,
  Funding,
  Gap,
  Liquidation,
  OpenInterest,
  OrderBook,
  SourceType,
  Ticker,
  Trade,
)
from bond_core.venues import view_of_books, view_of_tickers

TERMS = (
  "Bybit Terms of Service (https://www.bybit.com, Legal): public market data for your own "
  "use; passing it on needs Bybit's consent"
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
    name=f"bybit.{name}",
    summary=summary,
    config=configuration,
    emits=(event, Gap),
    feed=BybitFeed,
    connection=lambda given: given.connection,
    subscriptions=lambda given: given.subscriptions(),
    on_demand=lambda given, market: (
      configuration(symbols=[str(market)])
      if given is None
      else attrs.evolve(given, symbols=[str(market)])
    ),
    simulator="bybit",
    terms=TERMS,
    words=words,
    example=example,
    **more,
  )


SOURCES = [
  _source(
    "trades",
    "Trades.",
    config.Trades,
    Trade,
    ("bybit", "bybit trades"),
    "{symbols: [BTC/USDT, 'BTC/USD:BTC']}",
  ),
  _source(
    "orderbook",
    "Order books, verified: the best levels, or every change.",
    config.Books,
    OrderBook,
    ("bybit order book", "bybit book", "bybit depth"),
    "{symbols: [BTC/USDT], depth: 20, speed_ms: 100}",
    view=view_of_books,
  ),
  _source(
    "ticker",
    "Best bid and ask, last price, 24-hour volume.",
    config.Tickers,
    Ticker,
    ("bybit ticker", "bybit price", "bybit quotes"),
    "{symbols: [BTC/USDT], stats: false}",
    view=view_of_tickers,
  ),
  _source(
    "funding",
    "Funding rates of perpetuals.",
    config.Funding,
    Funding,
    ("bybit funding",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "open_interest",
    "Open interest of contracts.",
    config.OpenInterest,
    OpenInterest,
    ("bybit open interest",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "liquidation",
    "Liquidations of contracts, all of them.",
    config.Liquidations,
    Liquidation,
    ("bybit liquidations",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "candle",
    "Candles while they form and when they close.",
    config.Candles,
    Candle,
    ("bybit candles",),
    "{symbols: [BTC/USDT], interval: 1m}",
  ),
]
