"""Search in posts, where the network has none: whole words, without regard to case.

As in the search of networks, "#Bitcoin" has both #bitcoin and bitcoin, while "$ONE" has only the
cashtag and not the word.
"""

import re
from collections.abc import Iterable
from typing import TypeAlias

_WORD = re.compile(r"[#$]?\w+")
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')

Term: TypeAlias = tuple[str, ...]
"""The words of a phrase, or one word, hashtag or cashtag; in lower case."""


def read_query(query: str) -> list[Term]:
  """The words and "phrases" of a query, all of which a post must have. ValueError for one without a
  letter or digit."""
  return [term_of(phrase or word) for phrase, word in _TERM.findall(query)]


def term_of(text: str) -> Term:
  """The term of a word, hashtag, cashtag or phrase. ValueError for one without a letter or
  digit."""
  words = tuple(_WORD.findall(text.casefold()))
  if not words:
    raise ValueError(f"{text!r} has no word to look for; write letters or digits")
  return words


class Words:
  """The words of one post, split once for any number of searches. `tags` are tags that the network
  has beside the text."""

  def __init__(self, text: str, tags: Iterable[str] = ()) -> None:
    self._words = _WORD.findall(text.casefold())
    self._without_hash = [word.removeprefix("#") for word in self._words]
    self._found = {*self._words, *self._without_hash}
    for tag in tags:
      folded = tag.casefold().removeprefix("#")
      self._found |= {folded, f"#{folded}"}

  def has(self, term: Term) -> bool:
    """Whether the post has the term."""
    if len(term) == 1:
      return term[0] in self._found
    if not all(word in self._found for word in term):
      return False
    size = len(term)
    return any(
      tuple(words[start : start + size]) == term
      for words in (self._words, self._without_hash)
      for start in range(len(words) - size + 1)
    )

  def has_any(self, terms: Iterable[Term]) -> bool:
    """Whether the post has one of the terms."""
    return any(map(self.has, terms))

  def has_all(self, terms: Iterable[Term]) -> bool:
    """Whether the post has all of the terms."""
    return all(map(self.has, terms))
