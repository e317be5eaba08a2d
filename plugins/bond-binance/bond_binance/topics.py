"""Which stream of the venue carries a subscription, on which connection, and what reads it.

Sources: Spot "WebSocket Streams"; USD-M "Websocket Market Streams" and "Important WebSocket Change
Notice".
"""

from urllib.parse import quote

from bond_venuekit import LatestCandles, LatestValue, VenueMarkets, check_contract

from bond_binance.books import BookState, snapshots_of
from bond_binance.config import FUTURES_INTERVALS
from bond_binance.contracts import BinanceMarket, worth_in
from bond_binance.endpoints import LIMITS, MARKET, PUBLIC, Connection, Group
from bond_binance.latest import (
  candles_in,
  liquidations_in,
  read_candle,
  read_funding,
  read_liquidation,
  read_stats,
  read_stats_of_contracts,
)
from bond_binance.quotes import QuotesState
from bond_binance.symbols import COINM, SPOT, market_of, settled_in, venue_symbol
from bond_binance.trades import AggregatedTradesState, TradesState
from bond_core import Refused
from bond_core.feeds import Handshake, Limits, Subscription
from bond_core.venues import (
  FeedControl,
  SubscriptionState,
  Topic,
)

STEADY = 10.0
"""Seconds of silence that markPrice@1s never has."""

_FUTURES_ONLY = ("funding", "liquidation")
# USD-M "Important WebSocket Change Notice". `trade` is not documented; it is served on /public.
_ON_PUBLIC = ("@trade", "@bookTicker", "@depth@100ms")


class BinanceTopics:
  """The streams of spot and futures; aggregated trades where the connection is of those, and on
  COIN-M, which documents no others."""

  def __init__(self, connection: Connection, markets: VenueMarkets[BinanceMarket]) -> None:
    self._endpoint = connection
    self._markets = markets

  def group(self, subscription: Subscription) -> Group:
    market = market_of(subscription.instrument)
    self._endpoint.check(market)
    if subscription.channel in _FUTURES_ONLY:
      check_contract(subscription, settled_in)
    if market == SPOT:
      return SPOT
    interval = dict(subscription.options).get("interval", "1m")
    if subscription.channel == "candle" and interval not in FUTURES_INTERVALS:
      raise Refused(f"{subscription}: futures have no candles of {interval}")
    if market == COINM:
      return COINM
    return PUBLIC if self._name(subscription).endswith(_ON_PUBLIC) else MARKET

  def limits(self, group: str) -> Limits:
    return LIMITS[group]

  def handshake(self, group: str, names: list[str]) -> Handshake:
    # The venue reads stream names as they are, but a URL has no letters beyond ASCII.
    return Handshake(self._endpoint.websocket(group) + quote("/".join(names), safe="/@"))

  def topic(self, subscription: Subscription) -> Topic:
    return Topic(self._name(subscription))

  def state(self, subscription: Subscription, name: str, feed: FeedControl) -> SubscriptionState:
    worth = worth_in(self._markets, subscription.instrument)
    match subscription.channel:
      case "trades" if self._endpoint.aggregate or worth is not None:
        return AggregatedTradesState(subscription, name, worth)
      case "trades":
        return TradesState(subscription, name)
      case "orderbook":
        snapshots = snapshots_of(subscription.instrument, self._endpoint, worth)
        return BookState(subscription, name, feed, snapshots, worth)
      case "ticker" if ("stream", "stats") in subscription.options:
        read = read_stats if worth is None else read_stats_of_contracts
        return LatestValue(subscription, name, read)
      case "ticker":
        return QuotesState(subscription, name, worth)
      case "funding":
        return LatestValue(subscription, name, read_funding, silence=STEADY)
      case "liquidation":
        forced = read_liquidation if worth is None else liquidations_in(worth)
        return LatestValue(subscription, name, forced)
      case _:
        bars = read_candle if worth is None else candles_in(worth)
        return LatestCandles(subscription, name, bars)

  def _name(self, subscription: Subscription) -> str:
    options = dict(subscription.options)
    symbol = venue_symbol(subscription.instrument).lower()
    match subscription.channel:
      case "trades":
        joined = self._endpoint.aggregate or market_of(subscription.instrument) == COINM
        return f"{symbol}@{'aggTrade' if joined else 'trade'}"
      case "orderbook":
        return f"{symbol}@depth@100ms"
      case "ticker":
        return f"{symbol}@{'ticker' if options.get('stream') == 'stats' else 'bookTicker'}"
      case "funding":
        return f"{symbol}@markPrice@1s"
      case "liquidation":
        return f"{symbol}@forceOrder"
      case _:
        return f"{symbol}@kline_{options.get('interval', '1m')}"
