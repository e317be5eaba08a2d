"""Price moves: more than 1% in a minute, drops 5%, up 2% in 10 minutes."""

from collections.abc import Sequence
from typing import Any

from bond_english.quantities.durations import duration_at, unit_at
from bond_english.quantities.numbers import integral, number_at
from bond_english.text.chunks import Chunk, filter_chunk
from bond_english.text.phrases import PhraseTable, match_words
from bond_english.text.tokens import Token
from bond_english.words import split_phrases, split_words

_UP = split_words(
  """
  rises rise rising jumps jump gains gain pumps pump climbs climb surges surge spikes spike up
  """
)
_DOWN = split_words(
  """
  drops drop falls fall dumps dump loses lose crashes crash dips dip declines sinks down slips
  """
)
_EITHER = split_words(
  """
  moves move moved moving changes change changed swings swing fluctuates varies shifts
  """
)
_DIRECTIONS = {**dict.fromkeys(_UP, "up"), **dict.fromkeys(_DOWN, "down"), **dict.fromkeys(_EITHER)}
_BEFORE_PERCENT = frozenset(split_words("by at least more than over above about > >= ≥ to a"))
_WITHIN = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    """
    in the last; in the past; over the last; over the past; within the last; in under; in less than;
    in; within; over; per; inside; every; during
    """
  )
)

WORDS = frozenset(_DIRECTIONS)


def price_move_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The price move that begins at `first`: a filter with `min_move_pct` (percent), `direction` (up
  or down) and `window_sec` (seconds), the last two where they are given."""
  if tokens[first].word not in _DIRECTIONS:
    return None
  at = first + 1
  while at < len(tokens) and tokens[at].word in _BEFORE_PERCENT:
    at += 1
  number = number_at(tokens, at)
  if number is None or number[1] >= len(tokens):
    return None
  value, end = number
  if not (tokens[end].text == "%" or tokens[end].word in ("percent", "pct")):
    return None
  end = match_words(tokens, end + 1, ("or", "more")) or end + 1
  filters: dict[str, Any] = {"min_move_pct": integral(value)}
  direction = _DIRECTIONS[tokens[first].word]
  if direction is not None:
    filters["direction"] = direction
  window = _within(tokens, end)
  if window is not None:
    filters["window_sec"], end = window
  return filter_chunk("move", first, end, filters)


def _within(tokens: Sequence[Token], first: int) -> tuple[float, int] | None:
  """In 10 minutes, within a minute, per hour: (seconds, the index after it)."""
  for _, at in _WITHIN.all_at(tokens, first):
    if at >= len(tokens):
      continue
    found = duration_at(tokens, at)
    if found is None and (unit := unit_at(tokens, at)) is not None:
      found = unit, at + 1
    if found is not None:
      seconds, end = found
      return integral(seconds), end
  return None
