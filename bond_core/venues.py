"""Venues: a feed from parts. A plugin adds only what is the venue's own.

`TopicFeed` is a Feed for venues whose subscriptions are topics, made of parts (`Topics`,
`RequestForm`, a function that reads answers). Each subscription has a state of its own, a
`SubscriptionState`; the usual ones are in a library. docs/write-a-venue.md builds one, and its
sources.
"""

from bond_core._venues.answers import (
  Answer,
  Confirmed,
  Denied,
  ReadAnswer,
  TopicMessage,
  Unknown,
)
from bond_core._venues.parts import Explain, FeedControl, KeyOf, MarketList, Topics
from bond_core._venues.reading import (
  UNREADABLE,
  Amount,
  Number,
)
from bond_core._venues.requests import EncodeRequest, Operation, RequestForm
from bond_core._venues.state import SECOND, SubscriptionState
from bond_core._venues.topic import Take, Topic
from bond_core._venues.topic_feed import TopicFeed

__all__ = [
  "SECOND",
  "UNREADABLE",
  "Amount",
  "Answer",
  "Confirmed",
  "Denied",
  "EncodeRequest",
  "Explain",
  "FeedControl",
  "KeyOf",
  "MarketList",
  "Number",
  "Operation",
  "ReadAnswer",
  "RequestForm",
  "SubscriptionState",
  "Take",
  "Topic",
  "TopicFeed",
  "TopicMessage",
  "Topics",
  "Unknown",
]
