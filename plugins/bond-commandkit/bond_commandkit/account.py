"""An answer to a request in English, as a person reads it."""

from collections.abc import Iterator
from typing import Any

from bond_commandkit.text_to_spec import Answer

_QUIET = ("filler", "negation")
"""Slots that say nothing about the stream."""

_NAMES = {"left_out": "left out", "unknown": "NOT UNDERSTOOD", "refused": "refused"}


def account_lines(answer: Answer) -> Iterator[str]:
  """The sentence, what each piece of the request was taken for, and what has to be said first."""
  reading = answer.reading
  if reading.sentence:
    yield f"{reading.outcome}: {reading.sentence}"
  else:
    yield f"{reading.outcome}:"
  for entry in reading.account:
    if entry["slot"] in _QUIET:
      continue
    text = entry["text"] or "(not said)"
    how = "" if entry["how"] in ("exact", "alias") else f" ({entry['how']})"
    slot = _NAMES.get(entry["slot"], entry["slot"])
    value = "every update" if slot == "interval" and not entry["value"] else _shown(entry["value"])
    yield f"  {text:24} {slot} {value}{how}".rstrip()
  if answer.problems and (reading.questions or reading.missing or reading.spec is not None):
    yield from (f"  - {problem}" for problem in answer.problems)


def _shown(value: Any) -> str:
  if isinstance(value, dict):
    return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
  if isinstance(value, list):
    return " ".join(map(_shown, value))
  if isinstance(value, float) and value == int(value):
    return str(int(value))
  return "" if value is None else str(value)
