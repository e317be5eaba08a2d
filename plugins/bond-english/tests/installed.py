"""Stand-ins for the packages of venues, networks and chains, with their words and configurations.

The tests of the grammar need none of these packages. The configurations say what a source has to
take to be usable in English.
"""

import types
from typing import Any

import attrs
from bond_commandkit import source_words

from bond_core import (
  Candle,
  ChainEvent,
  Funding,
  Liquidation,
  OpenInterest,
  OrderBook,
  Post,
  Registry,
  SourceType,
  Ticker,
  Trade,
  hookimpl,
)


@attrs.frozen(kw_only=True)
class Market:
  symbols: list[str]


@attrs.frozen(kw_only=True)
class Books(Market):
  depth: int = 20
  speed_ms: int = 100
  deltas: bool = False


@attrs.frozen(kw_only=True)
class Bars(Market):
  interval: str = "1m"


@attrs.frozen(kw_only=True)
class Quotes(Market):
  stats: bool = True


@attrs.frozen(kw_only=True)
class ByCcxt(Market):
  exchange: str
  depth: int = 20
  interval: str = "1m"


@attrs.frozen(kw_only=True)
class Posts:
  symbols: list[str] = attrs.field(factory=list)
  query: str = ""


@attrs.frozen(kw_only=True)
class BlueskyPosts(Posts):
  authors: list[str] = attrs.field(factory=list)
  lang: str = ""


@attrs.frozen(kw_only=True)
class Chain:
  symbols: list[str] = attrs.field(factory=list)
  mints: list[str] = attrs.field(factory=list)
  addresses: list[str] = attrs.field(factory=list)
  accounts: list[str] = attrs.field(factory=list)
  event_types: list[str] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class SolanaChain(Chain):
  symbol: str = "SOL"


@attrs.frozen(kw_only=True)
class Evm(Chain):
  chain: str
  direction: str | None = None


async def never(config: Any, out: Any, ctx: Any) -> None:
  raise AssertionError("nothing is run")


_VENUE = {
  "trades": (Market, Trade, ("", "trades")),
  "orderbook": (Books, OrderBook, ("order book", "book", "depth")),
  "ticker": (Quotes, Ticker, ("ticker", "price", "quotes")),
  "funding": (Market, Funding, ("funding", "mark price")),
  "liquidation": (Market, Liquidation, ("liquidations",)),
  "candle": (Bars, Candle, ("candles",)),
  "open_interest": (Market, OpenInterest, ("open interest",)),
}
_OTHERS = {
  "ccxt.trades": (ByCcxt, Trade, ("ccxt",)),
  "ccxt.orderbook": (ByCcxt, OrderBook, ("ccxt order book",)),
  "ccxt.ticker": (ByCcxt, Ticker, ("ccxt ticker",)),
  "ccxt.ohlcv": (ByCcxt, Candle, ("ccxt candles",)),
  "ccxt.funding": (ByCcxt, Funding, ("ccxt funding",)),
  "x.posts": (Posts, Post, ("tweets", "twitter")),
  "bluesky.posts": (BlueskyPosts, Post, ("bluesky", "posts")),
  "onchain.solana": (SolanaChain, ChainEvent, ("solana transfers", "solana transactions")),
  "onchain.bitcoin": (Chain, ChainEvent, ("bitcoin blocks", "bitcoin mempool")),
  "onchain.evm": (Evm, ChainEvent, ("ethereum blocks", "erc-20 transfers")),
}


def registry(*names: str) -> Registry:
  """The core and stand-ins for these plugins."""
  found = Registry(Registry()._points["core"])
  for name in names:
    specs = [
      SourceType(name=key, summary="s", config=config, emits=(event,), run=never, words=words)
      for key, (config, event, words) in _sources(name).items()
    ]
    found.add(name, _module(name, specs), package=f"bond-{name}")
  return found


def _sources(plugin: str) -> dict[str, Any]:
  if plugin in ("binance", "okx", "bybit"):
    channels = set(_VENUE) - ({"open_interest"} if plugin == "binance" else set())
    return {
      f"{plugin}.{channel}": (config, event, tuple(f"{plugin} {word}".strip() for word in words))
      for channel, (config, event, words) in _VENUE.items()
      if channel in channels
    }
  return {name: entry for name, entry in _OTHERS.items() if name.startswith(f"{plugin}.")}


def _module(name: str, specs: list[SourceType]) -> types.ModuleType:
  module = types.ModuleType(f"stand_in_{name}")

  @hookimpl
  def bond_register_sources() -> list[SourceType]:
    return specs

  module.bond_register_sources = bond_register_sources  # type: ignore[attr-defined]
  return module


EVERYTHING = registry("binance", "okx", "bybit", "ccxt", "x", "bluesky", "onchain")
BINANCE = registry("binance")
WORDS = source_words(EVERYTHING)
BINANCE_WORDS = source_words(BINANCE)
