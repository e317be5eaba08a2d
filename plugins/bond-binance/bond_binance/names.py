"""Names in one word: the venue's own symbols are such, and its list says which assets they join.

Sources: Spot "Exchange information" (parameter symbols), USD-M "Exchange Information".
"""

from collections.abc import Mapping, Sequence

from bond_venuekit import NameList, NameRequest, readable

from bond_binance.endpoints import LISTING_WEIGHT, Connection
from bond_binance.messages import decode_listed, decode_listing
from bond_binance.refusals import INVALID_SYMBOL, read_error
from bond_binance.symbols import SPOT, instrument_of, market_of
from bond_core import Instrument
from bond_core.feeds import Response


def names_of(connection: Connection) -> NameList:
  """Where the names of a connection's markets are listed."""

  def requests(name: Instrument) -> Sequence[NameRequest]:
    market, weight = market_of(name), LISTING_WEIGHT[market_of(name)]
    if market != SPOT:
      return [NameRequest(connection.listing(market, None), market, weight)]
    symbols = (name.symbol, f"{name.symbol}USDT")
    return [NameRequest(connection.listing(SPOT, [s]), SPOT, weight) for s in symbols]

  return NameList(requests, read_names)


def read_names(name: Instrument, response: Response) -> Mapping[str, Instrument] | None:
  """The instruments in an answer of GET exchangeInfo; none where the symbol in the request does not
  exist, None for another error. Raises UNREADABLE."""
  if response.status != 200:
    fault = read_error(response.body)
    return {} if fault is not None and fault.code == INVALID_SYMBOL else None
  rows, _ = readable(decode_listing(response.body).symbols, decode_listed, "symbol")
  market = market_of(name)
  return {row.symbol: instrument_of(market, row.symbol, row.base, row.quote) for row in rows}
