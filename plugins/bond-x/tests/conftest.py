import ssl

import bond_x.client
import bond_x.polling
import bond_x.transport
import httpx
import pytest
import trio
from bond_sim.x.site import XSite
from bond_simkit import Abort, HttpRequest as Request
from bond_x.sources import SOURCES

from bond_core._events import Gap, Post
from bond_core._logs.memory import MemoryLog
from bond_core._sources.manager import open_sources

CANARY = "canary-7f3a91-token"


class Body(httpx.AsyncByteStream):
  def __init__(self, parts, timeout):
    self._parts, self._timeout = parts, timeout

  async def __aiter__(self):
    while True:
      try:
        with trio.fail_after(float("inf") if self._timeout is None else self._timeout):
          part = await anext(self._parts)
      except trio.TooSlowError:
        raise httpx.ReadTimeout("") from None
      except StopAsyncIteration:
        return
      except Abort:
        raise httpx.ReadError("") from None
      yield part

  async def aclose(self):
    # As a server that lets go of a connection.
    self._parts = None


class Wire(httpx.AsyncBaseTransport):
  """Requests to a simulated X in this process, on the test's own clock."""

  def __init__(self, site):
    self._site = site

  async def handle_async_request(self, request):
    body = await request.aread()
    answer = await self._site.http(
      Request(
        method=request.method,
        path=request.url.path,
        query=tuple(request.url.params.multi_items()),
        headers=dict(request.headers),
        body=body,
      )
    )
    headers = list(answer.headers)
    if isinstance(answer.body, bytes):
      return httpx.Response(answer.status, headers=headers, content=answer.body)
    timeout = request.extensions["timeout"]["read"]
    stream = Body(answer.body.__aiter__(), timeout)
    return httpx.Response(answer.status, headers=headers, stream=stream)


class MockTime:
  """A clock that follows trio's mock clock, `ahead_ms` ms ahead of others."""

  def __init__(self, ahead_ms=0):
    self._ahead_ms = ahead_ms

  def now_ms(self):
    return 1_800_000_000_000 + self._ahead_ms + int(trio.current_time() * 1000)

  def mono_ns(self):
    return int(trio.current_time() * 1e9)


class Running:
  """A source at work in the core, and what came of it."""

  def __init__(self, manager, log, source_type, config):
    self._manager = manager
    self._log = log
    self.clock = manager.clock
    self.reader = manager.open("posts", source_type, config)

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
  def ids(self):
    return [post.tweet_id for post in self.posts]

  @property
  def gaps(self):
    return [event for event in self.events if type(event) is Gap]

  @property
  def figures(self):
    return self.reader.source.figures

  @property
  def failure(self):
    return self.reader.failure

  def end(self):
    self._manager.close(self.reader)


@pytest.fixture
async def site(autojump_clock, monkeypatch):
  found = XSite(MockTime())
  found.clients = []
  trusted = ssl.create_default_context()

  def client(account):
    real = bond_x.client.client_of(account, trusted)
    found.clients.append(account)
    return httpx.AsyncClient(
      base_url=account.endpoint, headers=real.headers, timeout=real.timeout, transport=Wire(found)
    )

  monkeypatch.setattr(bond_x.transport, "open_client", client)
  monkeypatch.setattr(bond_x.polling, "open_client", client)
  monkeypatch.setenv("X_BEARER", CANARY)
  return found


@pytest.fixture
def clock(request):
  """The clock of this machine, so many ms ahead of X's."""
  return MockTime(getattr(request, "param", 0))


@pytest.fixture
async def begin(site, clock):
  """Begins a source of a type with settings."""
  log = MemoryLog("market", seconds=1e9, max_bytes=1 << 30, clock=clock, stamps=True)
  types = {source_type.name: source_type for source_type in SOURCES}
  async with open_sources(log, clock) as manager:

    async def begin(name, caller=None, **settings):
      opens = manager if caller is None else manager.beside(log, caller)
      found = Running(opens, log, types[name], types[name].config(**settings))
      await trio.sleep(1)
      return found

    yield begin


@pytest.fixture
def source(begin):
  return lambda **settings: begin("x.posts", **{"symbols": ["BTC"], **settings})


@pytest.fixture
def search(begin):
  return lambda **settings: begin("x.search", **{"symbols": ["BTC"], **settings})


@pytest.fixture
def counts(begin):
  return lambda **settings: begin("x.counts", **{"symbols": ["BTC"], "every": 60, **settings})
