"""Connectors of the older lifecycle as sources."""

import asyncio

import pytest
from bond_legacy import connector_source

from bond_core import Custom, Disconnected, PluginError


class Old:
  """A connector of the older lifecycle, on asyncio."""

  def __init__(self, items):
    self.items = list(items)
    self.calls = []

  async def connect(self):
    await asyncio.sleep(0)
    self.calls.append("connect")

  async def subscribe(self):
    self.calls.append("subscribe")

  def __aiter__(self):
    return self

  async def __anext__(self):
    if not self.items:
      raise StopAsyncIteration
    return self.items.pop(0)

  async def shutdown(self):
    self.calls.append("shutdown")


class Context:
  name = "sources.old"

  def __init__(self):
    self.events = []

  def open_shared(self, key, opener):
    return opener()

  def live(self):
    return None

  async def send(self, batch):
    self.events += batch


async def test_an_older_connector_is_a_source_and_its_end_is_a_lost_connection():
  wire = {"type": "trade", "exchange": "old", "symbol": "BTC/USDT", "price": 1.5, "size": 2}
  own = Custom(exchange="old", symbol="", event_type="x", data={})
  connector = Old([wire, own])
  context = Context()
  with pytest.raises(Disconnected, match="ended"):
    await connector_source(lambda config: connector)(None, context, context)
  assert connector.calls == ["connect", "subscribe", "shutdown"]
  assert [type(e).__name__ for e in context.events] == ["Trade", "Custom"]
  assert context.events[0].price == 1.5


async def test_an_older_connector_that_gives_nonsense_is_named():
  connector = Old([{"type": "trade", "exchange": "old"}])
  context = Context()
  with pytest.raises(PluginError, match=r"sources\.old: the connector gave an event"):
    await connector_source(lambda config: connector)(None, context, context)
