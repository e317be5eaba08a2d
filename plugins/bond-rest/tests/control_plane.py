"""A server with its broker and its control plane in this process, on real sockets."""

import json
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio
from bond_broker.config import BrokerConfig
from bond_broker.service import serve as serve_broker
from bond_rest.config import RestConfig
from bond_rest.service import serve as serve_rest
from bond_server.access.access import ServerAccess, SignedTokens, context_of
from bond_server.access.chain import DEFAULT, make_chain
from bond_server.access.generations import FileGenerations
from bond_server.access.tokens import Keyring
from bond_server.runtime import open_server
from bond_server.streams import LogKeeping

from bond_core._clock import SystemClock
from bond_core._errors import Disconnected
from bond_core._plugins.registry import Registry
from bond_core._ws.client import open_websocket

SECRET = b"for tests only, 32 bytes or more"


class Api:
  """A running server and a client of it."""

  def __init__(self, server, http, url):
    self.server = server
    self.http = http
    self.url = url

  async def create(self, spec=None, *, key=None, **more):
    """What POST /v1/streams answers."""
    body = {**({} if spec is None else {"spec": spec}), **more}
    return await self.http.post("/v1/streams", json=body, headers=shown(key))

  async def call(self, method, path, key=None, **more):
    return await self.http.request(method, path, headers=shown(key), **more)


def shown(key):
  return {} if key is None else {"X-API-Key": key}


@asynccontextmanager
async def serving(folder, *, chain=DEFAULT, simulate=False, on_disk=False, **config):
  """A server whose streams are kept in a folder."""
  registry = Registry()
  generations = FileGenerations(folder / "generations.json")
  tokens = SignedTokens(SystemClock(), Keyring(SECRET), generations)
  access = ServerAccess(tokens, make_chain(chain, registry, context_of(tokens)))
  log = registry.log("core.file" if on_disk else "core.memory")
  kept = log.config(path=str(folder / "log")) if on_disk else log.config()
  async with (
    open_server(
      keeping=LogKeeping(log, kept, simulated=simulate),
      registry=registry,
      access=access,
      folder=folder,
    ) as server,
    trio.open_nursery() as nursery,
  ):
    start = partial(nursery.start, serve_broker, BrokerConfig(port=0), server)
    server.addresses["broker"] = await start()
    settings = RestConfig(port=0, **config)
    (url,) = await nursery.start(serve_rest, settings, server)
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
      yield Api(server, http, url)
    server.stopping.set()


def ticks(every=0.02):
  """A spec of a clock that ticks."""
  return {"sources": {"clock": {"use": "clock.ticks", "with": {"seconds": every}}}}


class Reader:
  """A client of a stream."""

  def __init__(self, socket):
    self._socket = socket
    self._waiting = []

  async def message(self):
    """The next message. Disconnected, with the close code in its text, where there is none."""
    while not self._waiting:
      self._waiting = [json.loads(data) for data in await self._socket.receive()]
    return self._waiting.pop(0)

  async def event(self, within=5):
    """The next message that is an event."""
    with trio.fail_after(within):
      while True:
        message = await self.message()
        if message.get("type") not in ("heartbeat", "gap", "live", "system", "error"):
          return message

  async def end(self, within=5):
    """How the server closed."""
    with trio.fail_after(within), pytest.raises(Disconnected) as closed:
      while True:
        await self.message()
    return str(closed.value)


@asynccontextmanager
async def reading(ws_url):
  async with open_websocket(ws_url) as socket:
    yield Reader(socket)
