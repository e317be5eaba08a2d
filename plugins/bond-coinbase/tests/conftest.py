import json
from datetime import UTC, datetime

import pytest
from bond_coinbase.feed import coinbase_feed

from bond_core.feeds import Fetch, Moment, Response, Send


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


class Venue:
  """A Coinbase of our own making, seen from the feed: it lists LISTED, answers requests, numbers
  what it says, and says what a test makes it say. `asked` are the requests it was sent."""

  def __init__(self, *sources, listed=None, answers=True):
    self.feed = coinbase_feed(sources[0].connection)
    self.listed = LISTED if listed is None else listed
    self.answers = answers
    self.now_ms = 1_790_000_000_000
    self.asked, self.other, self.numbers = [], [], {}
    self.subscriptions = [s for source in sources for s in source.subscriptions()]
    self.group = self.feed.group(self.subscriptions[0])
    self.events = []
    self.open(1)

  @property
  def now(self):
    return Moment(self.now_ms, self.now_ms * 1_000_000)

  def open(self, connection, *, overlap=False):
    self.numbers[connection] = 0
    self.feed.on_open(connection, self.subscriptions, overlap=overlap, now=self.now)
    self.events += self.settle()

  def close(self, connection):
    self.feed.on_close(connection)

  def settle(self):
    """Carries out what the feed wants; the events."""
    events = []
    while self.feed.actions:
      action = self.feed.actions.popleft()
      if isinstance(action, Fetch):
        body = json.dumps({"products": self.listed, "num_products": len(self.listed)}).encode()
        events += self.feed.on_response(action, Response(200, {}, body), self.now)
      elif isinstance(action, Send):
        self.asked.append(json.loads(action.data))
        if self.answers:
          events += self.say("subscriptions", [{"subscriptions": {}}], action.connection)
      else:
        self.other.append(action)
    return events

  def frame(self, channel, events, connection=1):
    number, self.numbers[connection] = self.numbers[connection], self.numbers[connection] + 1
    message = {"channel": channel, "client_id": "", "timestamp": rfc3339(self.now_ms)}
    message |= {"sequence_num": number, "events": events}
    return json.dumps(message, separators=(",", ":")).encode()

  def say(self, channel, events, connection=1):
    """The events of a message of the venue."""
    return self.hear(self.frame(channel, events, connection), connection)

  def hear(self, *frames, connection=1):
    if isinstance(frames[-1], int):
      *frames, connection = frames
    return self.feed.on_frames(connection, list(frames), self.now) + self.settle()

  def skip(self, count=1, connection=1):
    """Messages that do not come."""
    self.numbers[connection] += count

  def later(self, seconds):
    self.now_ms += round(seconds * 1000)
    return self.feed.on_timer(self.now) + self.settle()


@pytest.fixture
def venue():
  return Venue
