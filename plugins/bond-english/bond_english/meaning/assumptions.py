"""Readings that have to be said: near for the token, the major exchanges for all that are there."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Scope
from bond_english.text.chunks import ASSET, ASSUMED, VENUE
from bond_english.words import data

_ABOUT = frozenset(("about", "mentioning"))


def warn_of_assumptions(clause: Scope, findings: Findings) -> None:
  """Warns of venues and assets that the words may not mean."""
  for chunk in clause.having(VENUE):
    if chunk.value == "*" and chunk.how == ASSUMED:
      findings.warn(f"{clause.text_of(chunk)!r} is taken for all that are installed")
  of_texts = not data.TEXTS.isdisjoint(clause.kinds())
  for chunk in clause.having(ASSET):
    if chunk.weak and (of_texts or chunk.preposition in _ABOUT):
      chunk.how = ASSUMED
      findings.warn(f"{clause.text_of(chunk)!r} is taken for the asset {chunk.value}")
