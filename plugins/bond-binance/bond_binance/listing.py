"""What the venue lists: a subscription that it cannot serve is refused, with the nearest spelling,
and what is paused is waited for.

Sources: Spot "Exchange information" and "Enums" (symbol status: BREAK is a market that is delisted,
or in an expected downtime), USD-M and COIN-M "Exchange Information" and "Common Definition".
"""

from bond_venuekit import ListPage, ListSource, MarketState, VenueMarkets, readable

from bond_binance.contracts import BinanceMarket
from bond_binance.endpoints import LISTING_WEIGHT, MAX_SYMBOLS_IN_URL, Connection
from bond_binance.messages import Listed, decode_listed, decode_listing
from bond_binance.symbols import (
  COINM,
  SPOT,
  USDM,
  VenueMarket,
  instrument_of,
  market_of,
  spelling,
  venue_symbol,
)
from bond_core.feeds import Fetch

ENDED = frozenset(("CLOSE", "DELIVERED"))
"""States that a contract does not come back from."""

_PLACES: dict[VenueMarket, str] = {
  SPOT: "on Binance spot",
  USDM: "among Binance's USD-M futures",
  COINM: "among Binance's COIN-M futures",
}


def binance_markets(connection: Connection) -> VenueMarkets[BinanceMarket]:
  """The lists of spot and futures. Nothing waits for them, since the venue accepts a stream of a
  symbol that does not exist and stays silent. Spot is asked for what is subscribed to, and for all
  of it once a symbol is wrong."""

  def request(family: str, symbols: list[str] | None, rest: str) -> Fetch:
    market = _market(family)
    url = connection.listing(market, symbols)
    return Fetch(url, "the list of markets", market, LISTING_WEIGHT[market])

  return VenueMarkets(
    ListSource(
      family=market_of,
      symbol=venue_symbol,
      request=request,
      read=read_markets,
      spelling=spelling,
      place=lambda family: _PLACES[_market(family)],
      by_name=lambda family: MAX_SYMBOLS_IN_URL if family == SPOT else 0,
    )
  )


def read_markets(family: str, body: bytes) -> ListPage[BinanceMarket]:
  """The markets in an answer of GET exchangeInfo. Raises UNREADABLE."""
  rows, unread = readable(decode_listing(body).symbols, decode_listed, "symbol")
  return ListPage([_market_of(family, row) for row in rows], unread=unread)


def _market_of(family: str, row: Listed) -> BinanceMarket:
  status = row.status or row.contract_status
  state: MarketState = "open" if status == "TRADING" else "paused"
  terms = {term: value for rule in row.filters for term, value in rule.terms()}
  if row.worth:
    terms["contract size"] = f"{row.worth:.15g}"
  return BinanceMarket(
    symbol=row.symbol,
    status=status,
    state="ended" if status in ENDED else state,
    written=spelling(instrument_of(_market(family), row.symbol, row.base, row.quote)),
    terms=terms,
    worth=row.worth if family == COINM else 0.0,
  )


def _market(family: str) -> VenueMarket:
  return SPOT if family == SPOT else COINM if family == COINM else USDM
