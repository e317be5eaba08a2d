from types import SimpleNamespace

import bond_simkit.server
import bond_simkit.websocket
import pytest
import trio
import trio.testing
from bond_bluesky.config import Posts
from bond_bluesky.sources import SOURCES
from bond_sim.bluesky.site import BlueskySite

import bond_core._ws.client
from bond_core._events import Gap, Post
from bond_core._logs.memory import MemoryLog
from bond_core._sources.manager import open_sources


class MockTime:
  """A clock that follows trio's mock clock."""

  def now_ms(self):
    return 1_800_000_000_000 + int(trio.current_time() * 1000)

  def mono_ns(self):
    return int(trio.current_time() * 1e9)


class Running:
  """A source at work in the core, and what came of it."""

  def __init__(self, manager, log, config):
    self._manager = manager
    self._log = log
    self.reader = manager.open("posts", SOURCES[0], config)

  @property
  def events(self):
    cursor = self._log.cursor(start=1, sources=frozenset((self.reader.source,)))
    try:
      return [event for _, batch in cursor.take(1 << 30) for event in batch]
    finally:
      cursor.close()

  @property
  def posts(self):
    return [event for event in self.events if type(event) is Post]

  @property
  def keys(self):
    return [post.tweet_id.rpartition("/")[2] for post in self.posts]

  @property
  def gaps(self):
    return [event for event in self.events if type(event) is Gap]

  def end(self):
    self._manager.close(self.reader)


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
  found = BlueskySite(MockTime())
  found.hosts = []
  found.down = set()

  async def connect(uri, addresses, tls):
    found.hosts.append(uri.host)
    if uri.host in found.down:
      raise bond_core._ws.client.Disconnected(f"cannot connect to {uri.host}")
    client, server = trio.testing.memory_stream_pair()
    numbers = iter(range(len(found.hosts), 1 << 30))
    nursery.start_soon(bond_simkit.server.serve_client, found, numbers, socket_like(server))
    return client

  monkeypatch.setattr(bond_core._ws.client, "_connect", connect)
  monkeypatch.setattr(bond_simkit.websocket, "unacknowledged", lambda stream: 0)
  return found


@pytest.fixture
async def source(site):
  clock = MockTime()
  log = MemoryLog("market", seconds=1e9, clock=clock, stamps=True)
  async with open_sources(log, clock) as manager:

    async def begin(**settings):
      found = Running(manager, log, Posts(**(settings or {"symbols": ["BTC"]})))
      await trio.sleep(1)
      return found

    yield begin
