"""A server of which tests decide what its sources say."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import trio
import trio.testing
from bond_broker.delivery.market import MarketRouter
from bond_broker.delivery.pump import Pump
from bond_broker.delivery.traffic import Traffic
from bond_server.answers import AnswerLimits, open_answers
from bond_server.market_state import Standing

from bond_core import Principal, Registry, SystemClock, Ticker, Trade
from bond_core._logs.durable import DurableLog
from bond_core._logs.memory import MemoryLog
from bond_core.feeds import SourceState
from bond_core.services import Rejection

ME = Principal("key:me")


class Lease:
  def __init__(self, rejected=()):
    self.rejected = list(rejected)
    self.named = ()
    self.released = False

  @property
  def carried(self):
    return not self.rejected


class FakeServer:
  """Its demand carries every market of `venue` but those in `unknown`."""

  def __init__(self, venues=("okx",)):
    self.clock = SystemClock()
    self.log = DurableLog(MemoryLog("market", stamps=True, clock=self.clock), None)
    self.registry = Registry()
    self.market = None
    self.maker = None
    self.player = None
    self.simulates = False
    self.streams = SimpleNamespace(get=lambda stream: None)
    self.demand = self
    self.venues = list(venues)
    self.unknown = {}
    self.state = SourceState.LIVE
    self.continues = True
    self.leases = []

  # Demand
  def exchanges(self):
    return {*self.venues, "bybit"}

  def lease(self, channels, markets, exchanges, *, raw=False):
    (exchange,), (market,) = exchanges, markets
    reason = self.unknown.get(str(market))
    rejected = [] if reason is None else [Rejection("ticker", str(market), exchange, reason)]
    self.leases.append(Lease(rejected))
    return self.leases[-1]

  async def await_verdicts(self, lease):
    await trio.lowlevel.checkpoint()

  def release(self, lease):
    lease.released = True

  # Server
  def sources(self, stream=""):
    return dict.fromkeys(self.venues, self.state.value)

  def notices(self, stream=""):
    return []

  def standings(self, lease, exchange):
    return [Standing(exchange, None, None, self.state)]

  def delivers(self, lease):
    return self.continues

  def say(self, *events):
    """Sources bring events."""
    for event in events:
      event.ts_event = event.ts_event or self.clock.now_ms()
      if hasattr(event, "ts_internal"):
        event.ts_internal = event.ts_internal or self.clock.mono_ns()
    return self.log.ring.append(list(events))


@asynccontextmanager
async def asking(server=None, **limits):
  """A server and its answers."""
  server = server or FakeServer()
  async with (
    trio.open_nursery() as nursery,
    open_answers(server, AnswerLimits(**limits)) as answers,
  ):
    server.market = MarketRouter(Traffic())
    nursery.start_soon(Pump(server.log, server.market, nursery, server.clock.now_ms).run)
    yield server, answers
    nursery.cancel_scope.cancel()


async def settled():
  """What was said is known."""
  await trio.testing.wait_all_tasks_blocked(0.005)


def ticker(bid=100.5, ask=100.75, **more):
  values = {"exchange": "okx", "symbol": "BTC/USDT", "market_type": "spot", "bid": bid, "ask": ask}
  return Ticker(**(values | more))


def trade(price=100.5, size=1.0, **more):
  values = {"exchange": "okx", "symbol": "BTC/USDT", "market_type": "spot"}
  return Trade(**(values | {"price": price, "size": size} | more))
