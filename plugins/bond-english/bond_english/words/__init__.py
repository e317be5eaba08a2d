"""The vocabulary: assets, venues, chains, kinds of data, and words that say nothing; plain tables,
and in lexicon the same as phrases to look for."""

from collections.abc import Iterable, Iterator


def split_words(text: str) -> tuple[str, ...]:
  """The words of a table's cell."""
  return tuple(text.split())


def without_apostrophes(words: Iterable[str]) -> Iterator[str]:
  """The words, and those with an apostrophe also without it: they're, theyre."""
  for word in words:
    yield word
    if "'" in word and len(word) > 4:
      yield word.replace("'", "")


def split_phrases(text: str) -> tuple[str, ...]:
  """The phrases of a table's cell, separated by semicolons."""
  return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


def read_names(table: str) -> dict[str, tuple[str, ...]]:
  """The other names of each key, of a table with lines such as "BTC: bitcoin, xbt"."""
  rows = (line.partition(":") for line in table.strip().splitlines())
  return {
    key: tuple(name.strip() for name in names.split(",") if name.strip()) for key, _, names in rows
  }
