"""python -m tests.benchmarks [S1 S4 …] [--json FILE]: the promises, measured here and now."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

# Long figures come last, so that a broken one shows early.
BENCHMARKS = {
  "S6": ("s6_start", "start of the command"),
  "S4": ("s4_book", "order book, a level update"),
  "S1": ("s1_feed", "feed to framed event"),
  "PACED": ("s1_paced", "a venue at 1,000 events/s"),
  "FRAMES": ("venue_frames", "messages of five venues"),
  "STAGES": ("s1_stages", "a venue's frames to events"),
  "S2": ("s2_fanout", "fan-out to 200 clients"),
  "S3": ("s3_path", "venue to 100 clients"),
  "R1": ("r1_slow", "slow clients beside fast ones"),
  "S5": ("s5_memory", "memory of an idle client"),
  "S7": ("s7_growth", "cost of more subscriptions"),
  "S8": ("s8_topics", "1,000 clients with 5 of 500 symbols each"),
  "S9": ("s9_many", "10,000 clients with one symbol each"),
  "S10": ("s10_single", "one client that takes everything"),
  "STREAMS": ("streams", "a hundred streams of twenty specs"),
  "AGENTS": ("agents", "two hundred agents over /mcp"),
  "RECORD": ("recordings", "recording, exporting and loading"),
  "LOG": ("file_log", "the log on disk, keeping an event"),
  "CONSOLIDATED": ("consolidated", "consolidated book, an update"),
  "GEYSER": ("geyser", "a Geyser node at 7,000 updates/s"),
  "WHY": ("why", "what windows pay for bond why"),
  "TRANSFORMS": ("transforms", "filter and window"),
  "COMPILED": ("compiled", "the same source compiled by mypyc"),
  "JS": ("js_client", "the JavaScript client at 50,000 events/s"),
}


def main() -> None:
  parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
  parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(BENCHMARKS))
  parser.add_argument("--json", metavar="FILE", help="write the results there too")
  given = parser.parse_args()
  unknown = [name for name in given.names if name not in BENCHMARKS]
  if unknown:
    parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
  results: dict[str, dict[str, Any]] = {}
  for name in given.names or BENCHMARKS:
    module, title = BENCHMARKS[name]
    print(f"{name} {title} …", file=sys.stderr, flush=True)
    results[name] = importlib.import_module(f"tests.benchmarks.{module}").run()
  for name, result in results.items():
    print(f"{name:10} {result['value']} {result['unit']}{_verdict(result)}")
    for key, value in result.items():
      if key in ("value", "unit", "goal", "at_least", "every_run") or value in ({}, None):
        continue
      if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
        print(f"{'':10}   {key}:", *(f"\n{'':14} {k}: {v}" for k, v in value.items()), sep="")
      else:
        print(f"{'':10}   {key}: {value}")
  if given.json:
    Path(given.json).write_text(json.dumps(results, indent=2) + "\n")


def _verdict(result: dict[str, Any]) -> str:
  """What the value is against its goal: not to be passed, or with `at_least` to be reached."""
  goal, value = result.get("goal"), result["value"]
  if goal is None or value is None:
    return ""
  met = value >= goal if result.get("at_least") else value <= goal
  return f"  goal {goal}: {'met' if met else 'MISSED'}"


if __name__ == "__main__":
  main()
