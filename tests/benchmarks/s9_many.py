"""S9: ten thousand clients with one symbol each of 500, beside the peers that filter."""

from typing import Any

from tests.benchmarks.s5_memory import MANY, SPARE_FILES, file_limit
from tests.benchmarks.s8_topics import Shape, at_the_highest, measured

RATE = 5_000
GOAL_P99_MS = 50.0


def run() -> dict[str, Any]:
  """The p99 latency of Bond's deliveries; nobody may starve (`clients_short`)."""
  clients = min(MANY, file_limit() - SPARE_FILES)
  shape = Shape(clients=clients, each=1, rates=(RATE,))
  found = measured(shape)
  return {
    "value": at_the_highest(found["bond"], shape, "p99_ms"),
    "unit": "ms p99",
    "goal": GOAL_P99_MS,
    "clients": clients,
    "servers": found,
  }
