"""What callers name beside a market: numbers, times and cursors. All raise QuestionRefused, which
says what is possible."""

import re
from decimal import Decimal
from typing import Final

from bond_server.answers.refused import QuestionRefused
from bond_server.answers.rows import BUDGET, MAX_BUDGET, MIN_BUDGET

WAIT_MOST: Final = 50.0
"""Seconds of the longest wait: clients end a call after a minute."""
CURSOR: Final = re.compile(r"(?P<epoch>[0-9a-zA-Z_-]{1,64}):(?P<number>[0-9]{1,18})")


def budget_of(given: object) -> int:
  """Tokens of the answer."""
  return whole("budget", given, BUDGET, MAX_BUDGET, MIN_BUDGET)


def whole(name: str, given: object, default: int, most: int, least: int = 1) -> int:
  """A whole number within bounds."""
  if given is None:
    return default
  if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
    raise QuestionRefused(422, f"{name} is a whole number from {least} to {most}")
  return given


def amount_of(name: str, given: object) -> Decimal:
  """An amount of the base currency, exactly as it was written."""
  if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 1e15:
    raise QuestionRefused(422, f"{name} is an amount of the base currency, above 0")
  return Decimal(repr(given))


def seconds_of(given: object) -> float:
  """How long to wait."""
  if given is None:
    return 30.0
  if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= WAIT_MOST:
    raise QuestionRefused(
      422, f"timeout is up to {WAIT_MOST:g} seconds; wait again with the cursor"
    )
  return float(given)


def cursor_of(cursor: object) -> "re.Match[str] | None":
  """The parts of a cursor, None where there is none. Raises QuestionRefused."""
  found = None if cursor is None else CURSOR.fullmatch(str(cursor))
  if found is None and cursor is not None:
    raise bad_cursor()
  return found


def bad_cursor() -> QuestionRefused:
  """What is said of a text that is no cursor."""
  return QuestionRefused(
    422, "cursor is one that an answer gave (EPOCH:SEQ), or now-30s, now-5m, now-1h"
  )
