"""Venues: what feeds of venues have in common, without I/O. A plugin adds only its dialect.

`TopicFeed` subscribes with messages on the open socket; each subscription has a state of its own
(`SubscriptionState`): numbered trades, latest values, subscribed books.
"""

from bond_core._venues.config import BooksOf, OnMarket, TickersOf, Venue, VenueSource, view_of_books
from bond_core._venues.latest import LatestFromMessage, LatestValue, Order, ReadLatest
from bond_core._venues.reading import (
  UNREADABLE,
  Amount,
  Number,
  amount,
  amount_or_none,
  fraction_or_none,
  time_or_none,
)
from bond_core._venues.state import SECOND, SubscriptionState
from bond_core._venues.subscribed_book import SubscribedBook
from bond_core._venues.tickers import view_of_tickers
from bond_core._venues.topic import Topic
from bond_core._venues.topic_feed import OpenConnection, TopicFeed
from bond_core._venues.trades import NumberedTrades
from bond_core._venues.undecodable import undecodable_gap

__all__ = [
  "SECOND",
  "UNREADABLE",
  "Amount",
  "BooksOf",
  "LatestFromMessage",
  "LatestValue",
  "Number",
  "NumberedTrades",
  "OnMarket",
  "OpenConnection",
  "Order",
  "ReadLatest",
  "SubscribedBook",
  "SubscriptionState",
  "TickersOf",
  "Topic",
  "TopicFeed",
  "Venue",
  "VenueSource",
  "amount",
  "amount_or_none",
  "fraction_or_none",
  "time_or_none",
  "undecodable_gap",
  "view_of_books",
  "view_of_tickers",
]
