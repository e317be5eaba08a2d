"""The sources this plugin offers."""

from typing import Any

from bond_binance import config
from bond_binance.feed import BinanceFeed
from bond_binance.venue import TERMS
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


def _view(books: config.Books) -> Transform | None:
  return None if books.deltas else BookView(depth=books.depth, speed_ms=books.speed_ms)


def _source(
  name: str,
  summary: str,
  configuration: type,
  event: type[AnyEvent],
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
    simulator="binance",
    terms=TERMS,
    words=("binance",),
    example=example,
    **more,
  )


SPECS = [
  _source(
    "trades",
    "Trades, single or aggregated.",
    config.Trades,
    Trade,
    "{symbols: [BTC/USDT, 'ETH/USDT:USDT']}",
  ),
  _source(
    "orderbook",
    "Order books, verified: the best levels, or every change.",
    config.Books,
    OrderBook,
    "{symbols: [BTC/USDT], depth: 20, speed_ms: 100}",
    view=_view,
  ),
  _source(
    "ticker",
    "Best bid and ask, last price, 24-hour volume.",
    config.Tickers,
    Ticker,
    "{symbols: [BTC/USDT], stats: false}",
  ),
  _source(
    "funding",
    "Funding rate, mark and index price of perpetuals.",
    config.Funding,
    Funding,
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "liquidation",
    "Forced orders of perpetuals: the largest of each second.",
    config.Liquidations,
    Liquidation,
    "{symbols: [BTC/USDT]}",
  ),
  _source(
    "candle",
    "Candles while they form and when they close.",
    config.Candles,
    Candle,
    "{symbols: [BTC/USDT], interval: 1m}",
  ),
]
