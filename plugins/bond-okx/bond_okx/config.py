"""What a spec says to OKX's sources."""

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

from bond_okx.endpoints import Connection
from bond_okx.symbols import EXCHANGE, TITLE, read_symbol, settled_in, spelling

Interval = Literal["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "1w"]
"""Those of a fixed length; a month has none."""

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
  """Trades; what one order took at one price comes as one."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Books(BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change. The venue has 400 levels a side."""

  venue = VENUE
  most_levels = 400


@attrs.frozen(kw_only=True)
class Tickers(TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` last price and 24-hour volume,
  at most ten times a second."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Funding(FundingOf):
  """The rate that a perpetual pays next, every 30 to 90 seconds; a symbol that leaves the market
  open is the perpetual."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class OpenInterest(OpenInterestOf):
  """Open contracts, in the base currency, every few seconds."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Liquidations(LiquidationsOf):
  """Liquidations, at most one an instrument and second, as the venue sends them."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Candles(CandlesOf):
  """Bars of one length, also the unfinished one as it grows (`closed` false)."""

  venue = VENUE

  interval: Interval = "1m"
