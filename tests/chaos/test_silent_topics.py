"""A venue that stops sending one topic without a word, while others on its connection go on."""

import json

import attrs
import pytest
import trio

from bond_core import Gap, OrderBook, SystemClock, Trade
from bond_core._logs.memory import MemoryLog
from bond_core._sources.manager import open_sources
from bond_core._spec.load import load_spec
from bond_core.testing._components import REGISTRY
from tests.chaos import world
from tests.chaos.venues import VENUES

HUSHED_AT, AFTER = 30.0, 100.0
TOPICS = [
  ("binance", "trades", "@trade"),
  ("bybit", "orderbook", "orderbook.50"),
  ("hyperliquid", "trades", "trades"),
  pytest.param("okx", "orderbook", "books", marks=pytest.mark.slow),
  pytest.param("bybit", "trades", "publicTrade", marks=pytest.mark.slow),
]
"""A venue, a channel, and what the venue calls it."""
EVENTS = {"trades": Trade, "orderbook": OrderBook}


class _Log(MemoryLog):
  """A log that notes when it was given what."""

  def __init__(self):
    super().__init__("market", stamps=True)
    self.told = []

  def append(self, batch, source=None, first=None):
    self.told += [(trio.current_time(), event) for event in batch]
    return super().append(batch, source, first)


def hushed(name, channel, topic):
  """The log of a reader of a channel and of another one, the first of which dies on its way."""
  venue, log = VENUES[name], _Log()
  faults = [f"hush/{topic}@{HUSHED_AT:.0f}s"]
  config = attrs.evolve(venue.simulator(1, world.START_MS), speed=0.3, faults=faults)
  symbol = {"hyperliquid": "BTC/USDC:USDC"}.get(name, "BTC/USDT")
  other = "orderbook" if channel != "orderbook" else "trades"

  async def work():
    async with trio.open_nursery() as nursery:
      url = await nursery.start(lambda task_status: venue.serve(config, task_status=task_status))
      given = {"symbols": [symbol], "endpoint": url}
      sources = {key: {"use": f"{name}.{key}", "with": given} for key in (channel, other)}
      loaded = load_spec(json.dumps({"sources": sources}), registry=REGISTRY)
      async with open_sources(log, SystemClock()) as opened:
        for key, source in loaded.sources.items():
          opened.open(key, source.type, source.config)
        await trio.sleep(HUSHED_AT + AFTER)
      nursery.cancel_scope.cancel()

  world.run(f"silent {name} {channel}", work)
  return log.told


@pytest.mark.parametrize(("name", "channel", "topic"), TOPICS)
def test_a_topic_that_dies_alone_comes_back_on_another_connection(name, channel, topic):
  told = hushed(name, channel, topic)
  times = [at for at, event in told if isinstance(event, EVENTS[channel])]
  dead = max(b - a for a, b in zip(times, times[1:], strict=False))
  assert 30 < dead < 90
  assert times[-1] > HUSHED_AT + AFTER - 5
  gaps = [event for _, event in told if isinstance(event, Gap)]
  assert [gap.channel for gap in gaps] == [channel]
