"""What the venue lists, read again while it is in use: contracts are subscribed to once it is known
what they are worth; everything else at once, since the venue refuses what it does not have.

Source: "Get instruments" (state: live, suspend, preopen, test, and others since; an instrument that
has ended is not listed; ctVal, ctMult, ctType, lotSz, tickSz), and "Instruments channel" (the whole
list when it is subscribed to, then the rows whose state changes, such as of a contract that is
suspended to be resized).
"""

import attrs
import msgspec
from bond_venuekit import ListedMarket, ListNews, ListPage, ListSource, VenueMarkets, readable

from bond_core import Instrument
from bond_core.feeds import Fetch, Subscription, own_words
from bond_okx.contracts import Contract, ContractOf, contract_of
from bond_okx.endpoints import PUBLIC, Connection
from bond_okx.requests import argument_of, encode_request, key_of
from bond_okx.symbols import SPOT, TITLE, family, spelling, venue_symbol

FIRST_SECONDS = 60.0
"""Until a list that nothing waits for is first read."""

OPEN = frozenset(("live", "post_only"))
"""States in which there are a book and trades, or will be at any time."""

_IN_CONTRACTS = ("trades", "orderbook", "liquidation")
"""Channels whose sizes are counted in contracts on derivatives; so are quotes."""

_NEWS = "instruments"

_PLACES = {SPOT: "on OKX spot", "SWAP": "among OKX's perpetuals", "FUTURES": "among OKX's futures"}


@attrs.frozen(kw_only=True)
class OkxMarket(ListedMarket):
  """A market and the contract that it trades; None on spot."""

  contract: Contract | None = None


class _Row(msgspec.Struct, gc=False, rename="camel"):
  """An instrument as it is listed."""

  inst_id: str
  state: str = "live"
  ct_val: str = ""
  ct_mult: str = ""
  ct_type: str = ""
  lot_sz: str = ""
  tick_sz: str = ""


class _Listing(msgspec.Struct):
  data: list[msgspec.Raw]
  code: str = "0"
  msg: str = ""


_read = msgspec.json.Decoder(_Listing).decode
_read_row = msgspec.json.Decoder(_Row).decode


def okx_markets(connection: Connection) -> VenueMarkets[OkxMarket]:
  """The lists of spot, perpetuals and dated contracts."""

  def request(kind: str, symbols: list[str] | None, rest: str) -> Fetch:
    return Fetch(connection.listing(kind), "the list of markets", PUBLIC)

  return VenueMarkets(
    ListSource(
      family=family,
      symbol=venue_symbol,
      request=request,
      read=read_markets,
      spelling=spelling,
      place=lambda kind: _PLACES[kind],
      first=FIRST_SECONDS,
      waits=needs_contract,
      news=news_of,
    )
  )


def contract_in(markets: VenueMarkets[OkxMarket], instrument: Instrument) -> ContractOf:
  """What gives the contract of an instrument; None on spot, and while it is not listed. It outlives
  a list that lacks it, since messages may still come."""
  known: Contract | None = None

  def contract() -> Contract | None:
    nonlocal known
    if (market := markets.listed(instrument)) is not None:
      known = market.contract
    return known

  return contract


def needs_contract(subscription: Subscription) -> bool:
  """Whether it has to be known what a contract is worth to read this subscription."""
  if family(subscription.instrument) == SPOT:
    return False
  return subscription.channel in _IN_CONTRACTS or ("stream", "quotes") in subscription.options


def news_of(kind: str) -> ListNews:
  """The channel of a family's list."""
  argument = argument_of(key_of(_NEWS, "instType", kind))
  return ListNews(f"{_NEWS}:{kind}", encode_request("subscribe", argument, 0))


def read_markets(kind: str, body: bytes) -> ListPage[OkxMarket]:
  """The markets in an answer of "Get instruments", or in a message of the channel; contracts
  without a worth, as some are before they open, are not among them, since their sizes mean nothing.
  Raises UNREADABLE."""
  listing = _read(body)
  if listing.code != "0":
    said = own_words(listing.msg, 200)
    raise ValueError(f"{TITLE} answers with code {listing.code}: {said}")
  rows, unread = readable(listing.data, _read_row, "instId")
  markets: list[OkxMarket] = []
  for row in rows:
    if (market := _market_of(kind, row)) is not None:
      markets.append(market)
    else:
      unread[row.inst_id] = f"it is not said what a contract is worth (state {row.state})"
  return ListPage(markets, unread=unread)


def _market_of(kind: str, row: _Row) -> OkxMarket | None:
  contract, terms = None, {"tick size": row.tick_sz, "lot size": row.lot_sz}
  if kind != SPOT:
    contract = contract_of(row.ct_val, row.ct_mult, row.lot_sz, inverse=row.ct_type == "inverse")
    if contract is None:
      return None
    terms["contract size"] = f"{contract.worth:.15g}"
  return OkxMarket(
    symbol=row.inst_id,
    status=row.state,
    state="open" if row.state in OPEN else "paused",
    terms=terms,
    contract=contract,
  )
