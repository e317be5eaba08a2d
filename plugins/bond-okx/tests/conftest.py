import gzip
import json
import os
from pathlib import Path

import pytest
from bond_okx.feed import okx_feed

from bond_core.feeds import Fetch, Moment, Response, Send

SHARED = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[4] / "shared"))

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


@pytest.fixture
def recorded():
  """Opens a recorded file by its path below shared/data, line by line."""

  def lines(path):
    file = SHARED / "data" / path
    if not file.exists():
      pytest.skip(f"the recorded frames {path} are not on this machine")
    with gzip.open(file, "rb") as opened:
      yield from (line.rstrip(b"\n") for line in opened)

  return lines


class Venue:
  """An OKX of our own making, seen from the feed: it lists contracts, confirms what is asked, and
  says what a test makes it say. `asked` are the requests it was sent; `lists` counts those for
  lists."""

  def __init__(self, *sources, listed=None, confirms=True):
    self.feed = okx_feed(sources[0].connection)
    self.listed = LISTED if listed is None else listed
    self.confirms = confirms
    self.now_ms = 1_000_000
    self.asked, self.other, self.lists = [], [], 0
    subscriptions = [s for source in sources for s in source.subscriptions()]
    self.groups = {}
    for subscription in subscriptions:
      self.groups.setdefault(self.feed.group(subscription), []).append(subscription)
    for number, group in enumerate(self.groups.values(), 1):
      self.feed.on_open(number, group, overlap=False, now=self.now)
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
        kind = action.url.rpartition("=")[2]
        self.lists += 1
        body = json.dumps({"code": "0", "data": self.listed.get(kind, [])}).encode()
        events += self.feed.on_response(action, Response(200, {}, body), self.now)
      elif isinstance(action, Send):
        request = json.loads(action.data)
        self.asked.append(request)
        for arg in request["args"] if self.confirms else ():
          answer = {"id": request["id"], "event": request["op"], "arg": arg, "connId": "a4d3ae55"}
          events += self.feed.on_frames(action.connection, [json.dumps(answer).encode()], self.now)
      else:
        self.other.append(action)
    return events

  def say(self, message, connection=1):
    """The events of a message of the venue."""
    frame = message if isinstance(message, bytes) else json.dumps(message).encode()
    frame = frame.replace(b'": ', b'":').replace(b', "', b',"')
    events = self.feed.on_frames(connection, [frame], self.now)
    return events + self.settle()

  def later(self, seconds):
    self.now_ms += round(seconds * 1000)
    return self.feed.on_timer(self.now) + self.settle()


@pytest.fixture
def venue():
  return Venue
