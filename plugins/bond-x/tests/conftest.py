import logging

import bond_x.running
import httpx
import pytest
import trio
from bond_sim.clock import VenueClock
from bond_sim.http import Abort, Request
from bond_sim.x.site import XSite
from bond_x.config import Counts, Posts, Search

from bond_core._events import Gap, Post

CANARY = "canary-7f3a91-token"


class Body(httpx.AsyncByteStream):
  def __init__(self, parts, timeout):
    self._parts, self._timeout = parts, timeout

  async def __aiter__(self):
    while True:
      try:
        with trio.fail_after(self._timeout):
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


class Context:
  """A running source as the core sees it, and what came of it."""

  name = "posts"

  def __init__(self):
    self.clock = VenueClock()
    self.log = logging.LoggerAdapter(logging.getLogger("bond.x"))
    self.events = []
    self.figures = {}

  async def send(self, batch):
    self.events += batch

  @property
  def posts(self):
    return [event for event in self.events if type(event) is Post]

  @property
  def ids(self):
    return [post.tweet_id for post in self.posts]

  @property
  def gaps(self):
    return [event for event in self.events if type(event) is Gap]


@pytest.fixture
async def site(autojump_clock, monkeypatch):
  found = XSite(VenueClock())
  made = bond_x.running.open_client

  def client(endpoint, token):
    real = made(endpoint, token)
    return httpx.AsyncClient(
      base_url=endpoint, headers=real.headers, timeout=real.timeout, transport=Wire(found)
    )

  monkeypatch.setattr(bond_x.running, "open_client", client)
  monkeypatch.setenv("X_BEARER", CANARY)
  return found


@pytest.fixture
def source(site, nursery):
  async def begin(within=nursery, **settings):
    ctx = Context()
    config = Posts(**{"symbols": ["BTC"], **settings})
    within.start_soon(bond_x.running.run_posts, config, ctx, ctx)
    await trio.sleep(1)
    return ctx

  return begin


@pytest.fixture
def search(site, nursery):
  async def begin(within=nursery, **settings):
    ctx = Context()
    config = Search(**{"symbols": ["BTC"], **settings})
    within.start_soon(bond_x.running.run_search, config, ctx, ctx)
    await trio.sleep(1)
    return ctx

  return begin


@pytest.fixture
def counts(site, nursery):
  async def begin(within=nursery, **settings):
    ctx = Context()
    config = Counts(**{"symbols": ["BTC"], "every": 60, **settings})
    within.start_soon(bond_x.running.run_counts, config, ctx, ctx)
    await trio.sleep(1)
    return ctx

  return begin
