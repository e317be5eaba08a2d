"""S5: what an idle client costs in memory, and whether 10,000 of them fit on one process.

Two figures that answer different questions. Python's heap for each client (tracemalloc, a run of
its own because it makes everything slow) is what the promise speaks of. The slope of resident
memory over the number of clients is what an operator pays, libraries' own buffers included, and
what the peers can be compared by. Buffers of the kernel's sockets belong to no process and are in
neither.
"""

import resource
import statistics
from typing import Any

from tests.benchmarks.contenders import Contender, bond, peers
from tests.benchmarks.rig import Broken, rig

GOAL = 12.0
STEPS = (500, 1000, 2000, 4000)
MANY = 10_000
HEAP_STEPS = (500, 2000)
RATE = 20
"""Messages a second that are published to all when they are there: idle clients must still be
served."""
SPARE_FILES = 200


def run() -> dict[str, Any]:
  """KiB of Python's heap for an idle client of Bond's broker; beside it the resident memory for a
  client of every server, and the 10,000."""
  most = file_limit() - SPARE_FILES
  ours = bond()
  absent = ours.missing()
  result: dict[str, Any] = {"value": None, "unit": "KiB of heap a client", "goal": GOAL}
  if absent is None:
    result["value"] = heap(ours)
    result["bond"] = resident("bond", ours, (*STEPS, min(MANY, most)))
  else:
    result["bond"] = absent
  beside: dict[str, Any] = {}
  for name, contender in peers().items():
    beside[name] = contender.missing() or resident(name, contender, STEPS)
    ours_kib, theirs = (found_in(result["bond"]), found_in(beside[name]))
    if ours_kib and theirs:
      beside[name]["bond_is"] = round(ours_kib / theirs, 2)
  return {**result, "peers": beside}


def file_limit() -> int:
  """How many files a process may open, raised as far as that goes without being root."""
  _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  wanted = MANY + SPARE_FILES if hard == resource.RLIM_INFINITY else hard
  resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
  return wanted


def found_in(figures: Any) -> float | None:
  """The resident KiB of a client, None where there is no such figure."""
  found: float | None = figures.get("rss_kib") if isinstance(figures, dict) else None
  return found


def heap(contender: Contender) -> float:
  """KiB of heap that each further client adds."""
  with rig("bond", contender, heap=True) as running:
    traced = []
    for clients in HEAP_STEPS:
      running.connect(clients, [contender.subscribe(["bench"])])
      traced.append(running.server.ask(heap=True)["heap"])
  return round((traced[1] - traced[0]) / (HEAP_STEPS[1] - HEAP_STEPS[0]) / 1024, 2)


def resident(name: str, contender: Contender, steps: tuple[int, ...]) -> dict[str, Any]:
  """The slope of resident memory over idle clients in KiB a client, and whether all of the last
  step are still served."""
  points: list[tuple[int, int]] = []
  try:
    with rig(name, contender) as running:
      seconds = 0.0
      for clients in steps:
        found = running.connect(clients, [contender.subscribe(["bench"])])
        seconds += found["connect_seconds"]
        if found["clients"] < clients:
          raise Broken(f"{name} closed {clients - found['clients']} of {clients} idle clients")
        points.append((clients, running.server.rss_bytes()))
      running.measure(RATE, 0.5, 0.2)
      arrived = running.finish()
  except Broken as exc:
    return {"clients": points[-1][0] if points else 0, "broken": str(exc)}
  slope = statistics.linear_regression(*zip(*points, strict=True)).slope
  return {
    "rss_kib": round(slope / 1024, 2),
    "clients": steps[-1],
    "rss_mb": round(points[-1][1] / 1e6, 1),
    "connects_per_s": round(steps[-1] / seconds),
    "then_served": 0 < arrived["published"] == arrived["received_min"],
    "published": arrived["published"],
  }
