"""S6: how long a start takes, whole processes timed from outside."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BOND = [sys.executable, "-m", "bond_core"]
RUNS = 7


def run() -> dict[str, object]:
  """Medians: `bond --help` (the value), and `bond run` against a running simulator to its first
  event."""
  return {
    "value": round(statistics.median(_help() for _ in range(RUNS)), 1),
    "unit": "ms",
    "goal": 150,
    "peers": {},
    "first_event_ms": round(_first_event(), 1),
    "first_event_goal_ms": 500,
    "ccxt_imported": _imports_ccxt(),
  }


def _help() -> float:
  started = time.perf_counter()
  subprocess.run([*BOND, "--help"], capture_output=True, check=True)
  return (time.perf_counter() - started) * 1000


def _first_event() -> float:
  simulator = subprocess.Popen(
    [*BOND, "sim", "binance", "--port", "0", "--json", "--until-eof"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert simulator.stdin is not None
  assert simulator.stdout is not None
  try:
    endpoint = json.loads(simulator.stdout.readline())["endpoint"]
    with tempfile.TemporaryDirectory() as folder:
      spec = Path(folder) / "small.yaml"
      spec.write_text(
        "sources: {b: {use: binance.ticker, with: {symbols: [BTC/USDT], "
        f'endpoint: "{endpoint}"}}}}}}\n'
      )
      return statistics.median(_to_first_line(spec) for _ in range(RUNS))
  finally:
    simulator.stdin.close()
    simulator.wait()


def _to_first_line(spec: Path) -> float:
  started = time.perf_counter()
  with subprocess.Popen(
    [*BOND, "run", str(spec), "--json", "--quiet"], stdout=subprocess.PIPE, text=True
  ) as process:
    assert process.stdout is not None
    line = process.stdout.readline()
    elapsed = (time.perf_counter() - started) * 1000
    process.terminate()
    process.stdout.read()
  if not line:
    raise RuntimeError("bond run gave no event")
  return elapsed


def _imports_ccxt() -> bool:
  done = subprocess.run(
    [sys.executable, "-X", "importtime", "-m", "bond_core", "plugins"],
    capture_output=True,
    text=True,
    check=True,
  )
  return " ccxt" in done.stderr
