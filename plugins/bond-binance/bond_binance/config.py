"""What a spec says to Binance's sources."""

from typing import ClassVar, Literal, get_args

import attrs

from bond_binance.endpoints import DATA_ONLY, Connection
from bond_binance.symbols import EXCHANGE, USDM, market_of, read_symbol, spelling
from bond_core.feeds import Subscription
from bond_core.venues import BooksOf, OnMarket, TickersOf, Venue, VenueSource

Interval = Literal[
  "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]
FUTURES_INTERVALS = tuple(interval for interval in get_args(Interval) if interval != "1s")
"""Futures document no candles of one second (USD-M "Kline/Candlestick Streams")."""


@attrs.frozen(kw_only=True)
class _Source(VenueSource):
  """What all have."""

  venue: ClassVar[Venue] = Venue(
    EXCHANGE,
    "Binance",
    read_symbol,
    spelling,
    places=(DATA_ONLY,),
    or_else=(
      f"{DATA_ONLY} for Binance's hosts of public spot data, or leave it out for Binance itself"
    ),
  )

  @property
  def connection(self) -> Connection:
    """The connection this source shares with its equals."""
    return Connection(self.endpoint)


@attrs.frozen(kw_only=True)
class Trades(_Source):
  """Trades; `aggregate` joins what one order took at one price."""

  market: OnMarket = "spot"
  aggregate: bool = False

  @property
  def connection(self) -> Connection:
    return Connection(self.endpoint, self.aggregate)

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("trades", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class Books(_Source, BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change."""


@attrs.frozen(kw_only=True)
class Tickers(_Source, TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` last price and 24-hour volume once a
  second (each two on futures)."""


@attrs.frozen(kw_only=True)
class Funding(_Source):
  """Funding rate, mark and index price of futures, each second; a spelling that leaves the market
  open means the perpetual."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("funding", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Liquidations(_Source):
  """Forced orders on futures: the largest of each second and symbol, as the venue sends them."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("liquidation", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Candles(_Source):
  """Bars of one length, also the unfinished one as it grows (`closed` false)."""

  market: OnMarket = "spot"
  interval: Interval = attrs.field(default="1m")

  @interval.validator
  def _check_interval(self, attribute: "attrs.Attribute[str]", value: str) -> None:
    if value in FUTURES_INTERVALS:
      return
    if any(market_of(instrument) == USDM for instrument in self.instruments(self.market)):
      raise ValueError(f"Binance futures have no candles of {value}; the shortest are of 1m")

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    options = (("interval", self.interval),)
    return [Subscription("candle", i, options) for i in self.instruments(self.market)]
