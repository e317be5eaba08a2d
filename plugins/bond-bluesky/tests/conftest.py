import logging
from types import SimpleNamespace

import bond_bluesky.running
import bond_sim.server
import bond_sim.websocket
import pytest
import trio
import trio.testing
from bond_bluesky.config import Posts
from bond_sim.bluesky.site import BlueskySite
from bond_sim.clock import VenueClock

import bond_core._ws.client
from bond_core._events import Gap, Post


class Context:
  """A running source as the core sees it, and what came of it."""

  name = "posts"

  def __init__(self):
    self.clock = VenueClock()
    self.log = logging.LoggerAdapter(logging.getLogger("bond.bluesky"))
    self.events = []

  async def send(self, batch):
    self.events += batch

  @property
  def posts(self):
    return [event for event in self.events if type(event) is Post]

  @property
  def keys(self):
    return [post.tweet_id.rpartition("/")[2] for post in self.posts]

  @property
  def gaps(self):
    return [event for event in self.events if type(event) is Gap]


def socket_like(stream):
  """A memory stream with as much of a socket as the simulator uses."""

  def close():
    stream.send_stream.close()
    stream.receive_stream.close()

  stream.socket = SimpleNamespace(getpeername=lambda: ("test", 1), close=close)
  stream.setsockopt = lambda *args: None
  return stream


@pytest.fixture
async def site(autojump_clock, monkeypatch, nursery):
  """A simulated Bluesky behind every host, on the test's own clock."""
  found = BlueskySite(VenueClock())
  found.hosts = []
  found.down = set()

  async def connect(uri, addresses, tls):
    found.hosts.append(uri.host)
    if uri.host in found.down:
      raise bond_core._ws.client.Disconnected(f"cannot connect to {uri.host}")
    client, server = trio.testing.memory_stream_pair()
    numbers = iter(range(len(found.hosts), 1 << 30))
    nursery.start_soon(bond_sim.server._serve_peer, found, numbers, socket_like(server))
    return client

  monkeypatch.setattr(bond_core._ws.client, "_connect", connect)
  monkeypatch.setattr(bond_sim.websocket, "_unacknowledged", lambda stream: 0)
  return found


@pytest.fixture
def source(site, nursery):
  async def begin(within=nursery, **settings):
    ctx = Context()
    config = Posts(**(settings or {"symbols": ["BTC"]}))
    within.start_soon(bond_bluesky.running.run_posts, config, ctx, ctx)
    await trio.sleep(1)
    return ctx

  return begin
