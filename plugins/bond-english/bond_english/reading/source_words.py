"""The words of installed sources as phrases to look for."""

from collections.abc import Mapping
from functools import lru_cache

from bond_english.text.phrases import PhraseTable


def source_phrases(source_words: Mapping[str, str]) -> PhraseTable[str]:
  """A table of these words (word → source); "open-interest" is the phrase "open interest"."""
  return _table(tuple(source_words.items()))


# What is installed is the same for every request of a process.
@lru_cache(maxsize=8)
def _table(source_words: tuple[tuple[str, str], ...]) -> PhraseTable[str]:
  return PhraseTable(
    (phrase, source)
    for word, source in source_words
    if (phrase := " ".join(word.casefold().replace("-", " ").split()))
  )
