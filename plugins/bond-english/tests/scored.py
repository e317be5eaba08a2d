"""The requests of cases/ and how they are scored; run it to write the table into docs/english.md.

A request is right when symbols, sources, interval_sec, exchanges and outcome are those of the case,
or those of one of the readings that it calls as good (`also_ok`). Filters are looked at where it is
right and not refused. The order of lists does not matter.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bond_commandkit import summary_of
from bond_english.parsing import parse
from installed import WORDS

CASES = Path(__file__).parent / "cases"
PAGE = Path(__file__).parents[3] / "docs" / "english.md"
MARKS = ("<!-- generated: cases -->", "<!-- end -->")
KEYS = ("symbols", "sources", "interval_sec", "exchanges", "outcome")


def cases() -> list[dict[str, Any]]:
  """Every case of every file, with all keys."""
  found = []
  for path in sorted(CASES.glob("*.jsonl")):
    lines = path.read_text(encoding="utf-8").splitlines()
    found += [{"also_ok": [], "file": path.stem, **json.loads(line)} for line in lines]
  return found


def answer(text: str, words: dict[str, str] = WORDS) -> dict[str, Any]:
  """What the grammar makes of a text, with the keys of a case."""
  reading = parse(text, words)
  return {**summary_of(reading), "outcome": reading.outcome, "unknown": reading.unknown}


def readings(case: dict[str, Any]) -> list[dict[str, Any]]:
  """The readings that are right."""
  return [case, *({**case, **other} for other in case["also_ok"])]


def is_right(got: dict[str, Any], case: dict[str, Any]) -> bool:
  """Whether an answer is one of the right readings."""
  return any(_equal(got, expected) for expected in readings(case))


def has_filters(got: dict[str, Any], case: dict[str, Any]) -> bool:
  """Whether its filters are those of such a reading, too; of a refused request none count."""
  if case["outcome"] == "reject":
    return True
  return any(
    _equal(got, expected) and got["filters"] == expected["filters"] for expected in readings(case)
  )


def _equal(got: dict[str, Any], expected: dict[str, Any]) -> bool:
  return all(_plain(got[key]) == _plain(expected[key]) for key in KEYS)


def _plain(value: Any) -> Any:
  return sorted(value) if isinstance(value, list) else value


def table(scored: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> str:
  """The table by category, of cases and what was answered."""
  rows: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
  everything = list(scored)
  for case, got in everything:
    rows.setdefault(case["category"], []).append((case, got))
  lines = ["| requests about | number | right | filters right |", "|---|---|---|---|"]
  for name, members in [*sorted(rows.items()), ("**all**", everything)]:
    right = sum(is_right(got, case) for case, got in members)
    filters = sum(has_filters(got, case) for case, got in members)
    lines.append(f"| {name} | {len(members)} | {right} | {filters} |")
  dropped = sum(bool({*case["unknown"]} - {*got["unknown"]}) for case, got in everything)
  starting = ("ok", "warn")
  stopped = [(c, g) for c, g in everything if c["outcome"] not in starting]
  started = [(c, g) for c, g in everything if c["outcome"] in starting]
  # Where asking and starting are as good as each other, neither is a fault.
  false = sum(got["outcome"] in starting and not is_right(got, c) for c, got in stopped)
  asked = sum(got["outcome"] not in starting and not is_right(got, c) for c, got in started)
  line = (
    f"Unknown words that were not reported: {dropped}. Started though it should have been asked or "
    f"refused: {false} of {len(stopped)}. Asked without need: {asked} of {len(started)}."
  )
  lines += ["", line]
  return "\n".join(lines) + "\n"


def page(scored: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> str:
  """docs/english.md with the table of cases and what was answered."""
  before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
  after = rest.split(MARKS[1])[1]
  return f"{before}{MARKS[0]}\n{table(scored)}{MARKS[1]}{after}"


if __name__ == "__main__":
  answered = [(case, answer(case["text"])) for case in cases()]
  PAGE.write_text(page(answered), encoding="utf-8")
