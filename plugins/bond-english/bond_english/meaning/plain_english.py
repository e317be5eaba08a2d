"""Whether a word that is not understood is plain English, or may be a name or a notion."""

from bond_english.meaning.request import Request
from bond_english.reading.spelling import known_words
from bond_english.text.chunks import Chunk
from bond_english.text.tokens import WORD
from bond_english.words import split_words, unsupported
from bond_english.words.english import is_english
from bond_english.words.filler import FILLER

_NOTIONS = (
  frozenset(word for phrase in unsupported.NOT_OFFERED for word in phrase.split())
  | unsupported.NARROWING
  | unsupported.RECORDING
) - FILLER
CONDITIONS = frozenset(
  split_words(
    """
    when if unless until till while whenever where after before during only because outside inside
    throughout
    """
  )
)
LINKS = frozenset(
  split_words(
    """
    of for about on in at by from to into onto with via through as per across between against under
    over within near around like than mentioning mention mentions containing contain contains
    regarding concerning
    """
  )
)
"""What follows one of these is said of what stands before it."""


def is_word(request: Request, chunk: Chunk) -> bool:
  """Whether an unknown chunk is a word, and no ticker in capital letters."""
  token = request.tokens[chunk.first]
  return token.kind == WORD and not token.uppercase


def is_plain_english(request: Request, chunk: Chunk) -> bool:
  """Whether an unknown chunk is a word of plain English and of no table."""
  word = request.tokens[chunk.first].word
  if chunk.end > chunk.first + 1 or not is_word(request, chunk) or is_notion(request, chunk):
    return False
  return not (word in CONDITIONS or word in LINKS or word in known_words()) and is_english(word)


def is_notion(request: Request, chunk: Chunk) -> bool:
  """Whether an unknown chunk is market data that nothing offers, or narrows such data down."""
  words = [token.word for token in request.tokens[chunk.first : chunk.end]]
  # The tightest would have to be found out.
  return any(word in _NOTIONS or word.endswith("est") for word in words)
