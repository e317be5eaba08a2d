import json

import pytest
from bond_hyperliquid.feed import hyperliquid_feed

from bond_core.feeds import Fetch, Moment, Response, Send

SPOT = {
  "tokens": [
    {"name": "USDC", "index": 0},
    {"name": "PURR", "index": 1},
    {"name": "HYPE", "index": 150},
    {"name": "USDH", "index": 360},
    {"name": "hype", "index": 7},
  ],
  "universe": [
    {"name": "PURR/USDC", "tokens": [1, 0], "index": 0, "isCanonical": True},
    {"name": "@107", "tokens": [150, 0], "index": 107},
    {"name": "@230", "tokens": [7, 0], "index": 230},
    {"name": "@999", "tokens": [150, 12345], "index": 999},
  ],
}
PERPS = [
  {
    "universe": [
      {"name": "BTC", "szDecimals": 5},
      {"name": "ETH", "szDecimals": 4, "isDelisted": None},
      {"name": "kPEPE", "szDecimals": 0},
      {"name": "MATIC", "szDecimals": 1, "isDelisted": True},
    ],
    "collateralToken": 0,
  },
  {"universe": [{"name": "xyz:TSLA", "szDecimals": 3}], "collateralToken": 0},
  {"universe": [{"name": "flx:TSLA", "szDecimals": 3}], "collateralToken": 360},
  {"universe": [{"name": "odd:X", "szDecimals": 3}], "collateralToken": 999_999},
]


class Venue:
  """A Hyperliquid of our own making, seen from the feed: it lists SPOT and PERPS, confirms
  requests, and says what a test makes it say. `asked` are the requests it was sent."""

  def __init__(self, *sources, confirms=True, begun=True, spot=SPOT, perps=PERPS):
    self.feed = hyperliquid_feed(sources[0].connection)
    self.confirms, self.spot, self.perps = confirms, spot, perps
    self.now_ms = 1_790_000_000_000
    self.asked, self.lists, self.other = [], [], []
    self.groups = {}
    for subscription in [s for source in sources for s in source.subscriptions()]:
      self.groups.setdefault(self.feed.group(subscription), []).append(subscription)
    for number, group in enumerate(self.groups.values(), 1):
      self.feed.on_open(number, group, overlap=False, now=self.now)
    if begun:
      self.settle()

  @property
  def now(self):
    return Moment(self.now_ms, self.now_ms * 1_000_000)

  def settle(self):
    """Carries out what the feed wants; the events."""
    events = []
    while self.feed.actions:
      action = self.feed.actions.popleft()
      if isinstance(action, Fetch):
        events += self.answer(action)
      elif isinstance(action, Send):
        request = json.loads(action.data)
        self.asked.append(request)
        if self.confirms:
          echo = request["subscription"] | {"nSigFigs": None}
          data = {"method": request["method"], "subscription": echo}
          events += self.say("subscriptionResponse", data, action.connection)
      else:
        self.other.append(action)
    return events

  def answer(self, fetch):
    """The events of the answer to a request of a list."""
    self.lists.append(fetch.body)
    listed = {b'{"type":"spotMeta"}': self.spot, b'{"type":"allPerpMetas"}': self.perps}
    body = json.dumps(listed[fetch.body]).encode()
    return self.feed.on_response(fetch, Response(200, {}, body), self.now)

  def say(self, channel, data, connection=1):
    """The events of a message of the venue."""
    frame = json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()
    return self.feed.on_frames(connection, [frame], self.now) + self.settle()

  def later(self, seconds):
    self.now_ms += round(seconds * 1000)
    return self.feed.on_timer(self.now) + self.settle()

  def again(self):
    """The connection is lost, and another one opened."""
    [group] = self.groups.values()
    self.feed.on_close(1)
    self.feed.on_open(1, group, overlap=False, now=self.now)
    return self.settle()

  def overlap(self):
    """A second connection carries the same."""
    [group] = self.groups.values()
    self.feed.on_open(2, group, overlap=True, now=self.now)
    self.settle()


@pytest.fixture
def venue():
  return Venue
