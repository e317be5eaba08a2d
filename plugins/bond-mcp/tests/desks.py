"""What tests put in the place of a server."""

from contextlib import asynccontextmanager

import httpx
import trio
from bond_broker.config import BrokerConfig
from bond_broker.service import serve as serve_broker
from bond_mcp.service import serve as serve_mcp
from bond_mcp.tools import TOOLS
from bond_rest.config import RestConfig
from bond_rest.service import serve as serve_rest
from bond_server.testing import open_test_server

from bond_core import NoConfig

ANSWER = {
  "as_of": "2026-11-30T12:00:00.000Z",
  "age_ms": 1,
  "state": "live",
  "fresh": True,
  "cursor": "e:1",
  "gaps": [],
}


class Desk:
  """Answers the same to all, or does what a test wants."""

  def __init__(self, act=None):
    self.asked = []
    self._act = act

  async def tools(self):
    return TOOLS

  async def ask(self, tool, arguments):
    self.asked.append((tool, dict(arguments)))
    await trio.lowlevel.checkpoint()
    return dict(ANSWER) if self._act is None else await self._act()


@asynccontextmanager
async def serving(**config):
  """A server with broker, control plane and /mcp on real sockets."""
  async with open_test_server() as server, trio.open_nursery() as nursery:
    server.addresses["broker"] = await nursery.start(serve_broker, BrokerConfig(port=0), server)
    (url,) = await nursery.start(serve_rest, RestConfig(port=0, **config), server)
    await nursery.start(serve_mcp, NoConfig(), server)
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
      yield server, http
    server.stopping.set()


def message(method, number=1, **params):
  """A message of 2025-11-25, which needs no headers of its own."""
  return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
