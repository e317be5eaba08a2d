"""What the venue lists, read again while it is in use. Nothing waits for it, since the venue itself
refuses to subscribe to what it does not have.

Source: "Get Instruments Info" (1,000 rows a page at most, spot has one page; only what is traded,
unless another status is requested) and "Enums" (status).
"""

from typing import Final
from urllib.parse import quote

import msgspec
from bond_venuekit import (
  ListedMarket,
  ListPage,
  ListSource,
  MarketState,
  VenueMarkets,
  readable,
)

from bond_bybit.endpoints import Connection
from bond_bybit.symbols import SPOT, TITLE, category, spelling, venue_symbol
from bond_core.feeds import Fetch, own_words

FIRST_SECONDS = 60.0
"""Until a list is first read."""

PRE_MARKET: Final = "PreLaunch"
"""Contracts before their launch, which may be traded already."""

_STATES: dict[str, MarketState] = {"Trading": "open", PRE_MARKET: "open", "Closed": "ended"}


class _Steps(msgspec.Struct, gc=False, frozen=True):
  """The steps of prices or sizes, as the categories name them."""

  tickSize: str = ""  # noqa: N815 - the venue's name
  qtyStep: str = ""  # noqa: N815
  basePrecision: str = ""  # noqa: N815


_NONE = _Steps()


class _Row(msgspec.Struct, gc=False, rename={"price": "priceFilter", "lot": "lotSizeFilter"}):
  symbol: str
  status: str = "Trading"
  price: _Steps = _NONE
  lot: _Steps = _NONE


class _List(msgspec.Struct, rename={"rows": "list", "cursor": "nextPageCursor"}):
  rows: list[msgspec.Raw] = []
  cursor: str = ""


class _Answer(msgspec.Struct, rename={"code": "retCode", "message": "retMsg"}):
  code: int
  result: _List
  message: str = ""


_read = msgspec.json.Decoder(_Answer).decode
_read_row = msgspec.json.Decoder(_Row).decode


def bybit_markets(connection: Connection) -> VenueMarkets[ListedMarket]:
  """The lists of the categories."""

  def request(group: str, symbols: list[str] | None, rest: str) -> Fetch:
    return Fetch(connection.markets(group) + rest, "the list of markets", group)

  return VenueMarkets(
    ListSource(
      family=category,
      symbol=venue_symbol,
      request=request,
      read=read_markets,
      spelling=spelling,
      place=lambda group: f"on {TITLE} {group}",
      first=FIRST_SECONDS,
    )
  )


def read_markets(group: str, body: bytes) -> ListPage[ListedMarket]:
  """The markets in an answer of "Get Instruments Info", and what the request for the next ones ends
  with. Raises UNREADABLE."""
  answer = _read(body)
  if answer.code != 0:
    said = own_words(answer.message, 200)
    raise ValueError(f"{TITLE} answers with code {answer.code}: {said}")
  rows, unread = readable(answer.result.rows, _read_row, "symbol")
  cursor = quote(answer.result.cursor)
  rest = f"&cursor={cursor}" if cursor else ""
  if group != SPOT and rows:
    if rows[0].status == PRE_MARKET:
      rest = f"&status={PRE_MARKET}{rest}" if rest else ""
    else:
      rest = rest or f"&status={PRE_MARKET}"
  return ListPage([_market_of(row) for row in rows], rest, unread)


def _market_of(row: _Row) -> ListedMarket:
  lot = row.lot.qtyStep or row.lot.basePrecision
  return ListedMarket(
    symbol=row.symbol,
    status=row.status,
    state=_STATES.get(row.status, "paused"),
    terms={"tick size": row.price.tickSize, "lot size": lot},
  )
