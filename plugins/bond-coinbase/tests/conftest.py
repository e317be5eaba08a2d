from datetime import UTC, datetime

import pytest
from bond_coinbase.feed import coinbase_feed
from bond_venuekit.testing import ScriptedVenue, frame_of


def product(name, **more):
  base, _, quote = name.partition("-")
  row = {"product_id": name, "base_currency_id": base, "quote_currency_id": quote}
  row |= {"status": "online", "product_type": "SPOT", "quote_increment": "0.01"}
  return row | {"base_increment": "0.00000001", "trading_disabled": False} | more


LISTED = [
  product("BTC-USD", alias_to=["BTC-USDC"]),
  product("ETH-USD"),
  product("DOT-USD"),
  product("BTC-USDC", alias="BTC-USD"),
  product("BIP-20DEC30-CDE", product_type="FUTURE"),
]


def rfc3339(ms):
  return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}964855Z"


class Venue(ScriptedVenue):
  """A Coinbase of our own making: it lists LISTED, answers requests, and numbers what it says."""

  def __init__(self, *sources, listed=None, answers=True):
    self.listed = LISTED if listed is None else listed
    self.answers = answers
    self.numbers = {}
    super().__init__(*sources)
    self.subscriptions = self.groups["public"]

  def make(self, connection):
    return coinbase_feed(connection)

  def open(self, connection, group=None, *, overlap=False):
    self.numbers[connection] = 0
    return super().open(connection, group, overlap=overlap)

  def on_fetch(self, fetch):
    return {"products": self.listed, "num_products": len(self.listed)}

  def on_request(self, request, connection):
    if self.answers:
      yield self.frame("subscriptions", [{"subscriptions": {}}], connection)

  def frame(self, channel, events, connection=1):
    number, self.numbers[connection] = self.numbers[connection], self.numbers[connection] + 1
    message = {"channel": channel, "client_id": "", "timestamp": rfc3339(self.now_ms)}
    return frame_of(message | {"sequence_num": number, "events": events})

  def say(self, channel, events, connection=1):
    """The events of a message of the venue."""
    return self.hear(self.frame(channel, events, connection), on=connection)

  def skip(self, count=1, connection=1):
    """Messages that do not come."""
    self.numbers[connection] += count


@pytest.fixture
def venue():
  return Venue
