"""What happens in a world: who is there, what they do, and what goes wrong, drawn from a seed."""

import random
from typing import Literal, get_args

import attrs

SECONDS = 12.0
"""Within which everything happens, by default."""

FaultKind = Literal["cut"]
LogMode = Literal["memory", "process", "power"]


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
  """A reader of the market: when it comes, what it subscribes to."""

  name: str
  at: float
  channels: tuple[str, ...]


@attrs.frozen
class Plan:
  """All that is decided before a world begins."""

  seed: int
  seconds: float
  log: LogMode
  clients: tuple[ClientPlan, ...]
  faults: tuple[Fault, ...]

  def lines(self) -> list[str]:
    """It, for a trace."""
    return [
      f"plan    seed {self.seed}, {self.seconds:g} s, log {self.log}",
      *(f"plan    {client}" for client in self.clients),
      *(f"plan    {fault}" for fault in self.faults),
    ]


def draw(seed: int, seconds: float = SECONDS) -> Plan:
  """The plan of a seed."""
  rng = random.Random(f"world {seed}")
  kinds: tuple[FaultKind, ...] = get_args(FaultKind)
  clients = tuple(
    ClientPlan(
      name=f"client {number}",
      at=rng.uniform(0.0, seconds / 2),
      channels=tuple(rng.sample(("trades", "ticker", "orderbook"), rng.randint(1, 3))),
    )
    for number in range(rng.randint(1, 3))
  )
  faults = tuple(
    sorted(
      (
        Fault(
          rng.uniform(0.5, seconds), rng.choice(kinds), rng.uniform(0.1, 3.0), rng.randrange(64)
        )
        for _ in range(rng.randint(0, 4))
      ),
      key=lambda fault: fault.at,
    )
  )
  modes: tuple[LogMode, ...] = get_args(LogMode)
  return Plan(seed, seconds, rng.choice(modes), clients, faults)
