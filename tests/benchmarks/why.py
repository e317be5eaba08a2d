"""What windows pay for `bond why`, while nothing is asked: core.window as it is, beside the same
source without the statements that trace what a window was made of (docs/decisions/0033-why.md).

Both take the same events in turns, in one process; each figure is the best of its rounds, in
processor time. A share of what windows cost is more than the share of the whole path (S3), of
which windows are a part.
"""

import ast
import gc
import inspect
import sys
import time
from types import ModuleType
from typing import Any

from bond_builtin.transforms import tally, window

from bond_core import DataClock
from bond_core._spec.values import Duration
from bond_core._types.transform import TransformContext
from tests.benchmarks.transforms import market

ROUNDS = 15
GOAL = 3.0
"""Percent."""
TRACING = ("_trace", "kept")
"""Attributes that are there for `bond why` alone."""


class _Without(ast.NodeTransformer):
  """A source without the statements that begin with a look at what is traced."""

  def __init__(self) -> None:
    self.removed = 0

  def visit_If(self, node: ast.If) -> ast.AST | None:
    looked = {found.attr for found in ast.walk(node.test) if isinstance(found, ast.Attribute)}
    if looked & set(TRACING):
      self.removed += 1
      return None
    return self.generic_visit(node)


def untraced(module: ModuleType) -> ModuleType:
  """The module without what traces."""
  without = _Without()
  tree = ast.fix_missing_locations(without.visit(ast.parse(inspect.getsource(module))))
  if not without.removed:
    raise RuntimeError(f"{module.__name__} has no statement that traces; this measures nothing")
  made = ModuleType(f"{module.__name__}_untraced")
  sys.modules[made.__name__] = made
  exec(compile(tree, module.__name__, "exec"), made.__dict__)
  return made


def run() -> dict[str, Any]:
  """The share of windows' processor time that is there for `bond why`."""
  bare = untraced(window)
  bare.__dict__["Tally"] = untraced(tally).Tally
  kinds = {"as it is": window.TYPE, "without": bare.TYPE}
  batches = market()
  events = sum(map(len, batches))
  best = dict.fromkeys(kinds, float("inf"))
  for _ in range(ROUNDS):
    for name, kind in kinds.items():
      clock = DataClock()
      fold = kind.make(kind.config(every=Duration(1)), TransformContext("bench", clock))
      gc.collect()
      began = time.process_time()
      for batch in batches:
        clock.advance(batch[-1].ts_event)  # type: ignore[union-attr]
        fold(batch)
      best[name] = min(best[name], time.process_time() - began)
  return {
    "value": round(100 * (best["as it is"] / best["without"] - 1), 2),
    "unit": "% of what windows cost",
    "goal": GOAL,
    "ns_an_event": {name: round(seconds / events * 1e9) for name, seconds in best.items()},
  }


if __name__ == "__main__":
  print(run())
