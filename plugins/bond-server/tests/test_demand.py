"""What readers subscribe to is carried, and for how long."""

from contextlib import asynccontextmanager

import trio
from bond_server.demand import Carrier, SourceDemand

from bond_core import BondError, Market, Registry, SystemClock
from bond_core.hosting import open_simulators, open_sources
from bond_core.logs import MemoryLog


async def test_what_the_last_reader_left_is_carried_for_a_grace_period_and_no_longer(
  autojump_clock, monkeypatch
):
  # No socket is opened: what counts here is what would be subscribed to.
  async def never(*_):
    await trio.sleep_forever()

  monkeypatch.setattr("bond_core._feeds.driver.FeedDriver.run", never)
  registry, clock = Registry(), SystemClock()
  trades = registry.source("binance.trades")
  log = MemoryLog("market", clock=clock, stamps=True)
  async with open_simulators() as simulators, open_sources(log, clock, simulators) as sources:
    demand = SourceDemand(sources, registry, [Carrier(trades, None)])
    channels, everywhere = frozenset(("trades",)), frozenset(("binance",))
    lease, other = (
      demand.lease(channels, [Market("BTC", "USDT", None), Market(asset, "USDT", None)], everywhere)
      for asset in ("ETH", "SOL")
    )
    assert demand.carried("trades") == {
      ("binance", f"{asset}/USDT") for asset in ("BTC", "ETH", "SOL")
    }
    assert demand.carried("orderbook") == set()
    demand.release(lease)
    assert ("binance", "ETH/USDT") in demand.carried("trades")
    await trio.sleep(11)
    assert demand.carried("trades") == {("binance", "BTC/USDT"), ("binance", "SOL/USDT")}
    demand.release(other)
    await trio.sleep(11)
    assert demand.carried("trades") == set()


async def test_a_source_that_cannot_tell_may_bring_anything_of_its_venue(autojump_clock):
  registry, clock = Registry(), SystemClock()
  ticks = registry.source("clock.ticks")
  log = MemoryLog("market", clock=clock, stamps=True)
  async with open_sources(log, clock) as sources:
    sources.open("sources.it", ticks, ticks.config())
    assert SourceDemand(sources, registry, []).carried("custom") == {("clock", "*")}


async def test_what_stands_in_for_a_venue_is_started_when_it_is_first_needed(
  autojump_clock, monkeypatch
):
  started = []

  @asynccontextmanager
  async def simulator(venue):
    started.append(venue)
    if venue == "okx":
      raise BondError("the simulator of okx does not start")
    yield "http://127.0.0.1:1"

  async def never(*_):
    await trio.sleep_forever()

  monkeypatch.setattr("bond_core._simulators.simulator", simulator)
  monkeypatch.setattr("bond_core._feeds.driver.FeedDriver.run", never)
  registry, clock = Registry(), SystemClock()
  log = MemoryLog("market", clock=clock, stamps=True)
  async with open_simulators() as simulators, open_sources(log, clock, simulators) as sources:
    demand = SourceDemand(sources, registry, [], simulators)
    leases = []
    for exchange in ("binance", "binance", "okx"):
      markets, exchanges = [Market("BTC", "USDT", None)], frozenset((exchange,))
      leases.append(demand.lease(frozenset(("trades",)), markets, exchanges))
    assert demand.carried("trades") == set()
    for lease in leases:
      await demand.await_verdicts(lease)
    assert started == ["binance", "okx"]
    assert demand.carried("trades") == {("binance", "BTC/USDT")}
    assert all(source.simulated for source in sources.sources)
    first, second, refused = leases
    assert first.readers[0].source is second.readers[0].source
    assert not refused.carried
    assert [r.reason for r in refused.rejected] == ["the simulator of okx does not start"]
