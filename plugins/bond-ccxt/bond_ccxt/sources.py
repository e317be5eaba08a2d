"""The sources this plugin offers."""

from typing import Any

import attrs
from bond_venuekit import Unlisted

from bond_ccxt import config
from bond_ccxt.exchanges import exchange_ids
from bond_core import (
  AnyEvent,
  Candle,
  Funding,
  Gap,
  Market,
  OrderBook,
  Out,
  Refused,
  SourceContext,
  SourceType,
  Ticker,
  Trade,
)

TERMS = "those of the venue that `exchange` names: its public data for your own use"

SIMULATED = ("binance", "okx", "bybit", "coinbase", "hyperliquid")
"""Venues that bond-sim can stand in for."""


def _simulator(given: Any) -> str | None:
  return given.exchange if given.exchange in SIMULATED else None


def _unlisted(given: Any) -> list[Unlisted]:
  from bond_ccxt.kept import not_kept

  return not_kept(given)


def _on_demand(given: Any, market: Market) -> Any:
  if given is None:
    raise Refused("ccxt does not know which venue to use; name it in a spec: exchange: kraken")
  return attrs.evolve(given, symbols=[str(market)])


def _source(
  name: config.Kind,
  summary: str,
  configuration: type,
  event: type[AnyEvent],
  example: str,
  words: tuple[str, ...] = (),
) -> SourceType:
  async def run(given: Any, out: Out, ctx: SourceContext) -> None:
    from bond_ccxt.running import run_source

    await run_source(name, given, out, ctx)

  return SourceType(
    name=f"ccxt.{name}",
    summary=summary,
    config=configuration,
    emits=(event, Gap),
    run=run,
    on_demand=_on_demand,
    unlisted=_unlisted,
    simulator=_simulator,
    exchange=lambda given: str(given.exchange),
    public=True,
    terms=TERMS,
    words=words,
    example=example,
  )


# Its words of English are the venues that ccxt has: without one a source of ccxt is nothing, and
# with one, a kind of data says which source it is.
SOURCES = [
  _source(
    "trades",
    "Trades of any venue that ccxt has.",
    config.Trades,
    Trade,
    "{exchange: kraken, symbols: [BTC/USD, ETH/USD]}",
    words=tuple(sorted(exchange_ids())),
  ),
  _source(
    "orderbook",
    "Order books of any venue that ccxt has: the best levels, or what changes in them.",
    config.Books,
    OrderBook,
    "{exchange: coinbase, symbols: [BTC/USD], depth: 20, speed_ms: 100}",
  ),
  _source(
    "ticker",
    "Last price, best bid and ask, 24-hour volume of any venue that ccxt has.",
    config.Tickers,
    Ticker,
    "{exchange: kraken, symbols: [BTC/USD], mode: poll, every: 5s}",
  ),
  _source(
    "ohlcv",
    "Candles of any venue that ccxt has, while they form and when they close.",
    config.Candles,
    Candle,
    "{exchange: kucoin, symbols: [BTC/USDT], interval: 1m}",
  ),
  _source(
    "funding",
    "Funding rates of the perpetuals of any venue that ccxt has.",
    config.Funding,
    Funding,
    "{exchange: bitget, symbols: ['BTC/USDT:USDT']}",
  ),
]
