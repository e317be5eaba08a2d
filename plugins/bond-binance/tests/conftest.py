import gzip
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("BOND_SHARED", ROOT.parent / "shared"))


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


@pytest.fixture
def venue():
  """A Binance of our own making, seen from the feed; call it with sources' configurations."""
  return Venue


class Venue:
  """A feed with connections, a clock that the test moves, and what the feed asked for.

  `say(stream, data)` is a message on a connection; the events are returned.
  """

  def __init__(self, *sources, connect=True):
    from bond_binance.feed import binance_feed

    self.sources = sources
    self.feed = binance_feed(sources[0].connection)
    self.now_ms = 1_000_000
    self.groups = {}
    for source in sources:
      for subscription in source.subscriptions():
        self.groups.setdefault(self.feed.group(subscription), []).append(subscription)
    self.actions = []
    if connect:
      for number, group in enumerate(self.groups, 1):
        self.open(number, group)

  @property
  def now(self):
    from bond_core.feeds import Moment

    return Moment(self.now_ms, self.now_ms * 1_000_000)

  def open(self, number, group=None, *, overlap=False):
    group = group or next(iter(self.groups))
    self.feed.on_open(number, self.groups[group], overlap=overlap, now=self.now)
    self._collect()

  def close(self, number):
    self.feed.on_close(number)

  def pass_time(self, seconds):
    """Time passes with a timer call each second; the events that brings."""
    events = []
    for _ in range(max(1, round(seconds))):
      self.now_ms += round(1000 * min(seconds, 1))
      events += self.feed.on_timer(self.now)
      self._collect()
    return events

  def frames(self, *frames, on=1):
    events = self.feed.on_frames(on, list(frames), self.now)
    self._collect()
    return events

  def say(self, stream, *messages, on=1):
    import json

    return self.frames(
      *(b'{"stream":"%b","data":%b}' % (stream.encode(), json.dumps(m).encode()) for m in messages),
      on=on,
    )

  def answer(self, fetch, body, status=200):
    import json

    from bond_core.feeds import Response

    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    events = self.feed.on_response(fetch, Response(status, {}, data), self.now)
    self._collect()
    return events

  def take(self, kind):
    """The actions of a kind so far, oldest first; they are then forgotten."""
    found = [action for action in self.actions if type(action) is kind]
    self.actions = [action for action in self.actions if type(action) is not kind]
    return found

  def snapshots(self):
    """The snapshots asked for; requests for the list of markets stay."""
    from bond_core.feeds import Fetch

    found = [a for a in self.actions if type(a) is Fetch and a.purpose.startswith("snapshot")]
    self.actions = [a for a in self.actions if a not in found]
    return found

  def _collect(self):
    self.actions += self.feed.actions
    self.feed.actions.clear()
