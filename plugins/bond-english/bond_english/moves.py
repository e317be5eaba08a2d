"""Moves: more than 1% in a minute, drops 5%, up 2% in 10 minutes."""

from collections.abc import Sequence
from typing import Any

from bond_english.durations import duration_at, unit_at
from bond_english.marks import Mark, filtered
from bond_english.numbers import number_at, whole
from bond_english.phrases import Phrases, follow
from bond_english.tokens import Token
from bond_english.words import listed, phrases

_UP = listed(
  """
  rises rise rising jumps jump gains gain pumps pump climbs climb surges surge spikes spike up
  """
)
_DOWN = listed(
  """
  drops drop falls fall dumps dump loses lose crashes crash dips dip declines sinks down slips
  """
)
_EITHER = listed(
  """
  moves move moved moving changes change changed swings swing fluctuates varies shifts
  """
)
_DIRECTIONS = {**dict.fromkeys(_UP, "up"), **dict.fromkeys(_DOWN, "down"), **dict.fromkeys(_EITHER)}
_BY = frozenset(listed("by at least more than over above about > >= ≥ to a"))
_WITHIN = Phrases(
  (phrase, None)
  for phrase in phrases(
    """
    in the last; in the past; over the last; over the past; within the last; in under; in less than;
    in; within; over; per; inside; every; during
    """
  )
)

WORDS = frozenset(_DIRECTIONS)


def move_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """The move that begins at `first`, with the time that it has, if that is said."""
  if tokens[first].word not in _DIRECTIONS:
    return None
  at = first + 1
  while at < len(tokens) and tokens[at].word in _BY:
    at += 1
  number = number_at(tokens, at)
  if number is None or number[1] >= len(tokens):
    return None
  value, end = number
  if not (tokens[end].text == "%" or tokens[end].word in ("percent", "pct")):
    return None
  end = follow(tokens, end + 1, ("or", "more")) or end + 1
  filters: dict[str, Any] = {"min_move_pct": whole(value)}
  direction = _DIRECTIONS[tokens[first].word]
  if direction is not None:
    filters["direction"] = direction
  timed = _within(tokens, end)
  if timed is not None:
    filters["window_sec"], end = timed
  return filtered("move", first, end, filters)


def _within(tokens: Sequence[Token], first: int) -> tuple[float, int] | None:
  """In 10 minutes, within a minute, per hour: (seconds, where the text goes on)."""
  for _, at in _WITHIN.all_at(tokens, first):
    if at >= len(tokens):
      continue
    found = duration_at(tokens, at)
    if found is None and (unit := unit_at(tokens, at)) is not None:
      found = unit, at + 1
    if found is not None:
      seconds, end = found
      return whole(seconds), end
  return None
