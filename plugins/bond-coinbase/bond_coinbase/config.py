"""What a spec says to Coinbase's sources."""

from typing import ClassVar, Literal

import attrs
from bond_venuekit import BooksOf, CandlesOf, OnMarket, TradesOf, Venue, VenueSource

from bond_coinbase.endpoints import Connection
from bond_coinbase.symbols import EXCHANGE, TITLE, read_symbol, spelling

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
  """Trades, each by itself, a few times a second."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Books(BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot of the whole book and then every change."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Tickers(VenueSource):
  """Last price, best bid and ask and 24-hour volume, as trades are made."""

  venue = VENUE
  channel = "ticker"

  market: ClassVar[OnMarket] = "spot"


@attrs.frozen(kw_only=True)
class Candles(CandlesOf):
  """Bars of five minutes, which are all that the venue has, as they grow (`closed` false), and once
  more when the next one begins."""

  venue = VENUE

  interval: Literal["5m"] = "5m"
