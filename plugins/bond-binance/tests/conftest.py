import pytest
from bond_binance.feed import binance_feed
from bond_venuekit.testing import ScriptedVenue

from bond_core.feeds import Fetch


class Venue(ScriptedVenue):
  """A Binance of our own making, which says what a test makes it say and does nothing of itself."""

  def make(self, connection):
    return binance_feed(connection)

  def say(self, stream, *messages, on=1):
    """The events of messages of a stream."""
    return self.hear(*({"stream": stream, "data": message} for message in messages), on=on)

  def snapshots(self):
    """The snapshots asked for; requests for the list of markets stay."""
    found = [a for a in self.other if isinstance(a, Fetch) and a.purpose.startswith("snapshot")]
    self.other = [action for action in self.other if action not in found]
    return found


@pytest.fixture
def venue():
  return Venue
