"""The whole system under seeded faults: nothing lost in silence, nothing invented, nothing doubled.
docs/world.md says what a world is; `python -m tests.world` runs more of them."""

import os
import subprocess
import sys

import pytest

from tests.world.plan import draw
from tests.world.trial import trial

SEEDS = 40
REGRESSIONS = (42, 43, 45)
"""Seeds beyond these of worlds that once failed."""


@pytest.mark.parametrize("seed", [*range(SEEDS), *REGRESSIONS])
def test_every_promise_holds(seed):
  outcome = trial(draw(seed))
  assert outcome.failure is None, f"python -m tests.world --seed {seed} --trace"


def test_a_seed_is_the_same_in_another_process_with_other_hashes():
  traces = [
    subprocess.run(
      [sys.executable, "-m", "tests.world", "--seed", "7", "--trace"],
      env={**os.environ, "PYTHONHASHSEED": hashes},
      capture_output=True,
      check=True,
    ).stdout
    for hashes in ("1", "2")
  ]
  assert traces[0] == traces[1]
  assert traces[0].count(b"\n") > 50
  assert trial(draw(7), traced=True).trace[-1] != trial(draw(8), traced=True).trace[-1]
