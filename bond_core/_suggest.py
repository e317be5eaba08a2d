"""Suggestions for misspelled words, lists of words and numbers in a sentence."""

import difflib
from collections.abc import Iterable

# Longer words are no typing errors, and comparing them is slow. Among many known words only those
# with the same first letter are compared.
LONGEST, MANY = 64, 500


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
  """The known word that is closest to a misspelled one, None where none is close enough."""
  if len(word) > LONGEST:
    return None
  spelled = {name.lower(): name for name in known}
  if len(spelled) > MANY:
    spelled = {key: name for key, name in spelled.items() if key[:1] == word[:1].lower()}
  close = difflib.get_close_matches(word.lower(), spelled, 1, cutoff)
  return spelled[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> str:
  """`; did you mean 'query'?` for the closest known word, or `otherwise` where none is close."""
  match = closest(word, known, cutoff)
  return f"; did you mean {match!r}?" if match is not None else otherwise


def one_of(words: Iterable[str], last: str = "or") -> str:
  """`a`, `a or b`, `a, b or c`."""
  listed = list(words)
  return f" {last} ".join(filter(None, (", ".join(listed[:-1]), *listed[-1:])))


def counted(number: int, one: str) -> str:
  """`1 gap`, `2,000 gaps`."""
  return f"{number:,} {one}{'' if number == 1 else 's'}"
