"""Tickers that are in no table.

One in a script without capitals, such as 币安人生, is one where an asset has to be. One in Latin
letters may be a mistake or a name of something else, so that a pair is asked for.
"""

from collections.abc import Sequence

from bond_english.reading.pairs import Pair
from bond_english.reading.spelling import is_known
from bond_english.text.chunks import PAIR, Chunk
from bond_english.text.tokens import WORD, Token
from bond_english.words.english import is_english

MAX_LENGTH = 15
MAX_SMALL = 5
"""Of a ticker in small letters."""
COST = 6.0
"""Half of what an unknown word costs; the support that it needs besides costs more than that."""


def unlisted_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The ticker that begins at `first`, in a script that has no capitals."""
  text = tokens[first].text
  if tokens[first].kind != WORD or len(text) < 2 or text.upper() != text.lower():
    return None
  if len(text) > MAX_LENGTH or is_known(tokens[first].word, frozenset()):
    return None
  return Chunk(PAIR, first, first + 1, Pair(text, None, known=False), cost=COST, weak=True)


def may_be_ticker(token: Token) -> bool:
  """Whether a word that is not understood may be the ticker of an asset."""
  longest = MAX_LENGTH if token.uppercase else MAX_SMALL
  letters = token.kind == WORD and token.text.isascii() and 2 <= len(token.text) <= longest
  return letters and not (is_known(token.word, frozenset()) or is_english(token.word))
