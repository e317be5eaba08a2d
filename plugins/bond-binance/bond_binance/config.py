"""What a spec says to Binance's sources."""

from typing import Any, Literal, get_args

import attrs

from bond_binance.endpoints import DATA_ONLY, Connection
from bond_binance.symbols import EXCHANGE, USDM, market_of, read_symbol, spelling
from bond_core.feed.dialect import Subscription
from bond_core.instruments import Instrument
from bond_core.venue.config import (
  check_deltas,
  check_depth,
  check_endpoint,
  check_kinds,
  check_speed,
  check_symbols,
  without_slash,
)

Interval = Literal[
  "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]
FUTURES_INTERVALS = tuple(interval for interval in get_args(Interval) if interval != "1s")
"""Futures document no candles of one second (USD-M "Kline/Candlestick Streams")."""

OnMarket = Literal["spot", "perp"]


def _check_symbols(config: Any, attribute: "attrs.Attribute[list[str]]", value: list[str]) -> None:
  market = getattr(config, "market", "perp")

  def read(text: str) -> tuple[Instrument, str]:
    instrument = read_symbol(text).on(EXCHANGE, market)
    return instrument, spelling(instrument)

  check_symbols(value, read)


def _check_endpoint(
  config: Any, attribute: "attrs.Attribute[str | None]", value: str | None
) -> None:
  if value not in (None, DATA_ONLY):
    check_endpoint(
      str(value),
      f"{DATA_ONLY} for Binance's hosts of public spot data, or leave it out for Binance itself",
    )


@attrs.frozen(kw_only=True)
class _Source:
  """What all have. `endpoint` is None for Binance itself."""

  symbols: list[str] = attrs.field(validator=_check_symbols)
  endpoint: str | None = attrs.field(
    default=None, converter=without_slash, validator=_check_endpoint, metadata={"trusted": True}
  )

  @property
  def connection(self) -> Connection:
    """The connection this source shares with its equals."""
    return Connection(self.endpoint)

  def instruments(self, market: str) -> list[Instrument]:
    """The instruments meant; `market` serves where a spelling leaves it open."""
    return [read_symbol(text).on(EXCHANGE, market) for text in self.symbols]


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
class Books(_Source):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change."""

  market: OnMarket = "spot"
  depth: int = attrs.field(default=20, validator=check_depth)
  speed_ms: int = attrs.field(default=100, validator=check_speed)
  deltas: bool = attrs.field(default=False, validator=check_deltas)

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument; depth and pace are the reader's own view."""
    return [Subscription("orderbook", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class Tickers(_Source):
  """`quotes` are the best bid and ask as they change, `stats` last price and 24-hour volume once a
  second (each two on futures)."""

  market: OnMarket = "spot"
  quotes: bool = attrs.field(default=True)
  stats: bool = attrs.field(default=True)

  @stats.validator
  def _check_stats(self, attribute: "attrs.Attribute[bool]", value: bool) -> None:
    check_kinds((self.quotes, value), "quotes and stats")

  def subscriptions(self) -> list[Subscription]:
    """Up to two streams an instrument."""
    kinds = [kind for kind, wanted in (("quotes", self.quotes), ("stats", self.stats)) if wanted]
    return [
      Subscription("ticker", instrument, (("stream", kind),))
      for instrument in self.instruments(self.market)
      for kind in kinds
    ]


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
