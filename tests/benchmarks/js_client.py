"""The JavaScript client at 50,000 events a second, beside a bare loop of ws with JSON.parse.

Both read the same trades from a server on another core, in turns. The figure is the processor time
of an event in the client's process, everything in it.
"""

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from tests import javascript
from tests.benchmarks.rig import cores

RATE = 50_000
SECONDS = 6
WARM_UP = 1
ROUNDS = 3
SERVERS = Path(__file__).with_name("servers")


def run() -> dict[str, Any]:
  """Returns microseconds of processor time an event, and those of the bare loop."""
  try:
    client = javascript.built()
  except javascript.Unavailable as exc:
    return {"value": None, "unit": "µs an event", "left out": str(exc)}
  found: dict[str, list[dict[str, float]]] = {"kk0": [], "ws": []}
  for _ in range(ROUNDS):
    for kind, runs in found.items():
      runs.append(_measured(client, kind))
  ours, bare = (statistics.median(one["us"] for one in found[kind]) for kind in ("kk0", "ws"))
  return {
    "value": round(ours, 2),
    "unit": "µs an event",
    "bare ws loop": round(bare, 2),
    "times": round(ours / bare, 2),
    "share of a core": round(ours * RATE / 1e6, 2),
    "p50, p99 ms": {
      kind: [round(statistics.median(one[part] for one in runs), 1) for part in ("p50", "p99")]
      for kind, runs in found.items()
    },
    "every_run": found,
  }


def _measured(client: Path, kind: str) -> dict[str, float]:
  server_core, client_core = cores()
  node = javascript.node()
  pinned = ["taskset", "-c", str(server_core), node]
  server = subprocess.Popen(
    [*pinned, str(SERVERS / "node_trades.mjs"), str(client), str(RATE), str(SECONDS)],
    stdout=subprocess.PIPE,
    text=True,
  )
  try:
    assert server.stdout is not None
    port = json.loads(server.stdout.readline())["port"]
    words = [str(client), str(port), kind, str(RATE * SECONDS), str(RATE * WARM_UP)]
    done = subprocess.run(
      ["taskset", "-c", str(client_core), node, str(SERVERS / "node_client.mjs"), *words],
      capture_output=True,
      text=True,
      timeout=10 * SECONDS,
      check=True,
    )
  finally:
    server.kill()
    server.communicate()
  result: dict[str, float] = json.loads(done.stdout)
  return result
