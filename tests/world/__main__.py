"""python -m tests.world: the whole system in simulated time under faults, by the thousand."""

import argparse
import itertools
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from tests.world.plan import SECONDS, draw
from tests.world.shrink import shrunk
from tests.world.trial import Outcome, trial

PROGRESS = 10.0
"""Seconds between two lines that say how far it is."""


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs worlds as the arguments say; 1 where one failed."""
  parser = argparse.ArgumentParser(
    prog="python -m tests.world", description=__doc__, epilog="docs/world.md says what a world is."
  )
  parser.add_argument("--seeds", type=int, default=200, help="how many worlds (200)")
  parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
  parser.add_argument("--seed", type=int, help="the world of this seed only")
  parser.add_argument("--hours", type=float, help="go on with further seeds for so many hours")
  parser.add_argument(
    "--seconds",
    type=float,
    default=SECONDS,
    help=f"simulated time within which everything happens ({SECONDS:g})",
  )
  parser.add_argument("--trace", action="store_true", help="print what happened in each world")
  parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
  options = parser.parse_args(arguments)
  begun = time.monotonic()
  total = Total()
  if options.seed is not None:
    outcome = _run(options.seed, seconds=options.seconds, traced=options.trace)
    total.add(outcome)
    if options.trace:
      print("\n".join(outcome.trace))
    if outcome.failure is not None:
      _report(outcome, traced=options.trace)
    if not options.trace:
      print(total.line(time.monotonic() - begun))
    return 1 if total.failed else 0
  until = begun + options.hours * 3600 if options.hours is not None else None
  seeds: Iterator[int] = itertools.count(options.first)
  if until is None:
    seeds = itertools.islice(seeds, options.seeds)
  said = begun
  with multiprocessing.Pool(options.processes) as pool:
    run = partial(_run, seconds=options.seconds, traced=options.trace)
    for outcome in _outcomes(pool, run, seeds, until):
      total.add(outcome)
      if options.trace:
        print("\n".join(outcome.trace))
      if outcome.failure is not None:
        _report(outcome, traced=options.trace)
      if (now := time.monotonic()) - said > PROGRESS:
        said = now
        print(total.line(now - begun), file=sys.stderr, flush=True)
  print(total.line(time.monotonic() - begun))
  return 1 if total.failed else 0


def _outcomes(
  pool: "multiprocessing.pool.Pool",
  run: "partial[Outcome]",
  seeds: Iterator[int],
  until: float | None,
) -> Iterator[Outcome]:
  """What comes of these seeds, a block at a time, so that it can end by the clock."""
  while block := list(itertools.islice(seeds, 64)):
    if until is not None and time.monotonic() >= until:
      return
    yield from pool.imap(run, block, chunksize=4)


def _run(seed: int, *, seconds: float, traced: bool) -> Outcome:
  return trial(draw(seed, seconds), traced=traced)


def _report(outcome: Outcome, *, traced: bool) -> None:
  """Prints a failure, and the smallest plan that still fails with its trace."""
  seed = outcome.plan.seed
  print(f"FAILED  python -m tests.world --seed {seed} --trace: {outcome.failure}", flush=True)
  if not traced:
    smallest = shrunk(outcome)
    print("\n".join(trial(smallest.plan, traced=True).trace))
    print(f"FAILED  seed {seed}, shrunk to what stands above: {smallest.failure}", flush=True)


class Total:
  """Worlds, added up."""

  def __init__(self) -> None:
    self.worlds = 0
    self.failed = 0
    self.seconds = 0.0
    self.counts: Counter[str] = Counter()

  def add(self, outcome: Outcome) -> None:
    """One more world."""
    self.worlds += 1
    self.failed += outcome.failure is not None
    self.seconds += outcome.seconds
    self.counts += outcome.counts

  def line(self, took: float) -> str:
    """The figures so far."""
    counts = self.counts
    return (
      f"{self.worlds} worlds, {self.seconds / 3600:.1f} simulated hours in {took:.0f} s: "
      f"{counts['events']:,} events, {counts['received']:,} received by {counts['clients']:,} "
      f"clients, {counts['gaps']:,} gaps, {counts['faults']:,} faults, {self.failed} failed"
    )


if __name__ == "__main__":
  sys.exit(main())
