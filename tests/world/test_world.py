"""The whole system under seeded faults: nothing lost in silence, nothing invented, nothing doubled.
docs/world.md says what a world is; `python -m tests.world` runs more of them."""

import json
import os
import subprocess
import sys

import msgspec
import pytest
from bond_bookkit import ReplicaBook
from bond_broker.delivery.delivery import Delivery
from bond_broker.server.session import Session as Served
from bond_server.access.generations import FileGenerations
from kk0.session import Session

from tests.world.plan import draw
from tests.world.trial import trial

SEEDS = 40
REGRESSIONS = (42, 43, 45, 339, 927, 1504, 1933)
"""Seeds beyond these of worlds that once failed."""


@pytest.mark.parametrize("seed", [*range(SEEDS), *REGRESSIONS])
def test_every_promise_holds(seed):
  outcome = trial(draw(seed))
  assert outcome.failure is None, f"python -m tests.world --seed {seed} --trace"
  assert outcome.counts["clients"] > 0
  assert outcome.counts["events"] > 0


def afresh(session):
  """The Python client forgets where its subscriptions are."""
  return [json.dumps(wanted) for wanted in session._subscriptions.values()]


def shifted(by):
  """A resume begins so many events too late."""
  find = Served._find

  async def _find(self, since):
    start, recovered, gap = await find(self, since)
    return (start + by if recovered else start), recovered, gap

  return _find


async def whole(self, since, find=Served._find):
  """A resume always says that nothing is missing."""
  start, recovered, gap = await find(self, since)
  return start, None if recovered is None else True, gap


def undeclared(self, to, reason, cause, lose=Delivery._lose):
  """What a slow client loses is not told."""
  lose(self, to, reason, cause)
  return []


def halved(self, event, advance=ReplicaBook.advance):
  """A book leaves out the asks of its changes."""
  return advance(self, msgspec.structs.replace(event, asks=[]))


@pytest.mark.parametrize(
  ("seed", "owner", "name", "planted", "found"),
  [
    (0, Session, "connected", afresh, "does not say whether anything is missing"),
    (2, Served, "_find", shifted(1), "and goes on at"),
    (2, Served, "_find", shifted(-1), "and goes on at"),
    (0, Served, "_find", whole, "and goes on at"),
    (5, Delivery, "_lose", undeclared, "is missing: Trade"),
    (2, ReplicaBook, "advance", halved, "is not the venue's"),
    (3, FileGenerations, "advance", FileGenerations.current, "after its stream was deleted"),
  ],
)
def test_a_fault_that_is_planted_is_found(monkeypatch, seed, owner, name, planted, found):
  """Else a world in which nothing is looked at would pass as well."""
  monkeypatch.setattr(owner, name, planted)
  failure = trial(draw(seed)).failure
  assert failure is not None
  assert found in failure


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
