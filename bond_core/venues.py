"""Venues: a feed and its sources from parts. A plugin adds only what is the venue's own.

`TopicFeed` is a Feed for venues whose subscriptions are topics, made of parts (`Topics`,
`RequestForm`, a function that reads answers). Each subscription has a state of its own:
`NumberedTrades`, `LatestValue`, `SubscribedBook`, `FetchedBook`, or another `SubscriptionState`.
`venue_sources` makes the sources that specs name from one table. docs/write-a-venue.md builds one.
"""

from bond_core._venues.answers import (
  Answer,
  Confirmed,
  Denied,
  ReadAnswer,
  TopicMessage,
  Unknown,
  request_number,
)
from bond_core._venues.config import (
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
from bond_core._venues.fetched_book import FetchedBook, SnapshotSource
from bond_core._venues.latest import LatestValue, Order, ReadLatest
from bond_core._venues.parts import Explain, FeedControl, MarketList, Topics
from bond_core._venues.reading import (
  UNREADABLE,
  Amount,
  Number,
  Side,
  amount,
  amount_or_none,
  fraction_or_none,
  opposite,
  read_side,
  time_or_none,
)
from bond_core._venues.requests import EncodeRequest, Operation, RequestForm
from bond_core._venues.sources import VenueRow, venue_sources
from bond_core._venues.state import SECOND, SubscriptionState
from bond_core._venues.subscribed_book import SubscribedBook
from bond_core._venues.symbols import (
  SettledIn,
  check_contract,
  check_kind,
  check_settlement,
  inverse_in_usd,
  settled_in_quote,
  unified_symbol,
)
from bond_core._venues.topic import Take, Topic
from bond_core._venues.topic_feed import TopicFeed
from bond_core._venues.trades import NumberedTrades
from bond_core._venues.undecodable import undecodable_gap
from bond_core._venues.views import view_of_books, view_of_tickers

__all__ = [
  "SECOND",
  "UNREADABLE",
  "Amount",
  "Answer",
  "BooksOf",
  "CandlesOf",
  "Confirmed",
  "Denied",
  "EncodeRequest",
  "Explain",
  "FeedControl",
  "FetchedBook",
  "FundingOf",
  "LatestValue",
  "LiquidationsOf",
  "MarketList",
  "Number",
  "NumberedTrades",
  "OnMarket",
  "OpenInterestOf",
  "Operation",
  "Order",
  "ReadAnswer",
  "ReadLatest",
  "RequestForm",
  "SettledIn",
  "Side",
  "SnapshotSource",
  "SubscribedBook",
  "SubscriptionState",
  "Take",
  "TickersOf",
  "Topic",
  "TopicFeed",
  "TopicMessage",
  "Topics",
  "TradesOf",
  "Unknown",
  "Venue",
  "VenueChannel",
  "VenueRow",
  "VenueSource",
  "amount",
  "amount_or_none",
  "check_contract",
  "check_kind",
  "check_settlement",
  "fraction_or_none",
  "inverse_in_usd",
  "opposite",
  "read_side",
  "request_number",
  "settled_in_quote",
  "time_or_none",
  "undecodable_gap",
  "unified_symbol",
  "venue_sources",
  "view_of_books",
  "view_of_tickers",
]
