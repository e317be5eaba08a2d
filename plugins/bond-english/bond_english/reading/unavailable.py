"""What no source offers: stocks, the past, and data such as dominance or RSI."""

from collections.abc import Sequence

from bond_english.text.chunks import OPERATOR, REFUSED, UNKNOWN, Chunk
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import NUMBER, Token
from bond_english.words import assets, unsupported
from bond_english.words.lexicon import KIND_NAMES, METRIC_NAMES
from bond_english.words.operators import OPERATORS

_NOT_OFFERED = PhraseTable((phrase, phrase) for phrase in unsupported.NOT_OFFERED)
_OPERATORS = PhraseTable((phrase, phrase) for phrase in OPERATORS)
_EQUITIES = PhraseTable((phrase, phrase) for phrase in assets.EQUITY_NAMES)
_HISTORY = PhraseTable((phrase, phrase) for phrase in unsupported.HISTORY)


def unavailable_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Data that no source offers, an equity, or a time in the past."""
  token = tokens[first]
  not_offered = _NOT_OFFERED.longest_at(tokens, first)
  if not_offered is not None:
    kind = KIND_NAMES.longest_at(tokens, first)
    if kind is None or kind[1] < not_offered[1]:
      return Chunk(UNKNOWN, first, not_offered[1], ())
  equity = _EQUITIES.longest_at(tokens, first)
  if equity is not None:
    return Chunk(REFUSED, first, equity[1], (equity[0], "equity"))
  if token.uppercase and token.text in assets.EQUITIES and token.text not in assets.ASSETS:
    return Chunk(REFUSED, first, first + 1, (token.text, "equity"))
  past = _HISTORY.longest_at(tokens, first)
  if past is not None:
    return Chunk(REFUSED, first, past[1], (past[0], "history"))
  dated = first > 0 and tokens[first - 1].word in ("in", "since")
  if _is_year(token) and (dated or KIND_NAMES.longest_at(tokens, first + 1) is not None):
    return Chunk(REFUSED, first, first + 1, (token.text, "history"))
  return None


def operator_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """A figure that would have to be computed: ratio, difference, cheapest."""
  found = _OPERATORS.longest_at(tokens, first)
  if found is None:
    return None
  for table in (KIND_NAMES, METRIC_NAMES):
    kind = table.longest_at(tokens, first)
    if kind is not None and kind[1] >= found[1]:
      return None
  return Chunk(OPERATOR, first, found[1], found[0])


def _is_year(token: Token) -> bool:
  year = token.kind == NUMBER and len(token.text) == 4 and token.text.isdecimal()
  return year and token.text[:2] in ("19", "20")
