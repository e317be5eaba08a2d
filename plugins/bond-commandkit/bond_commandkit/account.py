"""An answer to a request in English, as a person reads it."""

from collections.abc import Iterator
from typing import Any

from bond_commandkit.text_to_spec import STARTING, Answer

_SHOWN = {
  "left_out": "left out",
  "unknown": "NOT UNDERSTOOD",
  "refused": "refused",
  "ignored": "ignored",
}
"""Slots of words that are no part of the stream."""

_UNSAID = ("assumed", "corrected")


def account_lines(answer: Answer) -> Iterator[str]:
  """What arrives, a line each; then what was corrected, assumed, left out or ignored; then what has
  to be said or installed first."""
  reading = answer.reading
  outcome: str = reading.outcome
  if outcome in STARTING and answer.spec is None:
    outcome = "cannot start"
  if reading.delivers or reading.remarks:
    yield f"{outcome}:"
  else:
    yield f"{outcome}: {reading.sentence}".strip()
  yield from dict.fromkeys(f"  {delivery['text']}" for delivery in reading.delivers)
  yield from (f"  ({remark})" for remark in reading.remarks)
  for entry in reading.account:
    text, slot, how = entry["text"], entry["slot"], entry["how"]
    if slot in _SHOWN:
      yield f"  {text:24} {_SHOWN[slot]} {_shown(entry['value'])}".rstrip()
    elif how in _UNSAID and slot != "filler":
      yield f"  {text or '(not said)':24} {slot} {_shown(entry['value'])} ({how})"
  if answer.problems and (reading.questions or reading.missing or reading.spec is not None):
    yield from (f"  - {problem}" for problem in answer.problems)
  for request in dict.fromkeys(offer["request"] for offer in reading.offers):
    yield f"  say: {request}"
  if reading.outcome == "ask" and not reading.offers:
    yield "  (to answer, say the whole request again with the answer in it)"


def _shown(value: Any) -> str:
  if isinstance(value, dict):
    return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
  if isinstance(value, list):
    return " ".join(map(_shown, value))
  if isinstance(value, float) and value == int(value):
    return str(int(value))
  return "" if value is None else str(value)
