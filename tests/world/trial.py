"""One world: its plan carried out, and what came of it."""

import errno
import hashlib
import json
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import attrs
import trio
from bond_sim.market.pool import MarketPool
from bond_simkit import Hostility, between

from bond_core import Batch, BondError, _simulators
from bond_core._clock import SystemClock
from bond_core._errors import leaves
from bond_core._feeds.liveness import SourceState
from bond_core._spec.load import load_spec
from bond_core.logs import DurableLog, EngineError
from bond_core.testing._components import REGISTRY
from tests.chaos.judge import Violation
from tests.chaos.markets import MarketJudge
from tests.chaos.network import Host, host
from tests.chaos.truth import Truth, noted_by
from tests.chaos.venues import VENUES
from tests.world import simulation
from tests.world.client import Client, key_of
from tests.world.disk import SimulatedDisk
from tests.world.network import WorldNetwork
from tests.world.owner import Owner
from tests.world.plan import JUMPS_MS, Fault, Plan, VenuePlan
from tests.world.record import Record
from tests.world.redis import KEPT, REDIS_PORT, SimulatedRedis, real_redis
from tests.world.server import BROKER_PORT, PORTS, ServerProcess, keeping_of
from tests.world.windows import check_windows

VENUE_PORT = 9000
MARKET = "simulated:market"
"""The name of the log of all events."""
RECOVERED_WITHIN = 150.0
"""Seconds after the last fault within which everything is as it should be."""
STOPPED_WITHIN = 12.0
"""Five seconds for clients, and five for the log."""
HUSH = 8.0
"""Seconds for which nobody reads, and the markets stand still from the middle on."""
LOOK_EVERY = 1.0


@attrs.define
class Outcome:
  """What came of a world. `failure` is the sentence that says what does not hold, None for none."""

  plan: Plan
  failure: str | None = None
  seconds: float = 0.0
  recovered: float = 0.0
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
    with (
      noted_by(world.truth),
      world.record.kept(),
      patch.object(_simulators, "simulator", world.simulator),
      world.folder_of_streams(),
      world.shared_redis(),
    ):
      name = f"world {plan.seed}"
      network = WorldNetwork(name, {BROKER_PORT}, {REDIS_PORT})
      simulation.run(name, network, world.work, [order] if traced else [])
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
    self.truths = {venue.name: Truth() for venue in plan.venues}
    self.record = Record(self._appended)
    self.wrong: list[str] = []
    self.disk = SimulatedDisk()
    self.clients: list[Client] = []
    self.rng = random.Random(f"world {plan.seed} strikes")
    self.network: WorldNetwork
    self.nursery: trio.Nursery
    self.server: ServerProcess | None = None
    """That which reads the venues."""
    self.follower: ServerProcess | None = None
    """That which serves what the other one writes, where there are two."""
    self.redis: SimulatedRedis | None = None
    self.lives = 0
    self.urls: dict[str, str] = {}
    self.owners: list[Owner] = []
    self.folder: Path | None = None
    """Of the server's streams, where a caller makes some."""
    self._restarting = trio.Lock()
    self._kept = "", 0
    """The last number that must have survived, and its epoch; and the first of that life."""
    self._since = 0
    self._ports = list(PORTS)
    """Of the server, and of the one that follows it."""
    self._changing_over = False
    self._forgetful = False
    """Whether Redis lost what it had taken."""
    self._writer: Host | None = None
    self._hostilities: dict[str, Hostility] = {}
    self._judges: dict[str, MarketJudge] = {}
    self._told: dict[str, list[Any]] = {}
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

  @asynccontextmanager
  async def simulator(self, venue: str) -> AsyncIterator[str]:
    """The simulator of a venue: the one that is there."""
    await trio.lowlevel.checkpoint()
    yield self.urls[venue]

  @contextmanager
  def folder_of_streams(self) -> Iterator[None]:
    """A folder for the time of the world, where a caller makes streams."""
    if not self.plan.streams:
      yield
      return
    with TemporaryDirectory(prefix="bond-world-") as folder:
      self.folder = Path(folder)
      yield

  @contextmanager
  def shared_redis(self) -> Iterator[None]:
    """A Redis for the time of the world, where servers share one."""
    if self.plan.log != "redis":
      self._ports = [BROKER_PORT]
      yield
      return
    with real_redis() as real:
      self.redis = SimulatedRedis(real)
      yield

  def truth(self) -> Truth:
    """The truth of the venue whose task runs."""
    process = host.get()
    assert process is not None
    return self.truths[process.name]

  def _appended(self, log: str, batch: Batch) -> None:
    self.outcome.counts["events"] += len(batch)
    if log == MARKET and host.get() is self._writer:
      for event in batch:
        if event.exchange in self._told:
          self._told[event.exchange].append(event)
    if self.traced:
      for event in batch:
        self.note(f"log     {log} {type(event).__name__.lower()} {_shown(event)}")

  # Everything ------------------------------------------------------------------------------------

  async def work(self, network: WorldNetwork) -> None:
    """Carries out the plan, waits until all is right again, and stops the server."""
    self.network = network
    async with trio.open_nursery() as nursery:
      self.nursery = nursery
      sources: dict[str, Any] = {}
      for place, venue in enumerate(self.plan.venues):
        self.urls[venue.name] = await nursery.start(self._venue, venue, VENUE_PORT + place)
        sources |= _sources(venue)
      self.spec = load_spec(json.dumps({"sources": sources}), registry=REGISTRY)
      if self.redis is not None:
        network.balanced[BROKER_PORT] = PORTS
        await nursery.start(self.redis.run)
      await self._start()
      if self.redis is not None:
        nursery.start_soon(self._follow)
      for plan in self.plan.clients:
        client = Client(plan, self.record.of(MARKET), self.truths, self._token)
        self.clients.append(client)
        nursery.start_soon(self._client, client)
      for stream in self.plan.streams:
        owner = Owner(stream, self.record)
        self.owners.append(owner)
        nursery.start_soon(owner.run)
      for fault in self.plan.faults:
        nursery.start_soon(self._fault, fault)
      last = max((fault.at + fault.seconds for fault in self.plan.faults), default=0.0)
      while trio.current_time() < max(self.plan.seconds, last):
        await trio.sleep(LOOK_EVERY)
        self._look()
      await self._settle(RECOVERED_WITHIN)
      self.outcome.recovered = trio.current_time() - max(self.plan.seconds, last)
      with ExitStack() as stack:
        if self.plan.hush:
          await self._hush(stack)
        await self._end()
      nursery.cancel_scope.cancel()
    self.outcome.seconds = trio.current_time()

  async def _venue(self, venue: VenuePlan, port: int, *, task_status: trio.TaskStatus[str]) -> None:
    host.set(Host(venue.name))
    of = VENUES[venue.name]
    hostility = Hostility(
      venue.episodes,
      random.Random(f"world {self.plan.seed} {venue.name}"),
      lambda kind, what: self.note(f"strike  {venue.name}: {kind:11} {what}"),
    )
    self._hostilities[venue.name] = hostility
    between.set(hostility.site)
    config = attrs.evolve(of.simulator(self.plan.seed, SystemClock().now_ms()), port=port)
    async with trio.open_nursery() as nursery:
      await nursery.start(hostility.run)
      url = await nursery.start(lambda task_status: of.serve(config, task_status=task_status))
      task_status.started(url)

  async def _token(self, seconds: int) -> str:
    """A token for the market, of the server that runs."""
    while self.server is None or self.server.running is None:
      await trio.sleep(0.1)
    # Where a clock moves, its end is none that a client could know.
    moves = any(fault.kind == "clock" for fault in self.plan.faults)
    return self.server.running.access.token("market", 604_800 if moves else seconds)

  async def _client(self, client: Client) -> None:
    await trio.sleep_until(client.plan.at)
    self.note(f"client  {client.plan.name} comes")
    await client.run()
    self.note(f"client  {client.plan.name} has gone")

  # The server ------------------------------------------------------------------------------------

  async def _start(self) -> None:
    """A new life of the server; tries again while its disk does not let it."""
    while True:
      self.lives += 1
      keeping = keeping_of(self.plan.log, self.disk)
      life = ServerProcess(self.lives, keeping, self.spec, self.folder, self._ports[0])
      self._writer = life.host
      self._judges, self._told = {}, {}
      for venue in self.plan.venues:
        of, withheld = VENUES[venue.name], self._hostilities[venue.name].withheld
        judge = MarketJudge(venue.name, self.truths[venue.name], withheld, numbered=of.numbered)
        self._judges[venue.name], self._told[venue.name] = judge, []
      try:
        await self.nursery.start(life.run)
      except Exception as exc:
        if not all(isinstance(error, BondError) for error in leaves(exc)):
          raise
        self.note(f"server  {self.lives} does not start: {_words(exc)}")
        self.disk.released()
        await trio.sleep(1.0)
        continue
      self.note(f"server  {self.lives} serves")
      assert life.running is not None
      await self._compare(life.running.log)
      for exchange, judge in self._judges.items():
        carried = life.running.carried
        judge.follow([reader for reader in carried if reader.source.exchange == exchange])
      self.server = life
      return

  async def _follow(self) -> None:
    """Keeps a second server running, as service managers do."""
    while True:
      await trio.sleep(1.0)
      if self._changing_over:
        continue
      self.lives += 1
      keeping = keeping_of(self.plan.log, self.disk, follow=True)
      life = ServerProcess(self.lives, keeping, self.spec, None, self._ports[1])
      try:
        await self.nursery.start(life.run)
      except Exception as exc:
        if not all(isinstance(error, BondError) for error in leaves(exc)):
          raise
        self.note(f"server  {life.host.name} does not start: {_words(exc)}")
        continue
      self.note(f"server  {life.host.name} follows")
      self.follower = life
      await life.ended.wait()
      self.follower = None
      if life.error is not None:
        self.note(f"server  {life.host.name} ends: {_words(life.error)}")
        if not all(isinstance(error, EngineError) for error in leaves(life.error)):
          self.wrong.append(f"{life.host.name} ended with {_words(life.error)}")

  async def _change_over(self, fault: Fault) -> None:
    """The second server writes from now on, and the first one follows it."""
    async with self._restarting:
      old, other = self.server, self.follower
      if old is None or other is None:
        return
      self._look()
      self._changing_over = True
      if fault.kind == "failover":
        self.server = None
        self._note_kept(old)
        old.kill()
      await self._stop(other)
      self._ports.reverse()
      await self._start()
      if old.host.alive:
        await trio.sleep(fault.seconds)
        await self._stop(old)
      self._changing_over = False

  def _note_kept(self, life: ServerProcess) -> None:
    """Notes what has to be there in the next life."""
    log = None if life.running is None else life.running.log
    if log is not None and log.engine is not None and not self._forgetful:
      self._kept = log.epoch, log.engine.head
      # Before `broken_at` some may be missing, as readers are told.
      begin = self.record.of(MARKET).lives.get(log.epoch, [0])[-1]
      self._since = max(begin, log.broken_at)

  async def _compare(self, log: DurableLog) -> None:
    """What was acknowledged is there, and all that is there was once appended."""
    (epoch, kept), self._kept = self._kept, ("", 0)
    if log.engine is None:
      return
    if kept and (log.epoch, log.engine.head >= kept) != (epoch, True):
      raise Violation(
        0, f"{epoch}:{kept} was acknowledged, and the log is at {log.epoch}:{log.engine.head}"
      )
    known = self.record.of(MARKET).events.get(log.epoch, {})
    stored: set[int] = set()
    for record in await log.engine.read(1, 1_000_000):
      for number, event in enumerate(record.events, record.first):
        stored.add(number)
        if key_of(event) != key_of(known.get(number)):
          raise Violation(0, f"the log has {number} as {event}, appended was {known.get(number)}")
    if missing := [
      number for number in known if self._since <= number <= kept and number not in stored
    ]:
      raise Violation(0, f"{missing[0]} of {epoch} was acknowledged and is not in the log")

  async def _take_away(self, how: str, away: float) -> None:
    """Ends the server's life, and begins another one."""
    async with self._restarting:
      life = self.server
      if life is None:
        return
      self._look()
      self.server = None
      if how != "power" or self.plan.log != "process":
        self._note_kept(life)
      if how == "stop":
        await self._stop(life)
      else:
        life.kill()
        if how == "power":
          self.disk.lose_power(self.rng)
        else:
          self.disk.released()
      await trio.sleep(away)
      await self._start()

  async def _stop(self, life: ServerProcess) -> None:
    life.stop()
    with trio.move_on_after(STOPPED_WITHIN):
      await life.ended.wait()
    if not life.ended.is_set():
      raise Violation(0, f"{life.host.name} was still there {STOPPED_WITHIN:g} s after its order")
    left = len(life.host.sockets), self.disk.open_files
    if any(left):
      raise Violation(0, f"{life.host.name} has ended and left {left} sockets and files open")

  # Faults ----------------------------------------------------------------------------------------

  async def _fault(self, fault: Fault) -> None:
    await trio.sleep_until(fault.at)
    self.note(f"fault   {fault}")
    self.outcome.counts["faults"] += 1
    if fault.kind in ("kill", "stop") and self.redis is not None and fault.which % 2:
      if self.follower is not None and not self._changing_over:
        await self._stop(self.follower) if fault.kind == "stop" else self.follower.kill()
    elif fault.kind in ("kill", "power", "stop"):
      await self._take_away(fault.kind, fault.seconds)
    elif fault.kind in ("takeover", "failover"):
      await self._change_over(fault)
    elif fault.kind == "redis" and self.redis is not None:
      kept = KEPT[fault.which % len(KEPT)]
      self.note(f"fault   Redis ends, and comes back with {kept}")
      if kept != "everything":
        self._forgetful = True
        self._kept = "", 0
      await self.redis.restart(fault.seconds, kept)
    elif fault.kind == "silence":
      said = [one for one in self.network.connections if one.port >= VENUE_PORT]
      for connection in said:
        connection.hold(True)
      await trio.sleep(fault.seconds)
      for connection in said:
        connection.hold(False)
    elif fault.kind in ("cut", "hold"):
      await self._strike_connection(fault)
    elif fault.kind == "full":
      self.disk.full = True
      await trio.sleep(fault.seconds)
      self.disk.full = False
    elif fault.kind == "trouble":
      self.disk.trouble = errno.EIO
      await trio.sleep(fault.seconds)
      self.disk.trouble = None
    elif fault.kind == "clock" and self.server is not None:
      life, jump = self.server, JUMPS_MS[fault.which % len(JUMPS_MS)]
      life.host.skew_ms += jump
      await trio.sleep(fault.seconds)
      life.host.skew_ms -= jump
    self.note(f"over    {fault}")

  async def _strike_connection(self, fault: Fault) -> None:
    found = self.network.connections
    if not found:
      return
    connection = found[fault.which % len(found)]
    self.note(f"fault   it strikes a connection to {connection.port}")
    if fault.kind == "cut":
      connection.cut()
    else:
      connection.hold(True)
      await trio.sleep(fault.seconds)
      connection.hold(False)

  # What has to hold ------------------------------------------------------------------------------

  def _look(self) -> None:
    """Raises Violation where something cannot be."""
    for exchange, judge in self._judges.items():
      told, self._told[exchange] = self._told[exchange], []
      try:
        judge.read(told)
      except Violation as exc:
        raise Violation(exc.at, f"the log: {exc}") from exc
    for wrong in (*self.record.wrong, *self.wrong):
      raise Violation(0, wrong)
    if self.server is not None and self.server.error is not None:
      raise Violation(0, f"{self.server.host.name} ended with {_words(self.server.error)}")

  async def _hush(self, stack: ExitStack) -> None:
    """The last that happens comes to all who were behind, and nothing comes after it that could
    make up for it, as long as the stack lasts."""
    self.note("hush    nobody reads, and the markets come to a stand")
    for client in self.clients:
      client.stall(HUSH)
    await trio.sleep(HUSH / 2)
    stack.enter_context(patch.object(MarketPool, "advance", lambda pool, now_ms: None))
    await trio.sleep(HUSH / 2)
    await self._settle(HUSH)

  async def _settle(self, within: float) -> None:
    """Returns when everything is as it should be, for two looks."""
    begun, calm = trio.current_time(), 0
    # Between two pulses of the market, when all that it has sent has come.
    await trio.sleep_until(begun // 1 + 1.077)
    while calm < 2:
      await trio.sleep(LOOK_EVERY)
      self._look()
      wrong = self._not_right()
      calm = calm + 1 if wrong is None else 0
      if wrong is not None:
        self.note(f"wrong   {wrong}")
        if trio.current_time() > begun + within:
          raise Violation(0, f"not recovered after {within:g} s: {wrong}")

  def _not_right(self) -> str | None:
    life = self.server
    if life is None or life.running is None:
      return "no server runs"
    readers = life.running.carried
    for reader in readers:
      if reader.failure or reader.refused:
        return f"{reader.name} was given up: {reader.failure or reader.refused}"
      states = list(reader.source.parts().values())
      if any(state not in (SourceState.LIVE, SourceState.QUIET) for state in states):
        return f"{reader.name} is {states}"
    for judge in self._judges.values():
      if wrong := judge.wrong(readers):
        return f"the log: {wrong}"
    log = life.running.log
    if log.failure is not None:
      return f"the log is not kept: {log.failure}"
    if self.redis is not None:
      other = self.follower
      if other is None or other.running is None:
        return "no second server runs"
      if other.running.log.epoch != log.epoch:
        return f"the second server is in {other.running.log.epoch}, the first in {log.epoch}"
    everyone = (*self.clients, *self.owners)
    return next((wrong for one in everyone if (wrong := one.missing())), None)

  async def _end(self) -> None:
    """Stops the server under load; all that it had open is given back."""
    for client in self.clients:
      self.outcome.counts["clients"] += 1
      self.outcome.counts["received"] += client.received
      self.outcome.counts["gaps"] += client.gaps
      self.outcome.counts["resumed"] += client.resumed
    self.outcome.counts["streams"] += len(self.owners)
    self.outcome.counts["windows"] += sum(owner.windows for owner in self.owners)
    assert self.server is not None
    self._compare_windows()
    if self.follower is not None:
      self._changing_over = True
      await self._stop(self.follower)
    await self._stop(self.server)
    self._look()

  def _compare_windows(self) -> None:
    if any(fault.kind == "clock" for fault in self.plan.faults):
      # A window is of the times that venues give, as far as the server's clock lets it trust them.
      return
    for owner in self.owners:
      plan = owner.plan
      check_windows(
        *(owner.log, self.record.of(MARKET), plan.venue),
        every_ms=int(plan.every.removesuffix("s")) * 1000,
        held=any(fault.kind in ("hold", "silence") for fault in self.plan.faults)
        or any(venue.episodes for venue in self.plan.venues),
      )


def _sources(venue: VenuePlan) -> dict[str, Any]:
  """What the server's spec reads of a venue."""
  common = {"symbols": list(venue.symbols)}
  more: dict[str, dict[str, Any]] = {"orderbook": {"deltas": True}, "ticker": {"stats": False}}
  return {
    f"{venue.name}-{channel}": {
      "use": f"{venue.name}.{channel}",
      "with": common | more.get(channel, {}),
    }
    for channel in ("trades", "orderbook", "ticker")
  }


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
      self._world.wrong.append(f"{name}: {line}")


def _shown(event: Any) -> str:
  names = (
    "seq_internal", "exchange", "symbol", "market_type", "update_type", "trade_id", "price",
    "size", "sequence", "bid", "ask", "channel", "reason", "from_seq", "to_seq", "cause",
  )  # fmt: skip
  found = ((name, getattr(event, name, None)) for name in names)
  return " ".join(f"{name}={value}" for name, value in found if value is not None)
