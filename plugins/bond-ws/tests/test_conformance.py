"""What every feed must do, of any websocket's."""

import msgspec
from bond_ws.config import Custom
from bond_ws.feed import Connection, WsFeed
from bond_ws.rules import Rule
from bond_ws.sources import SOURCES

from bond_core.testing import FeedConformance

SETTINGS = Custom(
  url="wss://ws.example.com/",
  send=[{"op": "subscribe"}],
  map=[
    Rule(
      emit="trade",
      where={"e": "t"},
      symbol="s",
      time="T",
      fields={"price": "p", "size": "q", "side": "d", "trade_id": "i"},
    )
  ],
)


class TestFeed(FeedConformance):
  def feed(self):
    return WsFeed(Connection(SETTINGS))

  def subscriptions(self):
    return list(SOURCES[0].subscriptions(SETTINGS))

  def session(self):
    message = {"e": "t", "s": "BTC-USD", "T": 1700000000123, "p": "42.5", "q": 1, "d": "Buy"}
    return [msgspec.json.encode(message | {"i": number}) for number in range(12)]

  def test_a_message_that_two_connections_carry_becomes_one_event(self):
    """There is never a second one: nothing tells what it would repeat."""
    assert self.feed().limits("ws-custom").max_age is None
