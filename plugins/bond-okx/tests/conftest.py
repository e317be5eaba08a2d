import pytest
from bond_okx.feed import okx_feed
from bond_venuekit.testing import ScriptedVenue

LISTED = {
  "SWAP": [
    {
      "instId": "BTC-USDT-SWAP",
      "ctVal": "0.01",
      "ctMult": "1",
      "ctType": "linear",
      "lotSz": "0.01",
    },
    {"instId": "BTC-USD-SWAP", "ctVal": "100", "ctMult": "1", "ctType": "inverse"},
    {"instId": "UNI-USD-SWAP", "ctVal": "10", "ctMult": "1", "ctType": "inverse"},
  ],
  "FUTURES": [
    {"instId": "BTC-USD-220527", "ctVal": "100", "ctMult": "1", "ctType": "inverse"},
  ],
}


class Venue(ScriptedVenue):
  """An OKX of our own making: it lists contracts, and confirms what is asked. `lists` counts the
  requests of lists, `news` has those of what is pushed of them."""

  def __init__(self, *sources, listed=None, confirms=True):
    self.listed = LISTED if listed is None else listed
    self.confirms, self.lists, self.news = confirms, 0, []
    super().__init__(*sources)

  def make(self, connection):
    return okx_feed(connection)

  def on_fetch(self, fetch):
    self.lists += 1
    return {"code": "0", "data": self.listed.get(fetch.url.rpartition("=")[2], [])}

  def on_request(self, request, connection):
    if request["id"] == "0":
      self.asked.remove(request)
      self.news.append((connection, request["args"]))
    for arg in request["args"] if self.confirms else ():
      yield {"id": request["id"], "event": request["op"], "arg": arg, "connId": "a4d3ae55"}


@pytest.fixture
def venue():
  return Venue
