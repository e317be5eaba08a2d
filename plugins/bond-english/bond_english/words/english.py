"""Common English words, to tell what people say from what is a name or a typing error."""

from functools import cache
from importlib.resources import files

from bond_english.words.filler import FILLER
from bond_english.words.plain import PLAIN, bases


def is_english(word: str) -> bool:
  """Whether a word is common English, or a form of a common word; wordlists.py makes the list."""
  words = _words()
  return word in words or any(base in words for base in bases(word))


@cache
def _words() -> frozenset[str]:
  text = files("bond_english.words").joinpath("english.txt").read_text(encoding="utf-8")
  return FILLER.union(PLAIN, (line for line in text.splitlines() if not line.startswith("#")))
