"""The sources this plugin offers."""

from typing import Any

import attrs

from bond_binance import config
from bond_binance.feed import BinanceFeed
from bond_core.book.view import BookView
from bond_core.components import SourceSpec, Transform
from bond_core.events import (
  AnyEvent,
  Candle,
  Funding,
  Gap,
  Liquidation,
  OrderBook,
  Ticker,
  Trade,
)

TERMS = (
  "Binance Terms of Use, https://www.binance.com/en/terms: public market data for your own use; "
  "passing it on needs Binance's consent"
)


def _view_of_books(books: config.Books) -> Transform | None:
  return None if books.deltas else BookView(books.depth, books.speed_ms)


def _view_of_tickers(tickers: config.Tickers) -> Transform | None:
  """The part that was asked for, since another reader of the same feed may have the other."""
  if tickers.quotes and tickers.stats:
    return None
  # Only quotes are numbered.
  quotes = tickers.quotes
  return lambda batch: [
    event for event in batch if type(event) is not Ticker or (event.sequence is not None) is quotes
  ]


def _source(
  name: str,
  summary: str,
  configuration: type,
  event: type[AnyEvent],
  words: tuple[str, ...],
  example: str,
  **more: Any,
) -> SourceSpec:
  return SourceSpec(
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


SPECS = [
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
    view=_view_of_books,
  ),
  _source(
    "ticker",
    "Best bid and ask, last price, 24-hour volume.",
    config.Tickers,
    Ticker,
    ("binance ticker", "binance price", "binance quotes"),
    "{symbols: [BTC/USDT], stats: false}",
    view=_view_of_tickers,
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
