"""What a spec says to Hyperliquid's sources."""

from typing import Literal

import attrs
from bond_venuekit import (
  BooksOf,
  CandlesOf,
  FundingOf,
  OpenInterestOf,
  TickersOf,
  TradesOf,
  Venue,
)

from bond_hyperliquid.endpoints import Connection
from bond_hyperliquid.latest import FAST_LEVELS, SLOW_LEVELS
from bond_hyperliquid.symbols import EXCHANGE, TITLE, read_symbol, spelling

Interval = Literal[
  "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"
]  # fmt: skip

VENUE = Venue(
  exchange=EXCHANGE,
  title=TITLE,
  read=read_symbol,
  spelling=spelling,
  connection=Connection,
  lists_names=True,
)


@attrs.frozen(kw_only=True)
class Trades(TradesOf):
  """Trades, each by itself. A coin alone (BTC) is its perpetual, xyz:TSLA one of a builder's
  dex."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Books(BooksOf):
  """The best `depth` levels, or with `deltas` each book as it comes: whole, at most 20 levels a
  side. Up to 5 levels come twice a second, more of them every few seconds."""

  venue = VENUE
  most_levels = SLOW_LEVELS

  def options(self) -> tuple[tuple[str, str], ...]:
    fast = self.depth <= FAST_LEVELS and not self.deltas
    return (("levels", str(FAST_LEVELS if fast else SLOW_LEVELS)),)


@attrs.frozen(kw_only=True)
class Tickers(TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` mark and oracle price and 24-hour
  volume, at most once a second."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Funding(FundingOf):
  """The rate of the current hour as it changes; a symbol that leaves the market open is the
  perpetual."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class OpenInterest(OpenInterestOf):
  """Open contracts in the base currency, and their value by the mark price."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Candles(CandlesOf):
  """Bars of one length as they grow (`closed` false), and once more when the next one begins."""

  venue = VENUE

  interval: Interval = "1m"
