"""What a compiled build of the same source would give: mypyc over modules that touch every event.

The modules are compiled as they are, in a copy, and each benchmark runs in turn with the copy and
with the source. It needs a C compiler and Python's headers.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.s4_book import shared_data

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
MODULES = (
  "bond_core/_books/book.py",
  "bond_core/_logs/memory.py",
  "bond_core/_venues/state.py",
  "bond_core/_venues/topic.py",
  "bond_core/_ws/frames.py",
  "bond_binance/trades.py",
  "bond_venuekit/numbered.py",
  "bond_venuekit/trades.py",
  "bond_builtin/transforms/arrival.py",
  "bond_builtin/transforms/late.py",
  "bond_builtin/transforms/tally.py",
  "bond_builtin/transforms/timeline.py",
)
"""Those that compile unchanged: no class of attrs is made in them, and none that is not compiled is
derived from theirs."""
MEASURED = ("s1_stages", "s4_book", "transforms")
GOAL = 1.5
"""How many times as fast S1 or S4 has to be for it to be shipped."""

BUILD = """
import json, sys
from setuptools import setup
from mypyc.build import mypycify
options = ["--ignore-missing-imports", "--follow-imports=silent"]
setup(name="compiled", ext_modules=mypycify([*options, *json.loads(sys.argv.pop())], opt_level="3"))
"""


def run() -> dict[str, Any]:
  """How many times as fast S1's stages are together when compiled; `detail` has all figures, of the
  source and compiled, in ns or µs as their benchmarks have them."""
  with tempfile.TemporaryDirectory() as name:
    pure, compiled = Path(name) / "pure", Path(name) / "compiled"
    for folder in (pure, compiled):
      _copy(folder)
    command = [sys.executable, "-c", BUILD, "build_ext", "--inplace", json.dumps(MODULES)]
    built = subprocess.run(command, cwd=compiled, capture_output=True, text=True)
    if built.returncode:
      why = built.stderr.strip().splitlines()[-1]
      return {"value": None, "unit": "times as fast", "goal": GOAL, "broken": why}
    detail: dict[str, Any] = {}
    for benchmark in MEASURED:
      runs = [(_figures(pure, benchmark), _figures(compiled, benchmark)) for _ in range(ROUNDS)]
      detail[benchmark] = {
        "source": min((of for of, _ in runs), key=_value),
        "compiled": min((of for _, of in runs), key=_value),
      }
  stages = detail["s1_stages"]
  return {
    "value": round(_value(stages["source"]) / _value(stages["compiled"]), 2),
    "unit": "times as fast (S1)",
    "goal": GOAL,
    "at_least": True,
    "detail": detail,
  }


def _copy(folder: Path) -> None:
  """The packages that are measured, and the benchmarks, beside each other."""
  for package in {module.partition("/")[0] for module in MODULES}:
    source = ROOT / package
    if not source.is_dir():
      source = ROOT / "plugins" / package.replace("_", "-") / package
    shutil.copytree(source, folder / package)
  shutil.copytree(ROOT / "tests" / "benchmarks", folder / "tests" / "benchmarks")


def _figures(folder: Path, benchmark: str) -> dict[str, Any]:
  code = f"import json; from tests.benchmarks import {benchmark} as of; print(json.dumps(of.run()))"
  environment = {**os.environ, "BOND_SHARED": str(shared_data().parent)}
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, check=True
  )
  found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
  return {"value": found["value"], **found.get("detail", {})}


def _value(figures: dict[str, Any]) -> float:
  return float(figures["value"] or "inf")
