"""Figures that would have to be computed, and those that a market has already: the ratio of
ETH/BTC is its price."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Scope
from bond_english.text.chunks import EXACT, FILTER, OPERATOR, PAIR, UNKNOWN
from bond_english.words import data

_COUNTS = frozenset(("count", "counts"))
_RATIOS = frozenset(("ratio", "ratios"))


def resolve_operators(clause: Scope, findings: Findings) -> None:
  """Makes filler of operators that say nothing more, and unknown words of those that are a word
  beside an unknown one."""
  for index, chunk in clause.indexed(OPERATOR):
    before = clause.chunks[index - 1] if index else None
    after = clause.chunks[index + 1] if index + 1 < len(clause.chunks) else None
    countable = clause.kinds() & (data.TEXTS | {"trades", "liquidations", "onchain"})
    if clause.first_word(chunk) in _COUNTS and countable:
      chunk.role, chunk.value, chunk.facts = FILTER, "count", [("note", "count", EXACT)]
    elif clause.first_word(chunk) in _RATIOS and before is not None and before.role == PAIR:
      chunk.make_filler()
    elif any(beside is not None and beside.role == UNKNOWN for beside in (before, after)):
      chunk.make_unknown()
