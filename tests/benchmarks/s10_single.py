"""S10: one client that takes everything, as fast as it reads, beside the peers.

The offered rate is doubled until a server does not keep up any more; it stands with the highest
rate at which all arrived. websockets and node's ws have the one client in a loop that only sends.
"""

from typing import Any

from tests.benchmarks.contenders import Contender, bond, peers
from tests.benchmarks.rig import Broken, rig

RATES = (12_500, 25_000, 50_000, 100_000, 200_000, 400_000)
KEPT_UP = 0.97
"""The part of what was offered that has to be delivered."""
WARM, WINDOW = 0.5, 1.5
ROUNDS = 2


def most(name: str, contender: Contender) -> dict[str, Any]:
  """The figures at the highest rate with which a server kept up."""
  reached: dict[str, Any] = {}
  try:
    with rig(name, contender, witnesses=1) as running:
      running.connect(1, [contender.subscribe(["bench"])])
      for rate in RATES:
        window = running.measure(rate, WINDOW, WARM)
        if window["deliveries_per_s"] < KEPT_UP * rate:
          break
        reached = window
  except Broken as exc:
    return {**reached, "broken": str(exc)}
  return reached


def run() -> dict[str, Any]:
  """The events a second at which one client of Bond has all, and one of each peer."""
  found: dict[str, Any] = {}
  for name, contender in {"bond": bond(), **peers()}.items():
    if (why := contender.missing()) is not None:
      found[name] = why
      continue
    runs = [most(name, contender) for _ in range(ROUNDS)]
    better = max(runs, key=lambda run: run.get("deliveries_per_s", 0))
    wanted = ("offered_per_s", "deliveries_per_s", "p99_ms", "server_cpu", "broken")
    found[name] = {key: better[key] for key in wanted if key in better}
  bare = found["websockets broadcast"]
  ours = found["bond"]
  return {
    "value": ours.get("offered_per_s") if isinstance(ours, dict) else None,
    "unit": "events/s to one client",
    "goal": bare.get("offered_per_s") if isinstance(bare, dict) else None,
    "at_least": True,
    "servers": found,
  }
