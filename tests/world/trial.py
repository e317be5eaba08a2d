"""One world: its plan carried out, and what came of it."""

import hashlib
import json
import logging
from collections import Counter
from typing import Any

import attrs
import trio
from bond_sim.binance.config import BinanceConfig, serve_binance

from bond_core import Batch
from bond_core._errors import leaves
from bond_core._spec.load import load_spec
from bond_core.testing._components import REGISTRY
from tests.chaos.judge import Violation
from tests.chaos.markets import MarketJudge
from tests.chaos.network import Host, MemoryNetwork, host
from tests.chaos.truth import Truth
from tests.world import simulation
from tests.world.client import Client
from tests.world.disk import SimulatedDisk
from tests.world.plan import Fault, Plan
from tests.world.record import Record
from tests.world.server import ServerProcess, keeping_of

VENUE_PORT = 9000


@attrs.define
class Outcome:
  """What came of a world. `failure` is the sentence that says what does not hold, None for none."""

  plan: Plan
  failure: str | None = None
  seconds: float = 0.0
  counts: Counter[str] = attrs.field(factory=Counter)
  trace: list[str] = attrs.field(factory=list)


class _Order(trio.abc.Instrument):
  """A digest of which task ran when."""

  def __init__(self) -> None:
    self.digest = hashlib.blake2b(digest_size=8)
    self.steps = 0

  def before_task_step(self, task: trio.lowlevel.Task) -> None:
    self.steps += 1
    self.digest.update(f"{trio.current_time()} {task.name}\n".encode())


def trial(plan: Plan, *, traced: bool = False) -> Outcome:
  """Carries out a plan. An equal plan gives an equal outcome."""
  outcome = Outcome(plan)
  world = _World(plan, outcome, traced)
  order = _Order()
  handler = _LogTrace(world)
  logger = logging.getLogger("bond")
  before = logger.level, logger.propagate
  logger.addHandler(handler)
  logger.setLevel(logging.INFO)
  logger.propagate = False
  try:
    with world.truth.noted(), world.record.kept():
      simulation.run(f"world {plan.seed}", world.work, [order] if traced else [])
  except BaseException as exc:
    found = [error for error in leaves(exc) if isinstance(error, Violation)]
    if found:
      outcome.failure = str(found[0])
    elif isinstance(exc, Exception):
      outcome.failure = f"{_words(exc)}"
    else:
      raise
  finally:
    logger.removeHandler(handler)
    logger.level, logger.propagate = before
  if traced:
    outcome.trace.append(f"order   {order.steps} steps, {order.digest.hexdigest()}")
  return outcome


def _words(exc: BaseException) -> str:
  """An error that nothing caught, and where it was raised."""
  error = next(leaves(exc))
  trace, where = error.__traceback__, ""
  while trace is not None:
    where = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}"
    trace = trace.tb_next
  return f"{type(error).__name__} at {where}: {error}"


class _World:
  def __init__(self, plan: Plan, outcome: Outcome, traced: bool) -> None:
    self.plan, self.outcome, self.traced = plan, outcome, traced
    self.truth = Truth()
    self.record = Record(self._appended)
    self.faults: list[str] = []
    self.disk = SimulatedDisk()
    self.clients: list[Client] = []
    for line in plan.lines():
      self.note(line)

  def note(self, line: str) -> None:
    """Adds a line to the trace."""
    if self.traced:
      try:
        at = f"{trio.current_time():8.3f}  "
      except RuntimeError:
        at = " " * 10
      self.outcome.trace.append(at + line)

  def _appended(self, log: str, batch: Batch) -> None:
    self.outcome.counts["events"] += len(batch)
    if self.traced:
      for event in batch:
        self.note(f"log     {log} {type(event).__name__.lower()} {_shown(event)}")

  async def work(self, network: MemoryNetwork) -> None:
    """Everything."""
    self.network = network
    async with trio.open_nursery() as nursery:
      url = await nursery.start(self._venue)
      market = {"symbols": ["BTC/USDT"], "endpoint": url}
      spec = load_spec(
        json.dumps(
          {
            "sources": {
              "trades": {"use": "binance.trades", "with": market},
              "book": {"use": "binance.orderbook", "with": market | {"deltas": True}},
              "ticker": {"use": "binance.ticker", "with": market | {"stats": False}},
            }
          }
        ),
        registry=REGISTRY,
      )
      server = ServerProcess(1, keeping_of(self.plan.log, self.disk), spec)
      await nursery.start(server.run)
      for plan in self.plan.clients:
        client = Client(plan, self.record.of("market"))
        self.clients.append(client)
        nursery.start_soon(self._client, client)
      for fault in self.plan.faults:
        nursery.start_soon(self._fault, fault)
      judge = MarketJudge("binance", self.truth, (), numbered=True)
      assert server.running is not None
      judge.follow(server.running.carried)
      await trio.sleep_until(self.plan.seconds)
      await self._settle(judge, server)
      self.outcome.seconds = trio.current_time()
      nursery.cancel_scope.cancel()

  async def _venue(self, *, task_status: trio.TaskStatus[str]) -> None:
    host.set(Host("binance"))
    config = BinanceConfig(port=VENUE_PORT, seed=self.plan.seed, speed=0.06)
    await serve_binance(config, task_status=task_status)

  async def _client(self, client: Client) -> None:
    await trio.sleep_until(client.plan.at)
    self.note(f"client  {client.plan.name} comes")
    await client.run()

  async def _fault(self, fault: Fault) -> None:
    await trio.sleep_until(fault.at)
    found = self.network.connections
    self.outcome.counts[fault.kind] += 1
    self.outcome.counts["faults"] += 1
    if fault.kind == "cut" and found:
      connection = found[fault.which % len(found)]
      self.note(f"fault   {fault}: a connection to {connection.port}")
      connection.cut()

  async def _settle(self, judge: MarketJudge, server: ServerProcess) -> None:
    deadline = trio.current_time() + 60.0
    while True:
      await trio.sleep(1.0)
      self._check()
      wrong = next((w for client in self.clients if (w := client.missing())), None)
      if wrong is None:
        break
      self.note(f"wrong   {wrong}")
      if trio.current_time() > deadline:
        raise Violation(0, wrong)
    for client in self.clients:
      self.outcome.counts["clients"] += 1
      self.outcome.counts["received"] += client.received
      self.outcome.counts["gaps"] += client.gaps

  def _check(self) -> None:
    for wrong in (*self.record.wrong, *self.faults):
      raise Violation(0, wrong)


class _LogTrace(logging.Handler):
  """Log records as lines of the trace; an error with a traceback is a fault of ours."""

  def __init__(self, world: _World) -> None:
    super().__init__()
    self._world = world

  def emit(self, record: logging.LogRecord) -> None:
    line = record.getMessage()
    process = host.get()
    if process is not None and not process.alive:
      return
    name = "client" if process is None else process.name
    self._world.note(f"says    {name}: {record.levelname.lower()} {line}")
    if record.exc_info and record.levelno >= logging.ERROR:
      self._world.faults.append(f"{name}: {line}")


def _shown(event: Any) -> str:
  names = (
    "seq_internal", "exchange", "symbol", "trade_id", "price", "size", "sequence", "bid", "ask",
    "channel", "reason", "from_seq", "to_seq", "cause",
  )  # fmt: skip
  found = ((name, getattr(event, name, None)) for name in names)
  return " ".join(f"{name}={value}" for name, value in found if value is not None)
