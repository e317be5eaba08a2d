"""What a spec says to OKX's sources."""

from typing import ClassVar, Literal

import attrs

from bond_core.feeds import Subscription
from bond_core.venues import BooksOf, OnMarket, TickersOf, Venue, VenueSource
from bond_okx.endpoints import Connection
from bond_okx.symbols import EXCHANGE, read_symbol, spelling

Interval = Literal["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w"]
"""Those that have the same length everywhere; a month has not."""


@attrs.frozen(kw_only=True)
class _Source(VenueSource):
  """What all have."""

  venue: ClassVar[Venue] = Venue(EXCHANGE, "OKX", read_symbol, spelling)

  @property
  def connection(self) -> Connection:
    """The connection this source shares with its equals."""
    return Connection(self.endpoint)


@attrs.frozen(kw_only=True)
class Trades(_Source):
  """Trades; what one order took at one price comes as one."""

  market: OnMarket = "spot"

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("trades", i) for i in self.instruments(self.market)]


@attrs.frozen(kw_only=True)
class Books(_Source, BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change. The venue has 400 levels a side."""


@attrs.frozen(kw_only=True)
class Tickers(_Source, TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` last price and 24-hour volume,
  at most ten times a second."""


@attrs.frozen(kw_only=True)
class Funding(_Source):
  """The rate that a perpetual pays next, every 30 to 90 seconds; a spelling that leaves the market
  open means the perpetual."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("funding", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class OpenInterest(_Source):
  """Open contracts, in the base currency, every few seconds."""

  def subscriptions(self) -> list[Subscription]:
    """One stream an instrument."""
    return [Subscription("open_interest", i) for i in self.instruments("perp")]


@attrs.frozen(kw_only=True)
class Liquidations(_Source):
  """Liquidations, at most one an instrument and second, as the venue tells them."""

  def subscriptions(self) -> list[Subscription]:
    """One stream a family, which is cut to the instruments."""
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
