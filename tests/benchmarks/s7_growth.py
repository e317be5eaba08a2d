"""S7: what subscriptions cost that nothing is published on.

The same load goes to the same clients, each message to every one of them, while the configuration
grows: from 10 different sets of subscriptions among the clients to 100, and from 10 symbols a
client to 1,000 of which still only one is published. What is compared is the server's processor
time for the same deliveries. Rounds alternate, and each configuration stands with its least time,
so that a neighbour's noise on the machine is left out.
"""

from typing import Any

from tests.benchmarks.contenders import Contender, bond, peers
from tests.benchmarks.rig import Broken, rig

CLIENTS = 100
RATE = 2000
GOAL = 1.3
WARM, WINDOW = 0.4, 1.5
ROUNDS = 3


def topics(sets: int, each: int) -> list[list[str]]:
  """So many different sets of topics, each with the one that is published on and others that are
  not."""
  return [["bench", *(f"quiet{s}x{i}" for i in range(each - 1))] for s in range(sets)]


CONFIGURATIONS = {
  "10 sets of 10 symbols": topics(10, 10),
  "100 sets of 10 symbols": topics(100, 10),
  "10 sets of 1,000 symbols": topics(10, 1000),
}
BASE = "10 sets of 10 symbols"


def cost(name: str, contender: Contender, sets: list[list[str]]) -> tuple[float, float]:
  """Processor seconds for a million deliveries, and the longest latency (ms). Raises Broken when
  not every client got all."""
  with rig(name, contender) as running:
    running.connect(CLIENTS, [contender.subscribe(one) for one in sets])
    found = running.measure(RATE, WINDOW, WARM)
    arrived = running.finish()
  if arrived["loss"]:
    raise Broken(f"{name} lost {arrived['loss']:.2%} of a light load")
  return found["server_cpu"] / found["deliveries_per_s"] * 1e6, found["max_ms"]


def growth(name: str, contender: Contender, rounds: int) -> dict[str, Any]:
  """The least cost of each configuration, its ratio to the smallest one, and the least of the
  rounds' longest latencies: what is configured may also be felt as a pause."""
  costs: dict[str, list[tuple[float, float]]] = {key: [] for key in CONFIGURATIONS}
  try:
    for _ in range(rounds):
      for key, sets in CONFIGURATIONS.items():
        costs[key].append(cost(name, contender, sets))
  except Broken as exc:
    return {"broken": str(exc)}
  least = {key: min(spent for spent, _ in found) for key, found in costs.items()}
  return {
    "ratios": {key: round(least[key] / least[BASE], 2) for key in least if key != BASE},
    "cpu_s_per_million": {key: round(value, 2) for key, value in least.items()},
    "longest_ms": {key: min(longest for _, longest in found) for key, found in costs.items()},
  }


def run() -> dict[str, Any]:
  """The worst ratio of Bond's broker; peers that filter beside it."""
  ours = bond()
  found: Any = ours.missing() or growth("bond", ours, ROUNDS)
  ratios = found.get("ratios") if isinstance(found, dict) else None
  return {
    "value": max(ratios.values()) if ratios else None,
    "unit": "times the processor time",
    "goal": GOAL,
    "bond": found,
    "peers": {
      name: contender.missing() or growth(name, contender, 1)
      for name, contender in peers().items()
      if contender.filters
    },
  }
