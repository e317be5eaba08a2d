"""What a spec says to Bybit's sources."""

from typing import ClassVar, Literal

import attrs

from bond_bybit.endpoints import Connection
from bond_bybit.symbols import EXCHANGE, read_symbol, spelling
from bond_core.feeds import Subscription
from bond_core.venues import BooksOf, OnMarket, TickersOf, Venue, VenueSource

Interval = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w", "1M"]


@attrs.frozen(kw_only=True)
class _Source(VenueSource):
  """What all have."""

  venue: ClassVar[Venue] = Venue(EXCHANGE, "Bybit", read_symbol, spelling)

  @property
  def connection(self) -> Connection:
    """The connection this source shares with its equals."""
    return Connection(self.endpoint)


@attrs.frozen(kw_only=True)
class Trades(_Source):
  """Trades, each by itself."""

  market: OnMarket = "spot"

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("trades", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class Books(_Source, BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change of the best 200 levels."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument, deep enough; depth and pace are the reader's own view."""
    options = (("levels", str(self._levels())),)
    return [Subscription("orderbook", i, options) for i in self.instruments(self.market)]

  def _levels(self) -> int:
    """The venue has books of 50, 200 and 1,000 levels, told every 20, 100 and 200 ms."""
    if self.deltas:
      return 200
    return next(levels for levels in (50, 200, 1000) if self.depth <= levels)


@attrs.frozen(kw_only=True)
class Tickers(_Source, TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` last, mark and index price and
  24-hour volume, at most twenty times a second."""


@attrs.frozen(kw_only=True)
class Funding(_Source):
  """The rate that a perpetual pays next, as it changes; a spelling that leaves the market open
  means the perpetual."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("funding", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class OpenInterest(_Source):
  """Open contracts in the base currency, and their value in the quote."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("open_interest", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Liquidations(_Source):
  """Liquidations, all of them."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("liquidation", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Candles(_Source):
  """Bars of one length, also the unfinished one as it grows (`closed` false)."""

  market: OnMarket = "spot"
  interval: Interval = "1m"

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    options = (("interval", self.interval),)
    return [Subscription("candle", i, options) for i in self.instruments(self.market)]
