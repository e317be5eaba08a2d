"""Figures that would have to be computed, and those that a market has already: the ratio of
ETH/BTC is its price."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Scope
from bond_english.text.chunks import EXACT, FILTER, INTERVAL, OPERATOR, PAIR, UNKNOWN, VENUE, Chunk
from bond_english.words import data, split_words

COUNTS = frozenset(("count", "counts"))
_RATIOS = frozenset(("ratio", "ratios"))
_EXTREMES = frozenset(split_words("high highs highest max maximum low lows lowest min minimum"))
_DAY = 86_400.0


def resolve_operators(clause: Scope, findings: Findings) -> None:
  """Makes filler of operators that say nothing more, and unknown words of those that are a word
  beside an unknown one."""
  for index, chunk in clause.indexed(OPERATOR):
    before = clause.chunks[index - 1] if index else None
    after = clause.chunks[index + 1] if index + 1 < len(clause.chunks) else None
    countable = clause.kinds() & (data.TEXTS | {"trades", "liquidations", "onchain"})
    if clause.first_word(chunk) in COUNTS and countable:
      chunk.role, chunk.value, chunk.facts = FILTER, "count", [("note", "count", EXACT)]
    elif clause.first_word(chunk) in _RATIOS and before is not None and before.role == PAIR:
      chunk.make_filler()
    elif _is_field(clause, chunk):
      chunk.role, chunk.value, chunk.told = FILTER, "field", True
      chunk.facts = [("note", "a field of the events", EXACT)]
      findings.note("each row has the open, high, low and close of its time")
    elif any(beside is not None and beside.role == UNKNOWN for beside in (before, after)):
      chunk.make_unknown()


def _is_field(clause: Scope, chunk: Chunk) -> bool:
  """Whether the rows of a price have what is asked for: its highest and lowest, of one venue."""
  lengths = [other.value.seconds for other in clause.having(INTERVAL)]
  rows = bool(lengths) and all(seconds and seconds < _DAY for seconds in lengths)
  venues = clause.having(VENUE)
  apart = len(venues) < 2 and all(venue.value != "*" for venue in venues)
  return rows and apart and clause.kinds() == {"price"} and clause.first_word(chunk) in _EXTREMES
