"""python -m tests.chaos: many trials, on all processors, and a table of what came of them."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from tests.chaos.trial import Outcome, trial
from tests.chaos.venues import VENUES

LONGEST_TRACE = 400


def main(arguments: Sequence[str] | None = None) -> int:
  """Runs trials as the arguments say; 1 where one failed."""
  parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
  parser.add_argument("--seeds", type=int, default=1000, help="trials, over all venues (1000)")
  parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
  parser.add_argument("--seed", type=int, help="one trial of each venue with this seed")
  parser.add_argument("--venue", choices=list(VENUES), help="one venue only")
  parser.add_argument(
    "--stretch", type=float, default=1.0, help="how much longer each plan lasts: 12 is minutes (1)"
  )
  parser.add_argument("--trace", action="store_true", help="print what happened in each trial")
  parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
  options = parser.parse_args(arguments)
  names = [options.venue] if options.venue else list(VENUES)
  if options.seed is None:
    trials = list(shared_out(names, options.seeds, options.first))
  else:
    trials = [(name, options.seed) for name in names]
  started = time.monotonic()
  failed = 0
  totals = {name: Total() for name in names}
  with multiprocessing.Pool(options.processes) as pool:
    run = partial(_run, stretch=options.stretch, traced=options.trace)
    for (name, seed), outcome in zip(trials, pool.imap(run, trials, chunksize=8), strict=True):
      totals[name].add(outcome)
      if options.trace:
        print("\n".join(outcome.trace))
      if outcome.failure is not None:
        failed += 1
        report(name, seed, outcome, stretch=options.stretch, traced=options.trace)
  print(table(totals))
  print(f"{len(trials)} trials in {time.monotonic() - started:.0f} s, {failed} failed")
  return 1 if failed else 0


def shared_out(names: Sequence[str], seeds: int, first: int = 0) -> Iterator[tuple[str, int]]:
  """So many trials, by venue in turn."""
  for number in range(seeds):
    yield names[number % len(names)], first + number // len(names)


def _run(given: tuple[str, int], *, stretch: float, traced: bool) -> Outcome:
  return trial(*given, stretch=stretch, traced=traced)


def report(
  name: str, seed: int, outcome: Outcome, *, stretch: float = 1.0, traced: bool = False
) -> None:
  """Prints why a trial failed, with the end of its trace."""
  if not traced:
    trace = trial(name, seed, stretch=stretch, traced=True).trace
    print("\n".join(trace[-LONGEST_TRACE:]))
  which = f"--venue {name} --seed {seed}" + (f" --stretch {stretch:g}" if stretch != 1 else "")
  print(f"FAILED  python -m tests.chaos {which} --trace: {outcome.failure}")


class Total:
  """Trials of one venue, added up."""

  def __init__(self) -> None:
    self.trials = 0
    self.failed = 0
    self.struck: Counter[str] = Counter()
    self.told: Counter[str] = Counter()
    self.recovered: list[float] = []

  def add(self, outcome: Outcome) -> None:
    """One more trial."""
    self.trials += 1
    self.failed += outcome.failure is not None
    self.struck += outcome.struck
    self.told += outcome.told
    if outcome.failure is None:
      self.recovered.append(outcome.recovered)


def table(totals: dict[str, Total]) -> str:
  """The rows of all venues, and strikes by kind."""
  heads = f"{'venue':10}{'trials':>8}{'failed':>8}{'faults':>9}{'events':>10}{'gaps':>8}"
  lines = [f"{heads}{'right again after (median, longest)':>38}"]
  struck: Counter[str] = Counter()
  for name, total in totals.items():
    struck += total.struck
    gaps = total.told["Gap"]
    times = sorted(total.recovered) or [0.0]
    again = f"{times[len(times) // 2]:.0f} s, {times[-1]:.0f} s"
    lines.append(
      f"{name:10}{total.trials:>8}{total.failed:>8}{total.struck.total():>9}"
      f"{total.told.total() - gaps:>10}{gaps:>8}{again:>38}"
    )
  lines.append("faults: " + ", ".join(f"{kind} {count}" for kind, count in struck.most_common()))
  return "\n".join(lines)


if __name__ == "__main__":
  sys.exit(main())
