"""Figures that would have to be computed, and those that a market has already: the ratio of
ETH/BTC is its price."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Scope
from bond_english.text.chunks import OPERATOR, PAIR, UNKNOWN

_RATIOS = frozenset(("ratio", "ratios"))


def resolve_operators(clause: Scope, findings: Findings) -> None:
  """Makes filler of operators that say nothing more, and unknown words of those that are a word
  beside an unknown one."""
  for index, chunk in clause.indexed(OPERATOR):
    before = clause.chunks[index - 1] if index else None
    after = clause.chunks[index + 1] if index + 1 < len(clause.chunks) else None
    if clause.first_word(chunk) in _RATIOS and before is not None and before.role == PAIR:
      chunk.make_filler()
    elif any(beside is not None and beside.role == UNKNOWN for beside in (before, after)):
      chunk.make_unknown()
