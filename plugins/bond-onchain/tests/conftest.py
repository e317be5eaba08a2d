import attrs
import httpx
import pytest
import trio
from bond_onchain.config import Solana
from bond_onchain.sources import SOURCES
from bond_sim.geyser.config import GeyserConfig, serve_geyser

from bond_core._clock import SystemClock
from bond_core._events import ChainEvent, Gap
from bond_core._logs.memory import MemoryLog
from bond_core._sources.manager import open_sources
from bond_core._supervise import Backoff


class Running:
  """A source at work in the core, and what came of it."""

  def __init__(self, manager, log, source_type, config):
    self._manager = manager
    self._events = []
    self.reader = manager.open("chain", source_type, config)
    self._cursor = log.cursor(start=1, sources=frozenset((self.reader.source,)))

  @property
  def events(self):
    for _, batch in self._cursor.take(1 << 30):
      self._events += batch
    return self._events

  def of(self, kind):
    return [event for event in self.events if type(event) is ChainEvent and event.kind == kind]

  @property
  def gaps(self):
    return [event for event in self.events if type(event) is Gap]

  @property
  def failure(self):
    return self.reader.failure

  async def until(self, enough, seconds=15):
    with trio.fail_after(seconds):
      while not enough(self):
        await trio.sleep(0.02)

  async def end(self):
    self._manager.close(self.reader)
    await self.reader.source.ended.wait()


class Sim:
  """A simulated node."""

  def __init__(self, url):
    self.url = url

  async def _ask(self, method, path, **body):
    async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
      answer = await client.request(method, path, **body)
      assert answer.is_success, answer.text
      return answer.json()

  async def fault(self, written):
    await self._ask("POST", "/_sim/faults", json={"fault": written})

  async def stats(self):
    return await self._ask("GET", "/_sim/stats")

  async def log(self, first=0, last=1 << 60):
    """Blocks that stand, from one slot to another."""
    blocks = await self._ask("GET", "/_sim/log")
    return [b for b in blocks if b["fate"] == "whole" and first <= b["slot"] <= last]

  async def blocks(self):
    return await self._ask("GET", "/_sim/log")


@pytest.fixture
async def sim(nursery):
  async def begin(**settings):
    config = GeyserConfig(**{"port": 0, "slot_ms": 20, "speed": 0.5, **settings})
    return Sim(await nursery.start(serve_geyser, config))

  return begin


@pytest.fixture
async def source(nursery, monkeypatch):
  for name in ("GRPC_ENDPOINT", "GRPC_TOKEN", "ONCHAIN_MODE"):
    monkeypatch.delenv(name, raising=False)
  # The simulated slots are ten times as fast as real ones, and as soon forgotten.
  monkeypatch.setattr("bond_core._sessions.driver.Backoff", lambda rng: Backoff(0.05, 0.2))
  clock = SystemClock()
  log = MemoryLog("market", seconds=1e9, max_bytes=1 << 30, clock=clock, stamps=True)
  async with open_sources(log, clock) as manager:

    async def begin(sim, simulator="geyser", **settings):
      config = Solana(endpoint=None if sim is None else sim.url, **settings)
      return Running(manager, log, attrs.evolve(SOURCES[0], simulator=simulator), config)

    yield begin
