import pytest
from bond_hyperliquid.feed import hyperliquid_feed
from bond_venuekit.testing import ScriptedVenue

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


class Venue(ScriptedVenue):
  """A Hyperliquid of our own making: it lists SPOT and PERPS, and confirms requests. `lists` are
  the requests of its lists."""

  def __init__(self, *sources, confirms=True, spot=SPOT, perps=PERPS):
    self.confirms, self.spot, self.perps, self.lists = confirms, spot, perps, []
    super().__init__(*sources)

  def make(self, connection):
    return hyperliquid_feed(connection)

  def on_fetch(self, fetch):
    self.lists.append(fetch.body)
    return {b'{"type":"spotMeta"}': self.spot, b'{"type":"allPerpMetas"}': self.perps}[fetch.body]

  def on_request(self, request, connection):
    if self.confirms:
      echo = request["subscription"] | {"nSigFigs": None}
      data = {"method": request["method"], "subscription": echo}
      yield {"channel": "subscriptionResponse", "data": data}

  def say(self, channel, data, connection=1):
    """The events of a message of the venue."""
    return self.hear({"channel": channel, "data": data}, on=connection)

  def again(self):
    """The connection is lost, and another one opened."""
    self.close(1)
    return self.open(1)


@pytest.fixture
def venue():
  return Venue
