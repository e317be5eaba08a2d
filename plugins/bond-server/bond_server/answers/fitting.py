"""Answers within the budget of their reader."""

from collections.abc import Sequence
from typing import Any

from bond_core import Window
from bond_server.answers import columns
from bond_server.answers.rows import marked, tokens_of


def note(answer: dict[str, Any], sentence: str) -> None:
  """Adds a sentence to what a reader has to know."""
  answer["note"] = f"{answer['note']} {sentence}" if answer.get("note") else sentence


def fit(answer: dict[str, Any], key: str, rows: Sequence[Any], room: int) -> int:
  """Puts as many rows into an answer as fit; how many. What was cut is said."""
  left = room - tokens_of(answer)
  kept = 0
  for row in rows:
    left -= tokens_of(row)
    if left < 0:
      break
    kept += 1
  answer[key] = list(rows[:kept])
  if kept < len(rows):
    answer["cut"] = True
    answer[f"{key}_left_out"] = len(rows) - kept
  return kept


def fit_columns(head: dict[str, Any], rows: Sequence[Window], room: int) -> dict[str, Any]:
  """An answer with the newest windows that fit, as columns."""
  answer = {**head, "columns": {}}
  each = tokens_of(columns.as_columns(rows[-1:])) if rows else 1
  fits = max(1, (room - tokens_of(answer)) // max(1, each // 2))
  while True:
    shown = rows[-fits:]
    answer["columns"] = columns.as_columns(shown)
    if tokens_of(answer) <= room or len(shown) <= 1:
      break
    fits = len(shown) * 3 // 4
  if len(shown) < len(rows):
    answer["cut"] = True
    answer["rows_left_out"] = len(rows) - len(shown)
  return marked(answer)
