"""What the venue lists, and whether it is traded. Nothing is subscribed to before that is known.

A product in USDC mostly is the one in USD under another name (`alias`): what comes for it is that
one's data, so it is refused with the name to write. Source: "List Public Products" (status,
is_disabled, trading_disabled, view_only, alias) and "WebSocket Channels".
"""

from collections.abc import Mapping, Sequence

import msgspec
from bond_venuekit import (
  ListedMarket,
  ListPage,
  ListSource,
  MarketState,
  NameList,
  NameRequest,
  VenueMarkets,
  readable,
)

from bond_coinbase.endpoints import PUBLIC, Connection
from bond_coinbase.symbols import EXCHANGE, TITLE, product_id, spelling
from bond_core import Instrument
from bond_core.feeds import Fetch, Response


class _Row(
  msgspec.Struct,
  gc=False,
  rename={
    "base": "base_currency_id",
    "quote": "quote_currency_id",
    "disabled": "is_disabled",
    "tick": "quote_increment",
    "lot": "base_increment",
  },
):
  product_id: str
  base: str
  quote: str
  status: str = "online"
  disabled: bool = False
  trading_disabled: bool = False
  view_only: bool = False
  alias: str = ""
  tick: str = ""
  lot: str = ""
  product_type: str = "SPOT"


class _Products(msgspec.Struct):
  products: list[msgspec.Raw]


_read = msgspec.json.Decoder(_Products).decode
_read_row = msgspec.json.Decoder(_Row).decode


def coinbase_markets(connection: Connection) -> VenueMarkets[ListedMarket]:
  """The list of a connection's products."""

  def request(family: str, symbols: list[str] | None, rest: str) -> Fetch:
    return Fetch(connection.products, "the list of markets", PUBLIC)

  return VenueMarkets(
    ListSource(
      family=lambda instrument: EXCHANGE,
      symbol=product_id,
      request=request,
      read=read_markets,
      spelling=spelling,
      place=lambda family: f"on {TITLE}",
      waits=lambda subscription: True,
    )
  )


def read_markets(family: str, body: bytes) -> ListPage[ListedMarket]:
  """The markets in an answer of "List Public Products". Raises UNREADABLE."""
  rows, unread = readable(_read(body).products, _read_row, "product_id")
  markets = [_market_of(row) for row in rows if row.product_type == "SPOT"]
  return ListPage(markets, unread=unread)


def _market_of(row: _Row) -> ListedMarket:
  state: MarketState = "open"
  status = row.status or "online"
  if status == "delisted":
    state = "ended"
  elif status != "online" or row.disabled or row.trading_disabled or row.view_only:
    state = "paused"
    if status == "online":
      status = "trading disabled"
  return ListedMarket(
    symbol=row.product_id,
    written=f"{row.base}/{row.quote}",
    status=status,
    state=state,
    instead=row.alias.replace("-", "/"),
    terms={"tick size": row.tick, "lot size": row.lot},
  )


def names_of(connection: Connection) -> NameList:
  """Where names in one word are listed, such as DOTUSD."""

  def requests(name: Instrument) -> Sequence[NameRequest]:
    return [NameRequest(connection.products, PUBLIC)]

  return NameList(requests, read_names)


def read_names(name: Instrument, response: Response) -> Mapping[str, Instrument] | None:
  """The instruments in an answer of "List Public Products"; None for an error. Raises
  UNREADABLE."""
  if response.status != 200:
    return None
  rows, _ = readable(_read(response.body).products, _read_row, "product_id")
  return {row.base + row.quote: name._replace(symbol=f"{row.base}/{row.quote}") for row in rows}
