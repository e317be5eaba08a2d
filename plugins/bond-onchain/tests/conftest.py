import logging

import bond_onchain.running
import httpx
import pytest
import trio
from bond_onchain.config import Solana
from bond_onchain.running import run_solana
from bond_sim.geyser.config import GeyserConfig, serve_geyser

from bond_core._clock import SystemClock
from bond_core._events import ChainEvent, Gap
from bond_core._supervise import Backoff


class Context:
  """A running source as the core sees it, and what came of it."""

  name = "chain"

  def __init__(self):
    self.clock = SystemClock()
    self.log = logging.LoggerAdapter(logging.getLogger("bond.onchain"))
    self.events = []
    self.scope = trio.CancelScope()

  async def send(self, batch):
    assert batch
    self.events += batch

  def live(self):
    pass

  def of(self, kind):
    return [event for event in self.events if type(event) is ChainEvent and event.kind == kind]

  @property
  def gaps(self):
    return [event for event in self.events if type(event) is Gap]

  async def until(self, enough, seconds=15):
    with trio.fail_after(seconds):
      while not enough(self):
        await trio.sleep(0.02)


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
def source(nursery, monkeypatch):
  for name in ("GRPC_ENDPOINT", "GRPC_TOKEN", "ONCHAIN_MODE"):
    monkeypatch.delenv(name, raising=False)
  # The simulated slots are ten times as fast as real ones, and as soon forgotten.
  monkeypatch.setattr(bond_onchain.running, "Backoff", lambda: Backoff(0.05, 0.2))

  async def begin(sim, **settings):
    ctx = Context()
    config = Solana(endpoint=sim.url, **settings)

    async def run():
      with ctx.scope:
        await run_solana(config, ctx, ctx)

    nursery.start_soon(run)
    return ctx

  return begin
