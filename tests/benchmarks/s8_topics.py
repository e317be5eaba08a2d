"""S8: a thousand clients, each with 5 of 500 symbols, beside the peers that filter.

Messages go to the symbols round and round, so each client's are known, and none may be missing or
be another's. What is compared is the processor time of the server for the same deliveries, and the
latency. Servers are measured in turn, twice, and each stands with its better round.
"""

import random
from typing import Any, NamedTuple

import attrs

from tests.benchmarks.contenders import Contender, bond, peers
from tests.benchmarks.rig import Broken, rig
from tests.benchmarks.servers.offered import topic_names

SYMBOLS = 500
WARM, WINDOW = 1.0, 2.0
ROUNDS = 2
WITNESSES = 32


class Shape(NamedTuple):
  """So many clients with so many symbols each, at offered messages a second."""

  clients: int
  each: int
  rates: tuple[int, ...]


SHAPE = Shape(clients=1000, each=5, rates=(10_000, 20_000))


def choices(shape: Shape) -> list[list[int]]:
  """The symbols of each client, the same in every run."""
  dice = random.Random(shape.clients)
  return [dice.sample(range(SYMBOLS), shape.each) for _ in range(shape.clients)]


def fan_out(name: str, contender: Contender, shape: Shape) -> dict[str, Any]:
  """One server's windows, one for each rate, and what arrived of everything."""
  names, chosen = topic_names(SYMBOLS), choices(shape)
  command = (*contender.command, "--topics", str(SYMBOLS))
  contender = attrs.evolve(contender, command=command)
  messages = [contender.subscribe([names[index] for index in one]) for one in chosen]
  windows: list[dict[str, Any]] = []
  try:
    with rig(name, contender, witnesses=WITNESSES) as running:
      running.connect(shape.clients, messages, topics=chosen, of=SYMBOLS)
      windows.extend(running.measure(rate, WINDOW, WARM) for rate in shape.rates)
      return {"windows": windows, "arrived": running.finish_topics()}
  except Broken as exc:
    return {"windows": windows, "broken": str(exc)}


def best(runs: list[dict[str, Any]]) -> dict[str, Any]:
  """The run that went as far as any, with the least processor time at the highest rate."""

  def cost(run: dict[str, Any]) -> tuple[int, float]:
    windows = run["windows"]
    return -len(windows), windows[-1]["server_cpu"] if windows else 0.0

  return min(runs, key=cost)


def summary(run: dict[str, Any]) -> dict[str, Any]:
  """Each rate's deliveries, latency and processor time, and what was lost."""
  wanted = ("deliveries_per_s", "p50_ms", "p99_ms", "server_cpu", "rss_mb")
  found: dict[str, Any] = {
    f"{window['offered_per_s']:,}/s": {key: window[key] for key in wanted}
    for window in run["windows"]
  }
  if "broken" in run:
    return {**found, "broken": run["broken"]}
  arrived = run["arrived"]
  kinds = ("loss", "clients_short", "missing", "doubled", "strayed", "gap_frames", "closed")
  return {**found, **{kind: arrived[kind] for kind in kinds if arrived[kind] or kind == "loss"}}


def measured(shape: Shape) -> dict[str, dict[str, Any] | str]:
  """Each server's summary; why it is not here where it is not."""
  contenders = {"bond": bond(), **{n: peer for n, peer in peers().items() if peer.filters}}
  runs: dict[str, list[dict[str, Any]]] = {}
  for _ in range(ROUNDS):
    for name, contender in contenders.items():
      if contender.missing() is None:
        runs.setdefault(name, []).append(fan_out(name, contender, shape))
  return {
    name: summary(best(runs[name])) if name in runs else contender.missing() or ""
    for name, contender in contenders.items()
  }


def at_the_highest(figures: dict[str, Any] | str, shape: Shape, key: str) -> float | None:
  """A figure of a server at the highest rate, None where it did not get there."""
  if isinstance(figures, str):
    return None
  found: float | None = figures.get(f"{shape.rates[-1]:,}/s", {}).get(key)
  return found


def run() -> dict[str, Any]:
  """Cores that Bond takes at the higher rate; the goal is what uWebSockets takes in this run."""
  found = measured(SHAPE)
  return {
    "value": at_the_highest(found["bond"], SHAPE, "server_cpu"),
    "unit": "cores",
    "goal": at_the_highest(found["uWebSockets"], SHAPE, "server_cpu"),
    "servers": found,
  }
