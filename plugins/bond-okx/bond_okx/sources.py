"""The sources this plugin offers."""

from typing import Any

import attrs

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
from bond_okx import config
from bond_okx.feed import OkxFeed

TERMS = (
  "OKX Terms of Service, https://www.okx.com/help/terms-of-service: public market data for your "
  "own use; passing it on needs OKX's consent"
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
    name=f"okx.{name}",
    summary=summary,
    config=configuration,
    emits=(event, Gap),
    feed=OkxFeed,
    connection=lambda given: given.connection,
    subscriptions=lambda given: given.subscriptions(),
    on_demand=lambda given, market: (
      configuration(symbols=[str(market)])
      if given is None
      else attrs.evolve(given, symbols=[str(market)])
    ),
    simulator="okx",
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
    ("okx", "okx trades"),
    "{symbols: [BTC/USDT, 'BTC/USD:BTC']}",
  ),
  _source(
    "orderbook",
    "Order books, verified: the best levels, or every change.",
    config.Books,
    OrderBook,
    ("okx order book", "okx book", "okx depth"),
    "{symbols: [BTC/USDT], depth: 20, speed_ms: 100}",
    view=view_of_books,
  ),
  _source(
    "ticker",
    "Best bid and ask, last price, 24-hour volume.",
    config.Tickers,
    Ticker,
    ("okx ticker", "okx price", "okx quotes"),
    "{symbols: [BTC/USDT], stats: false}",
    view=view_of_tickers,
  ),
  _source(
    "funding",
    "Funding rates of perpetuals.",
    config.Funding,
    Funding,
    ("okx funding",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "open_interest",
    "Open interest of contracts.",
    config.OpenInterest,
    OpenInterest,
    ("okx open interest",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "liquidation",
    "Liquidations of contracts, at most one a second and instrument.",
    config.Liquidations,
    Liquidation,
    ("okx liquidations",),
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "candle",
    "Candles while they form and when they close.",
    config.Candles,
    Candle,
    ("okx candles",),
    "{symbols: [BTC/USDT], interval: 1m}",
  ),
]
