"""R1 and R2: what 100 clients that read slowly or never do to 100 fast ones, and to memory.

The same server first serves the fast clients alone, then both; the slow ones are a process of their
own.
"""

import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.contenders import bond
from tests.benchmarks.rig import Process, cores, rig

FAST = SLOW = 100
RATE = 2_000
GOAL = 2.5
WARM, WINDOW, WINDOWS = 1.0, 3.0, 3
SCRIPT = str(Path(__file__).with_name("slow_clients.py"))


def run() -> dict[str, Any]:
  """The fast clients' p99 among slow ones, as a multiple of their p99 alone; medians of windows."""
  contender = bond()
  [subscription] = contender.subscribe(["bench"])
  with rig("bond", contender) as running:
    running.connect(FAST, [[subscription]])
    alone = [running.measure(RATE, WINDOW, WARM) for _ in range(WINDOWS)]
    command = [sys.executable, "-m", "tests.benchmarks.slow_clients"]
    command += ["127.0.0.1", str(running.port), contender.path, str(SLOW), subscription]
    slow = Process("the slow clients", command, cores()[1])
    try:
      slow.read()
      among = [running.measure(RATE, WINDOW, WARM) for _ in range(WINDOWS)]
      arrived = running.finish()
    finally:
      slow.close()
  before, after = (median(one["p99_ms"] for one in windows) for windows in (alone, among))
  return {
    "value": round(after / before, 2),
    "unit": f"times the p99 of {FAST} fast clients without {SLOW} slow ones",
    "goal": GOAL,
    "peers": {},
    "bond": {
      "p99_ms_alone": before,
      "p99_ms_among_slow": after,
      "loss": arrived["loss"],
      # It grows with the log, which holds a minute, and is to grow no faster with slow clients.
      "rss_mb": {"alone": _rss(alone), "among": _rss(among)},
      "server_cpu": {"alone": alone[-1]["server_cpu"], "among": among[-1]["server_cpu"]},
    },
    "every_run": {"alone": alone, "among": among},
  }


def _rss(windows: list[dict[str, Any]]) -> list[float]:
  return [one["rss_mb"] for one in windows]
