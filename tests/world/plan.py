"""What happens in a world: who is there, what they do, and what goes wrong, drawn from a seed."""

import random
from typing import Literal

import attrs
from bond_simkit import Episode, draw_episodes

from tests.chaos.venues import KINDS

SECONDS = 12.0
"""Within which everything happens, by default."""

FaultKind = Literal[
  *("cut", "hold", "kill", "power", "stop", "full", "trouble", "clock", "silence"),
  *("takeover", "failover", "redis"),
]
DRAWN: tuple[FaultKind, ...] = (
  *("cut", "hold", "kill", "power", "stop", "full", "trouble", "clock"),
)
"""Those that strike a server alone; a silence of all venues is drawn where somebody makes
windows."""
OF_TWO: tuple[FaultKind, ...] = (
  *("cut", "hold", "hold", "kill", "stop", "takeover", "failover", "redis", "clock"),
)
"""Those that strike two servers that share a log. One takes the other's place while that one runs
(takeover) or once it is dead (failover)."""
LogMode = Literal["memory", "process", "power", "redis"]
ALONE: tuple[LogMode, ...] = ("memory", "process", "power")
"""The logs of a server that has its own."""
CHANNELS = ("trades", "ticker", "orderbook")
MARKETS = ("BTC/USDT", "BTC/USDT:USDT")
JUMPS_MS = (-3_600_000, -2_000, -300, 300, 2_000, 3_600_000)
"""By how much a clock jumps."""


@attrs.frozen
class Fault:
  """Something that goes wrong at `at` for `seconds`; `which` chooses among what it can strike."""

  at: float
  kind: FaultKind
  seconds: float
  which: int

  def __str__(self) -> str:
    return f"{self.kind} at {self.at:.2f} for {self.seconds:.2f} ({self.which})"


@attrs.frozen
class ClientPlan:
  """A reader of the market: when it comes and goes, what it subscribes to, where it begins (`since`
  is what `from` says), and when it stalls and for how long. `pauses` are when it unsubscribes, and
  for how long; `token` is for how many seconds a token lets it read, None for one that needs none;
  with `raw` it reads /raw."""

  name: str
  at: float
  leaves: float | None
  channels: tuple[str, ...]
  symbols: tuple[str, ...]
  policy: str
  deltas: bool
  since: str | None
  stalls: tuple[tuple[float, float], ...]
  pauses: tuple[tuple[float, float], ...] = ()
  token: int | None = None
  raw: bool = False

  def __str__(self) -> str:
    parts = [f"{self.name} at {self.at:.2f}: {', '.join(self.channels)} of {self.symbols[0]}"]
    parts += [self.policy] if self.policy != "auto" else []
    parts += ["raw"] if self.raw else []
    parts += ["deltas"] if self.deltas else []
    parts += [f"from {self.since}"] if self.since else []
    parts += [f"token for {self.token} s"] if self.token else []
    parts += [f"leaves at {self.leaves:.2f}"] if self.leaves else []
    parts += [f"stalls at {at:.2f} for {seconds:.2f}" for at, seconds in self.stalls]
    parts += [f"unsubscribes at {at:.2f} for {seconds:.2f}" for at, seconds in self.pauses]
    return ", ".join(parts)


@attrs.frozen
class StreamPlan:
  """A stream of windows that a caller makes over the control plane, and deletes."""

  venue: str
  at: float
  deletes: float | None
  every: str

  def __str__(self) -> str:
    deletes = "" if self.deletes is None else f", deleted at {self.deletes:.2f}"
    return f"stream of {self.every} of {self.venue} at {self.at:.2f}{deletes}"


@attrs.frozen
class VenuePlan:
  """A venue, what the server reads of it, and what it does to those who read."""

  name: str
  symbols: tuple[str, ...]
  episodes: tuple[Episode, ...]


@attrs.frozen
class Plan:
  """All that is decided before a world begins."""

  seed: int
  seconds: float
  log: LogMode
  venues: tuple[VenuePlan, ...]
  clients: tuple[ClientPlan, ...]
  streams: tuple[StreamPlan, ...]
  faults: tuple[Fault, ...]
  hush: bool = False
  """Whether the markets stand still in the end while nobody reads."""

  def lines(self) -> list[str]:
    """It, for a trace."""
    return [
      f"plan    seed {self.seed}, {self.seconds:g} s, log {self.log}, hush {self.hush}",
      *(f"plan    {venue.name} with {', '.join(venue.symbols)}" for venue in self.venues),
      *(f"plan    {venue.name}: {episode}" for venue in self.venues for episode in venue.episodes),
      *(f"plan    {client}" for client in self.clients),
      *(f"plan    {stream}" for stream in self.streams),
      *(f"plan    {fault}" for fault in self.faults),
    ]


def draw(seed: int, seconds: float = SECONDS) -> Plan:
  """The plan of a seed."""
  rng = random.Random(f"world {seed}")
  names = rng.sample(("binance", "okx", "bybit"), rng.choice((1, 1, 2)))
  log = rng.choice(ALONE)
  venues = tuple(_venue(rng, name, seconds) for name in names)
  clients = tuple(
    _in_its_way(seed, number, _client(rng, number, seconds), seconds)
    for number in range(rng.randint(1, 4))
  )
  streams = _streams(seed, names, seconds)
  faults = [*_faults(rng, seconds), *_silences(seed, streams, seconds)]
  hush = random.Random(f"world {seed} hush").random() < 1 / 3
  both = random.Random(f"world {seed} both")
  if both.random() < 1 / 8:
    log, streams, faults = "redis", (), _faults_of_two(both, seconds)
  faults.sort(key=lambda fault: fault.at)
  return Plan(seed, seconds, log, venues, clients, streams, tuple(faults), hush)


def _streams(seed: int, names: list[str], seconds: float) -> tuple[StreamPlan, ...]:
  """In one world of four, since a control plane takes its time to begin."""
  rng = random.Random(f"world {seed} streams")
  if rng.random() < 0.75:
    return ()
  found = []
  for every in rng.sample(("1s", "2s", "3s"), rng.randint(1, 2)):
    at = rng.uniform(0.0, seconds / 2)
    deletes = rng.uniform(at + 0.5, seconds) if rng.random() < 0.6 else None
    found.append(StreamPlan(rng.choice(names), at, deletes, every))
  return tuple(found)


def _silences(seed: int, streams: tuple[StreamPlan, ...], seconds: float) -> list[Fault]:
  """What the venues say comes late, for the half of those who make windows."""
  rng = random.Random(f"world {seed} silences")
  if not streams or rng.random() < 0.5:
    return []
  return [Fault(rng.uniform(streams[0].at + 2.0, seconds), "silence", rng.uniform(1.2, 4.0), 0)]


def _venue(rng: random.Random, name: str, seconds: float) -> VenuePlan:
  symbols = rng.choice((MARKETS[:1], MARKETS))
  episodes: list[Episode] = []
  if rng.random() < 0.3:
    # A connection that is mute is noticed after minutes only.
    kinds = [kind for kind in KINDS if kind != "mute"]
    episodes = draw_episodes(rng, kinds, until=seconds, most=2)
  return VenuePlan(name, symbols, tuple(episodes))


def _client(rng: random.Random, number: int, seconds: float) -> ClientPlan:
  at = rng.uniform(0.0, seconds * 0.7)
  stalls = sorted(
    (rng.uniform(at, seconds), rng.uniform(0.5, 8.0)) for _ in range(rng.choice((0, 0, 1, 2)))
  )
  return ClientPlan(
    name=f"client {number}",
    at=at,
    leaves=rng.uniform(at + 0.5, seconds + 1) if rng.random() < 0.2 else None,
    channels=tuple(rng.sample(CHANNELS, rng.randint(1, 3))),
    symbols=rng.choice((("*",), ("*",), ("BTC/USDT",))),
    policy=rng.choice(("auto", "auto", "lossless", "conflate")),
    deltas=rng.random() < 0.4,
    since=rng.choice((None, None, "now-2s", "now-5s", "now-1h")),
    stalls=tuple(stalls),
  )


def _in_its_way(seed: int, number: int, plan: ClientPlan, seconds: float) -> ClientPlan:
  """A client, one in two of which pauses, shows a token or reads /raw."""
  rng = random.Random(f"world {seed} way of {number}")
  way = rng.randrange(8)
  token = rng.randint(2, 5) if way in (1, 3) else None
  if way in (0, 1):
    pauses = [(rng.uniform(plan.at, seconds), rng.uniform(0.0, 3.0)) for _ in range(2)]
    return attrs.evolve(plan, pauses=tuple(sorted(pauses)), token=token)
  if way in (2, 3):
    return attrs.evolve(plan, raw=True, deltas=True, since=None, token=token)
  return plan


def _faults(rng: random.Random, seconds: float) -> list[Fault]:
  if rng.random() < 0.1:
    return []
  return [
    Fault(
      rng.uniform(0.5, seconds),
      rng.choice(("cut", "cut", "hold", *DRAWN)),
      rng.choice((rng.uniform(0.05, 0.5), rng.uniform(0.5, 4.0))),
      rng.randrange(64),
    )
    for _ in range(rng.randint(1, 6))
  ]


def _faults_of_two(rng: random.Random, seconds: float) -> list[Fault]:
  return [
    Fault(rng.uniform(0.5, seconds), rng.choice(OF_TWO), rng.uniform(0.05, 6.0), rng.randrange(64))
    for _ in range(rng.randint(1, 5))
  ]
