"""`python -m tests.resume`: every state of the instances, and what happens without each rule."""

import argparse
import sys
import time

from tests.resume.instances import INSTANCES, WITHOUT
from tests.resume.model import World
from tests.resume.search import search


def main() -> int:
  parser = argparse.ArgumentParser(
    prog="python -m tests.resume", description="All interleavings of a small log and its readers."
  )
  parser.add_argument(
    "--large", action="store_true", help="the large instances too: minutes and some GiB of memory"
  )
  large = parser.parse_args().large
  broken = False
  for instance in INSTANCES:
    if instance.large and not large:
      continue
    began = time.monotonic()
    found = search(World(instance.bounds), instance.rules)
    took = time.monotonic() - began
    print(
      f"{instance.name}: {found.states:,} states, up to {found.depth} steps, {took:.1f} s, "
      f"{'all hold' if not found.broken else 'BROKEN'}",
      flush=True,
    )
    for line in found.broken:
      print(f"  {line}")
    broken = broken or bool(found.broken)
  for instance in WITHOUT:
    found = search(World(instance.bounds), instance.rules)
    print(f"\n{instance.name}:")
    for line in found.broken or ["nothing was found, so the rule is not needed here"]:
      print(f"  {line}")
    broken = broken or not found.broken
  return int(broken)


if __name__ == "__main__":
  sys.exit(main())
