"""Phrases of one or more words, and the longest of them at a place of a request."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from bond_english.tokens import NUMBER, SIGN, WORD, Token

V = TypeVar("V")

# What joins the words of one notion when no space is there: on-chain, bid/ask, crypto.com.
_JOINING = frozenset("-–_/.")


class Phrases(Generic[V]):
  """What phrases mean. A phrase is written with spaces; "on chain" is found in on-chain too."""

  def __init__(self, meanings: Iterable[tuple[str, V]]) -> None:
    self._by_first: dict[str, list[tuple[tuple[str, ...], V]]] = {}
    self.words: set[str] = set()
    self.single: dict[str, V] = {}
    for phrase, value in meanings:
      words = tuple(phrase.split())
      self.words.update(words)
      if len(words) == 1:
        self.single[words[0]] = value
      self._by_first.setdefault(words[0], []).append((words, value))
    for phrases in self._by_first.values():
      phrases.sort(key=lambda entry: -len(entry[0]))

  def at(self, tokens: Sequence[Token], first: int) -> tuple[V, int] | None:
    """The meaning of the longest phrase that begins at `first`, and where the text goes on."""
    return next(self.all_at(tokens, first), None)

  def all_at(self, tokens: Sequence[Token], first: int) -> Iterator[tuple[V, int]]:
    """The same of every phrase that begins at `first`, longer ones first."""
    for words, value in self._by_first.get(tokens[first].word, ()) if first < len(tokens) else ():
      end = follow(tokens, first, words)
      if end is not None:
        yield value, end


def follow(tokens: Sequence[Token], first: int, words: Sequence[str]) -> int | None:
  """Where the text goes on after these words, or None where it has others."""
  at = first
  for number, word in enumerate(words):
    if number and at + 1 < len(tokens) and is_joint(tokens, at):
      at += 1
    if at >= len(tokens) or tokens[at].word != word or tokens[at].kind not in (WORD, NUMBER):
      return None
    at += 1
  return at


def is_joint(tokens: Sequence[Token], at: int) -> bool:
  """Whether the sign at this place holds two words together, as the hyphen of on-chain does."""
  return (
    0 < at < len(tokens) - 1
    and tokens[at].kind == SIGN
    and tokens[at].text in _JOINING
    and tokens[at].glued
    and tokens[at + 1].glued
  )
