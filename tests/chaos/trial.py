"""One trial: a venue, a plan, a feed; and what came of it."""

import json
import logging
import random
from collections import Counter
from collections.abc import Hashable
from functools import partial

import attrs
import trio
from bond_simkit import Hostility, between, draw_episodes

from bond_core import Batch, ChainEvent, Gap
from bond_core._clock import SystemClock
from bond_core._errors import leaves
from bond_core._feeds.liveness import SourceState
from bond_core._logs.memory import MemoryLog
from bond_core._sources.manager import SourceManager, open_sources
from bond_core._sources.source import SourceReader
from bond_core._spec.load import load_spec
from bond_core.testing._components import REGISTRY
from tests.chaos import world
from tests.chaos.judge import Judge, Violation
from tests.chaos.venues import CHAOS, VENUES, Venue

SHOWN = (
  "symbol", "market_type", "update_type", "trade_id", "price", "size", "sequence", "prev_sequence",
  "bid", "bid_size", "ask", "ask_size",
)  # fmt: skip
"""Fields of events in a trace."""

UNMUTED_WITHIN = 330.0
"""Seconds within which all subscriptions are as the venue is again where pings were answered on a
connection without data, whose markets may as well have been quiet."""
AFTERWARDS = 2.0
"""Seconds that they have to stay so."""
CALM = 0.03
"""Share of trials without a plan, in which nothing may be lost."""


@attrs.define
class Outcome:
  """What came of a trial. `failure` is the sentence that says what does not hold, None for none;
  `recovered` the seconds that everything took to be right again."""

  seed: str
  failure: str | None = None
  struck: Counter[str] = attrs.field(factory=Counter)
  told: Counter[str] = attrs.field(factory=Counter)
  recovered: float = 0.0
  trace: list[str] = attrs.field(factory=list)


@attrs.frozen
class Restart:
  """The venue's service begins anew, with other numbers, after being away for a while."""

  at: float
  away: float


def trial(venue: str, seed: int, *, stretch: float = 1.0, traced: bool = False) -> Outcome:
  """Runs a trial. An equal venue, seed and stretch give an equal one; its plan lasts `stretch`
  times as long as usual."""
  outcome = Outcome(f"{venue} {seed}")
  run = _Trial(VENUES[venue], seed, outcome, stretch, traced)
  handler = _LogTrace(run)
  logger = logging.getLogger("bond")
  before = logger.level, logger.propagate
  logger.addHandler(handler)
  logger.setLevel(logging.INFO)
  logger.propagate = False
  try:
    with run.truth.noted():
      world.run(outcome.seed, run.work)
  except BaseException as exc:
    found = [error for error in leaves(exc) if isinstance(error, Violation)]
    if not found:
      raise
    outcome.failure = str(found[0])
  finally:
    logger.removeHandler(handler)
    logger.level, logger.propagate = before
  return outcome


class _Trial:
  def __init__(
    self, venue: Venue, seed: int, outcome: Outcome, stretch: float, traced: bool
  ) -> None:
    self.venue, self.seed, self.outcome, self.traced = venue, seed, outcome, traced
    self.chaos = venue.chaos * stretch
    self.truth = venue.truth()
    self.faults: list[str] = []
    rng = random.Random(f"{outcome.seed} plan")
    self.rng = rng
    calm = rng.random() < CALM
    drawn = [] if calm else draw_episodes(rng, venue.kinds, until=CHAOS)
    longer = self.chaos / CHAOS
    self.episodes = [
      attrs.evolve(episode, begin=episode.begin * longer, end=episode.end * longer)
      for episode in drawn
    ]
    self.restarts: list[Restart] = []
    if not calm and venue.restarts and rng.random() < 0.2:
      at, away = rng.uniform(1, CHAOS - 4), rng.uniform(0.0, 3.0)
      self.restarts.append(Restart(at * stretch, away * stretch))
    for episode in self.episodes:
      self.note(f"plan    {episode}")
    for restart in self.restarts:
      self.note(f"plan    the service is away for {restart.away:.1f} s at {restart.at:.2f}")

  def note(self, line: str) -> None:
    """Adds a line to the trace."""
    if self.traced:
      try:
        at = f"{trio.current_time():8.3f}  "
      except RuntimeError:
        at = " " * 10
      self.outcome.trace.append(at + line)

  # The venue -------------------------------------------------------------------------------------

  async def serve(
    self, hostility: Hostility, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
  ) -> None:
    """Serves the venue, with its restarts."""
    between.set(hostility.site)
    started = False
    for number, until in enumerate([*self.restarts, None]):
      now_ms = SystemClock().now_ms()
      config = self.venue.simulator(self.seed * 10 + number, now_ms)
      async with trio.open_nursery() as nursery:
        url = await nursery.start(
          lambda task_status, config=config: self.venue.serve(config, task_status=task_status)
        )
        if not started:
          task_status.started(url)
          started = True
        if until is None:
          await trio.sleep_forever()
        else:
          await trio.sleep_until(until.at)
          self.note("venue   the service stops")
          nursery.cancel_scope.cancel()
      if until is not None:
        await trio.sleep(until.away)
        self.note("venue   the service begins anew")

  # The trial -------------------------------------------------------------------------------------

  async def work(self) -> None:
    async with trio.open_nursery() as nursery:
      hostility = Hostility(
        self.episodes,
        random.Random(f"{self.outcome.seed} strikes"),
        lambda kind, what: self.note(f"strike  {kind:11} {what}"),
      )
      log = _Log(self)
      judge: Judge = self.venue.judge(
        self.venue.exchange, self.truth, hostility.withheld, numbered=self.venue.numbered
      )
      try:
        url = await nursery.start(partial(self.serve, hostility))
        await nursery.start(hostility.run)
        spec = {"sources": self.venue.sources(self.rng, url)}
        self.note(f"spec    {json.dumps(spec)}")
        loaded = load_spec(json.dumps(spec), registry=REGISTRY)
        async with open_sources(log, SystemClock()) as sources:
          readers = [
            sources.open(name, source.type, source.config)
            for name, source in loaded.sources.items()
          ]
          judge.follow(readers)
          await self._watch(log, judge, sources, readers)
      finally:
        self.outcome.struck.update(hostility.struck)
        self.outcome.struck["restart"] += len(self.restarts) if self.outcome.told else 0
        self.outcome.told = judge.told
        nursery.cancel_scope.cancel()

  async def _watch(
    self, log: "_Log", judge: Judge, sources: SourceManager, readers: list[SourceReader]
  ) -> None:
    calm_since: float | None = None
    muted = any(episode.kind == "mute" for episode in self.episodes)
    within = UNMUTED_WITHIN if muted else self.venue.within
    # Between two pulses of the market, when all that it has sent has come.
    await trio.sleep(0.027)
    while True:
      await trio.sleep(1.0)
      self._judge(log, judge)
      now = trio.current_time()
      if now < self.chaos:
        continue
      wrong = self._wrong(judge, sources, readers)
      if wrong is None:
        calm_since = now if calm_since is None else calm_since
        if now - calm_since >= AFTERWARDS:
          self.outcome.recovered = calm_since - self.chaos
          break
      else:
        self.note(f"wrong   {wrong}")
        calm_since = None
        if now > self.chaos + within:
          raise Violation(0, f"not recovered after {within:.0f} s: {wrong}")
    if not self.episodes and not self.restarts and judge.told["Gap"]:
      raise Violation(0, "a gap where nothing was lost")

  def _judge(self, log: "_Log", judge: Judge) -> None:
    told, log.told = log.told, []
    judge.read(told)
    if self.faults:
      raise Violation(0, self.faults[0])

  def _wrong(self, judge: Judge, sources: SourceManager, readers: list[SourceReader]) -> str | None:
    for reader in readers:
      if reader.failure or reader.refused:
        return f"{reader.name} was given up: {reader.failure or reader.refused}"
    if wrong := judge.wrong(readers):
      return wrong
    states = [state for source in sources.sources for state in source.parts().values()]
    bad = [s for s in states if s not in (SourceState.LIVE, SourceState.QUIET)]
    return f"a subscription is {bad[0]}" if bad else None


class _Log(MemoryLog):
  """The log, which hands what is written to the judge as well."""

  def __init__(self, trial: _Trial) -> None:
    super().__init__("market", stamps=True)
    self.told: Batch = []
    self._trial = trial

  def append(self, batch: Batch, source: Hashable = None, first: int | None = None) -> int:
    self.told += batch
    if self._trial.traced:
      for event in batch:
        self._trial.note(f"told    {_shown(event)}")
    return super().append(batch, source, first)


class _LogTrace(logging.Handler):
  """Log records as lines of the trace; an error is a fault of ours."""

  def __init__(self, trial: _Trial) -> None:
    super().__init__()
    self._trial = trial

  def emit(self, record: logging.LogRecord) -> None:
    line = record.getMessage()
    self._trial.note(f"log     {record.levelname.lower()} {line}")
    if record.exc_info and record.levelno >= logging.ERROR:
      self._trial.faults.append(f"{line} ({_place(record)})")


def _place(record: logging.LogRecord) -> str:
  exc = record.exc_info[1] if record.exc_info else None
  trace = exc.__traceback__ if isinstance(exc, BaseException) else None
  where = ""
  while trace is not None:
    where = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}"
    trace = trace.tb_next
  return where


def _shown(event: object) -> str:
  if isinstance(event, Gap):
    span = "" if event.venue_from is None else f" {event.venue_from} to {event.venue_to}"
    return f"GAP     {event.channel} of {event.symbol} {event.market_type}{span}: {event.cause}"
  kind = type(event).__name__.lower()
  found = ((name, getattr(event, name, None)) for name in SHOWN)
  values = " ".join(f"{name}={value}" for name, value in found if value is not None)
  if isinstance(event, ChainEvent):
    meta = event.meta or {}
    names = ("slot", "height", "status", "txid", "block", "hash", "signature")
    values += f" {event.kind} " + " ".join(str(meta[name]) for name in names if meta.get(name))
  return f"{kind:7} {values}"
