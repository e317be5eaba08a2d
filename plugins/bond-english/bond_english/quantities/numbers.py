"""Numbers as people write them: 2.5, 1,000, five, twenty, half, a couple of."""

import math
from collections.abc import Sequence

from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import NUMBER, Token
from bond_english.words import split_words

_WORDS = {
  **{
    word: float(number)
    for number, word in enumerate(
      split_words(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen twenty
        """
      )
    )
  },
  **{
    word: 10.0 * tens
    for tens, word in enumerate(
      ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 3
    )
  },
}
_UNITS = {word for word, value in _WORDS.items() if 1 <= value <= 9}
_TENS = {word for word, value in _WORDS.items() if value >= 20}

_PHRASES = PhraseTable(
  [
    *_WORDS.items(),
    *(("dozen", 12.0), ("a dozen", 12.0), ("couple", 2.0), ("a couple", 2.0), ("couple of", 2.0)),
    *(("a couple of", 2.0), ("hundred", 100.0), ("a hundred", 100.0), ("thousand", 1000.0)),
    *(
      ("half a", 0.5),
      ("half an", 0.5),
      ("a quarter", 0.25),
      ("quarter of a", 0.25),
      ("a quarter of a", 0.25),
      ("a thousand", 1000.0),
      ("a million", 1e6),
      ("a billion", 1e9),
      ("a hundred thousand", 1e5),
    ),
  ]
)

MULTIPLES = {
  **dict.fromkeys(("k", "thousand", "grand"), 1e3),
  **dict.fromkeys(("m", "mm", "mn", "mil", "mln", "mio", "million", "millions"), 1e6),
  **dict.fromkeys(("b", "bn", "bln", "billion", "billions"), 1e9),
  **dict.fromkeys(("hundred",), 1e2),
}
"""Factors by their words; m is a million only where the rest of an amount says so."""

WORDS = (_PHRASES.words - {"a", "of"}) | set(MULTIPLES)
LONG_MULTIPLES = frozenset(word for word in MULTIPLES if len(word) > 2) | {"k", "mm", "mn", "bn"}
"""Those that are factors and nothing else."""


def number_at(tokens: Sequence[Token], first: int) -> tuple[float, int] | None:
  """The number that begins at `first`, without its multiple, and the index after it."""
  if first >= len(tokens):
    return None
  token = tokens[first]
  if token.kind == NUMBER:
    value = float("".join(token.text.replace(",", "").replace("_", "").split()))
    # 1e999 is infinite.
    return (value, first + 1) if math.isfinite(value) else None
  found = _PHRASES.longest_at(tokens, first)
  if found is None:
    return None
  value, end = found
  if token.word in _TENS and end < len(tokens):
    last = end + 1 if tokens[end].text == "-" else end
    if last < len(tokens) and tokens[last].word in _UNITS:
      value, end = value + _WORDS[tokens[last].word], last + 1
  if value in (100, 1000) and tokens[end - 1].word != token.word:
    # A hundred and fifty.
    return _with_rest(tokens, value, end)
  if end < len(tokens) and tokens[end].word == "hundred" and value < 100:
    return _with_rest(tokens, 100 * value, end + 1)
  return value, end


def _with_rest(tokens: Sequence[Token], hundreds: float, at: int) -> tuple[float, int]:
  """Two hundred and fifty: hundreds, and what is said after them."""
  rest = at + 1 if at < len(tokens) and tokens[at].word == "and" else at
  if rest < len(tokens) and tokens[rest].word in _WORDS:
    found = number_at(tokens, rest)
    if found is not None and found[0] < 100:
      return hundreds + found[0], found[1]
  return hundreds, at


def integral(value: float) -> float:
  """An integral value as an int: 5 rather than 5.0."""
  return int(value) if value == int(value) else value
