"""Finding words in posts, where the network does not do it: whole words, in any case.

As the search of networks reads them: #bitcoin and bitcoin are both there in "#Bitcoin", while $ONE
is only the cashtag and never the word.
"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[#$]?\w+")
_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')

Term = tuple[str, ...]


def read_query(query: str) -> list[Term]:
  """The words and "phrases" of a query, all of which a post has to have. ValueError for none."""
  return [term_of(phrase or word) for phrase, word in _TERM.findall(query)]


def term_of(text: str) -> Term:
  """A word, hashtag, cashtag or phrase as it is compared. ValueError where it has no letter."""
  words = tuple(_WORD.findall(text.casefold()))
  if not words:
    raise ValueError(f"{text!r} has no word to look for; write letters or digits")
  return words


class Words:
  """The words of one post, read once for all that look into it. `tags` are those that stand beside
  its text, without #."""

  def __init__(self, text: str, tags: Iterable[str] = ()) -> None:
    self._sequence = _WORD.findall(text.casefold())
    self._bare = [word.removeprefix("#") for word in self._sequence]
    self._there = {*self._sequence, *self._bare}
    for tag in tags:
      folded = tag.casefold().removeprefix("#")
      self._there |= {folded, f"#{folded}"}

  def has(self, term: Term) -> bool:
    """Whether the term is there."""
    if len(term) == 1:
      return term[0] in self._there
    if not all(word in self._there for word in term):
      return False
    size = len(term)
    return any(
      tuple(words[start : start + size]) == term
      for words in (self._sequence, self._bare)
      for start in range(len(words) - size + 1)
    )

  def has_any(self, terms: Iterable[Term]) -> bool:
    """Whether one of them is there."""
    return any(map(self.has, terms))

  def has_all(self, terms: Iterable[Term]) -> bool:
    """Whether all of them are there."""
    return all(map(self.has, terms))
