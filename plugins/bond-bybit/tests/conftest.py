import json

import pytest
from bond_bybit.feed import bybit_feed

from bond_core.feeds import Fetch, Moment, Response, Send


class Venue:
  """A Bybit of our own making, seen from the feed: it knows all topics but `unknown`, confirms what
  is asked, and says what a test makes it say. `asked` are the requests it was sent. `listed` are
  the pages of its list, by what their URL ends with."""

  def __init__(self, *sources, unknown=(), confirms=True, listed=None):
    self.feed = bybit_feed(sources[0].connection)
    self.unknown = unknown
    self.confirms = confirms
    self.listed = listed
    self.now_ms = 1_000_000
    self.asked, self.other = [], []
    self.groups = {}
    for subscription in [s for source in sources for s in source.subscriptions()]:
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
      if isinstance(action, Fetch) and self.listed is not None:
        page = self.listed[action.url.partition("&limit=1000")[2]]
        body = json.dumps({"retCode": 0, "retMsg": "OK", "result": page}).encode()
        events += self.feed.on_response(action, Response(200, {}, body), self.now)
        continue
      if not isinstance(action, Send):
        self.other.append(action)
        continue
      request = json.loads(action.data)
      self.asked.append(request)
      if self.confirms:
        wrong = [topic for topic in request["args"] if topic in self.unknown]
        said = f"error:handler not found,topic:{wrong[0]}" if wrong else request["op"]
        answer = {
          "success": not wrong,
          "ret_msg": said,
          "conn_id": "2324d924",
          "req_id": request["req_id"],
          "op": request["op"],
        }
        events += self.feed.on_frames(action.connection, [json.dumps(answer).encode()], self.now)
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

  def overlap(self):
    """A second connection carries the same."""
    [group] = self.groups.values()
    self.feed.on_open(2, group, overlap=True, now=self.now)
    self.settle()


@pytest.fixture
def venue():
  return Venue
