"""What a spec says to Binance's sources."""

from typing import Literal, get_args

import attrs
from bond_venuekit import BooksOf, CandlesOf, FundingOf, LiquidationsOf, TickersOf, TradesOf, Venue

from bond_binance.endpoints import DATA_ONLY, Connection
from bond_binance.symbols import EXCHANGE, SPOT, TITLE, market_of, read_symbol, settled_in, spelling

Interval = Literal[
  "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]
FUTURES_INTERVALS = tuple(interval for interval in get_args(Interval) if interval != "1s")
"""Futures document no candles of one second (USD-M "Kline/Candlestick Streams")."""

VENUE = Venue(
  exchange=EXCHANGE,
  title=TITLE,
  read=read_symbol,
  spelling=spelling,
  connection=Connection,
  settled_in=settled_in,
  lists_names=True,
  endpoints=(DATA_ONLY,),
  endpoint_hint=(
    f"{DATA_ONLY} for Binance's hosts of public spot data, or leave it out for Binance itself"
  ),
)


@attrs.frozen(kw_only=True)
class Trades(TradesOf):
  """Trades; `aggregate` joins what one order took at one price, as COIN-M does always."""

  venue = VENUE

  aggregate: bool = False

  @property
  def connection(self) -> Connection:
    return Connection(self.endpoint, self.aggregate)


@attrs.frozen(kw_only=True)
class Books(BooksOf):
  """The best `depth` levels at most every `speed_ms` (0: after every update), or with `deltas` a
  snapshot and then every change."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Tickers(TickersOf):
  """`quotes` are the best bid and ask as they change, `stats` last price and 24-hour volume once a
  second (each two on futures)."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Funding(FundingOf):
  """Funding rate, mark and index price of futures, each second; a symbol that leaves the market
  open is the perpetual."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Liquidations(LiquidationsOf):
  """Forced orders on futures, one of each second and symbol, as the venue sends them: the largest
  on USD-M, the latest on COIN-M."""

  venue = VENUE


@attrs.frozen(kw_only=True)
class Candles(CandlesOf):
  """Bars of one length, also the unfinished one as it grows (`closed` false)."""

  venue = VENUE

  interval: Interval = attrs.field(default="1m")

  @interval.validator
  def _check_interval(self, attribute: "attrs.Attribute[str]", value: str) -> None:
    if value in FUTURES_INTERVALS:
      return
    if any(market_of(self.instrument(text)) != SPOT for text in self.symbols):
      raise ValueError(f"Binance futures have no candles of {value}; the shortest are of 1m")
