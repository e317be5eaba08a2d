"""Tables of phrases, and the longest phrase at a position of a request."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from bond_english.text.tokens import NUMBER, SIGN, WORD, Token

V = TypeVar("V")

# Signs that join the words of one phrase where no space is: on-chain, bid/ask, crypto.com.
_JOINERS = frozenset("-–_/.")


class PhraseTable(Generic[V]):
  """Phrases of one or more words with their values.

  A phrase is written with spaces; "on chain" is found in on-chain too. `words` are all words of all
  phrases, `single` the values of the phrases of one word.
  """

  def __init__(self, entries: Iterable[tuple[str, V]]) -> None:
    self._by_first_word: dict[str, list[tuple[tuple[str, ...], V]]] = {}
    self.words: set[str] = set()
    self.single: dict[str, V] = {}
    for phrase, value in entries:
      words = tuple(phrase.split())
      self.words.update(words)
      if len(words) == 1:
        self.single[words[0]] = value
      self._by_first_word.setdefault(words[0], []).append((words, value))
    for phrases in self._by_first_word.values():
      phrases.sort(key=lambda entry: -len(entry[0]))

  def longest_at(self, tokens: Sequence[Token], first: int) -> tuple[V, int] | None:
    """The value of the longest phrase that begins at `first`, and the index after it."""
    return next(self.all_at(tokens, first), None)

  def all_at(self, tokens: Sequence[Token], first: int) -> Iterator[tuple[V, int]]:
    """The same for every phrase that begins at `first`, longest first."""
    if first >= len(tokens):
      return
    for words, value in self._by_first_word.get(tokens[first].word, ()):
      end = match_words(tokens, first, words)
      if end is not None:
        yield value, end


def match_words(tokens: Sequence[Token], first: int, words: Sequence[str]) -> int | None:
  """The index after `words` where the tokens from `first` on are these words, else None."""
  at = first
  for number, word in enumerate(words):
    if number and at + 1 < len(tokens) and is_joiner(tokens, at):
      at += 1
    if at >= len(tokens) or tokens[at].word != word or tokens[at].kind not in (WORD, NUMBER):
      return None
    at += 1
  return at


def is_joiner(tokens: Sequence[Token], at: int) -> bool:
  """Whether the sign at this index joins two words, as the hyphen of on-chain does."""
  return (
    0 < at < len(tokens) - 1
    and tokens[at].kind == SIGN
    and tokens[at].text in _JOINERS
    and tokens[at].attached
    and tokens[at + 1].attached
  )
