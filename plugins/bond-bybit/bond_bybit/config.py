"""What a spec says to Bybit's sources."""

from typing import Literal

import attrs
from bond_venuekit import (
  BooksOf,
  CandlesOf,
  FundingOf,
  LiquidationsOf,
  OpenInterestOf,
  TickersOf,
  TradesOf,
  Venue,
)

from bond_bybit.endpoints import Connection
from bond_bybit.symbols import EXCHANGE, TITLE, read_symbol, settled_in, spelling

Interval = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w", "1M"]

VENUE = Venue(
  exchange=EXCHANGE,
  title=TITLE,
  read=read_symbol,
  spelling=spelling,
  connection=Connection,
  settled_in=settled_in,
  lists_names=True,
)


@attrs.frozen(kw_only=True)
class Trades(TradesOf):
  """Trades, each by itself."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Books(BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change of the best 200 levels."""

  venue = VENUE

  def options(self) -> tuple[tuple[str, str], ...]:
    return (("levels", str(self._levels())),)

  def _levels(self) -> int:
    """The venue has books of 50, 200 and 1,000 levels, sent every 20, 100 and 200 ms."""
    if self.deltas:
      return 200
    return next(levels for levels in (50, 200, 1000) if self.depth <= levels)


@attrs.frozen(kw_only=True)
class Tickers(TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` last, mark and index price and
  24-hour volume, at most twenty times a second."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Funding(FundingOf):
  """The rate that a perpetual pays next, as it changes; a symbol that leaves the market open is the
  perpetual."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class OpenInterest(OpenInterestOf):
  """Open contracts in the base currency, and their value in the quote."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Liquidations(LiquidationsOf):
  """Liquidations, all of them."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Candles(CandlesOf):
  """Bars of one length, also the unfinished one as it grows (`closed` false)."""

  venue = VENUE

  interval: Interval = "1m"
