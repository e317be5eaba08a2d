"""The sources of a venue: what specs say to them, and one table that makes them.

A venue's plugin derives its configurations from `TradesOf`, `BooksOf` and their like, reads
symbols with the functions here, and hands `venue_sources` one row a channel. The feed beneath them
is made of bond_core.venues, and of the states here: `NumberedTrades`, `LatestValue`, and of books
`SubscribedBook` where the snapshot comes on the connection, `FetchedBook` where it is fetched.
docs/write-a-venue.md builds all of it.
"""

from bond_venuekit.apart import readable, rows_of, take_apart
from bond_venuekit.book_sync import BookSync, Need, Update
from bond_venuekit.checksum import digits_crc32, interleaved_crc32
from bond_venuekit.config import (
  BooksOf,
  CandlesOf,
  FundingOf,
  LiquidationsOf,
  OnMarket,
  OpenInterestOf,
  TickersOf,
  TradesOf,
  Venue,
  VenueChannel,
  VenueSource,
)
from bond_venuekit.connection_numbers import NumberedConnectionFeed, as_they_come
from bond_venuekit.fetched_book import FetchedBook, SnapshotSource
from bond_venuekit.forming import FormingCandles, ReadCandles
from bond_venuekit.kept_lists import HINTS, Unlisted, keep, kept_list, unlisted
from bond_venuekit.latest import LatestCandles, LatestValue, Order, ReadLatest
from bond_venuekit.market_list import (
  ListedMarket,
  ListNews,
  ListPage,
  ListSource,
  MarketState,
  VenueMarkets,
)
from bond_venuekit.names import NamedFeed, NameList, NameRequest, is_name
from bond_venuekit.numbered import LEAP, NumberedState, witnesses
from bond_venuekit.reading import (
  Side,
  amount,
  amount_or_none,
  fraction_or_none,
  price_or_none,
  read_side,
  request_number,
)
from bond_venuekit.sequence import (
  Ids,
  SequenceRule,
  Verdict,
  contiguous,
  linked_ranges,
  previous_id,
)
from bond_venuekit.sides import opposite
from bond_venuekit.sources import VenueRow, venue_sources
from bond_venuekit.subscribed_book import SubscribedBook
from bond_venuekit.symbols import (
  SettledIn,
  check_contract,
  check_kind,
  check_settlement,
  inverse_in_usd,
  parts_of,
  settled_in_quote,
  unified_symbol,
  with_settlement,
)
from bond_venuekit.times import Time, time_or_none
from bond_venuekit.trades import NumberedTrades
from bond_venuekit.unnumbered import UnnumberedTrades
from bond_venuekit.views import view_of_books, view_of_tickers

__all__ = [
  "HINTS",
  "LEAP",
  "BookSync",
  "BooksOf",
  "CandlesOf",
  "FetchedBook",
  "FormingCandles",
  "FundingOf",
  "Ids",
  "LatestCandles",
  "LatestValue",
  "LiquidationsOf",
  "ListNews",
  "ListPage",
  "ListSource",
  "ListedMarket",
  "MarketState",
  "NameList",
  "NameRequest",
  "NamedFeed",
  "Need",
  "NumberedConnectionFeed",
  "NumberedState",
  "NumberedTrades",
  "OnMarket",
  "OpenInterestOf",
  "Order",
  "ReadCandles",
  "ReadLatest",
  "SequenceRule",
  "SettledIn",
  "Side",
  "SnapshotSource",
  "SubscribedBook",
  "TickersOf",
  "Time",
  "TradesOf",
  "Unlisted",
  "UnnumberedTrades",
  "Update",
  "Venue",
  "VenueChannel",
  "VenueMarkets",
  "VenueRow",
  "VenueSource",
  "Verdict",
  "amount",
  "amount_or_none",
  "as_they_come",
  "check_contract",
  "check_kind",
  "check_settlement",
  "contiguous",
  "digits_crc32",
  "fraction_or_none",
  "interleaved_crc32",
  "inverse_in_usd",
  "is_name",
  "keep",
  "kept_list",
  "linked_ranges",
  "opposite",
  "parts_of",
  "previous_id",
  "price_or_none",
  "read_side",
  "readable",
  "request_number",
  "rows_of",
  "settled_in_quote",
  "take_apart",
  "time_or_none",
  "unified_symbol",
  "unlisted",
  "venue_sources",
  "view_of_books",
  "view_of_tickers",
  "with_settlement",
  "witnesses",
]
