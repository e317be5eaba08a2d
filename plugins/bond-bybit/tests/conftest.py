import pytest
from bond_bybit.feed import bybit_feed
from bond_venuekit.testing import ScriptedVenue


class Venue(ScriptedVenue):
  """A Bybit of our own making: it knows all topics but `unknown`, and confirms what is asked.
  `listed` are the pages of its list, by what their URL ends with, `lists` counts them."""

  def __init__(self, *sources, unknown=(), confirms=True, listed=None):
    self.unknown, self.confirms, self.listed, self.lists = unknown, confirms, listed, 0
    super().__init__(*sources)

  def make(self, connection):
    return bybit_feed(connection)

  def on_fetch(self, fetch):
    if self.listed is None:
      return None
    self.lists += 1
    page = self.listed[fetch.url.partition("&limit=1000")[2]]
    return {"retCode": 0, "retMsg": "OK", "result": page}

  def on_request(self, request, connection):
    if self.confirms:
      wrong = [topic for topic in request["args"] if topic in self.unknown]
      said = f"error:handler not found,topic:{wrong[0]}" if wrong else request["op"]
      answer = {"success": not wrong, "ret_msg": said, "conn_id": "2324d924"}
      yield answer | {"req_id": request["req_id"], "op": request["op"]}


@pytest.fixture
def venue():
  return Venue
