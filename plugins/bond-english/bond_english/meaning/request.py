"""A request as chunks, and its clauses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bond_english.text.chunks import CONJUNCTION, KIND, PREPOSITION, Chunk, Role
from bond_english.text.tokens import Token


@dataclass(slots=True)
class Scope:
  """Chunks side by side: those of a clause, or of the whole request.

  `source_words` are the words of installed sources (word → source). `inherited` are the kinds that
  a clause without any shares with its neighbour. A chunk is active unless a negation leaves it out.
  """

  text: str
  tokens: Sequence[Token]
  chunks: list[Chunk]
  source_words: Mapping[str, str]
  inherited: frozenset[str] = frozenset()

  def having(self, *roles: Role) -> list[Chunk]:
    """The active chunks with one of these roles."""
    return [chunk for chunk in self.chunks if chunk.role in roles and not chunk.left_out]

  def indexed(self, *roles: Role) -> Iterator[tuple[int, Chunk]]:
    """The same with their indexes; the role of a chunk counts when it is reached."""
    for index, chunk in enumerate(self.chunks):
      if chunk.role in roles and not chunk.left_out:
        yield index, chunk

  def kinds(self) -> set[str]:
    """Every kind of data that an active chunk names, else those that the clause inherits."""
    return {kind for chunk in self.having(KIND) for kind in chunk.value} or set(self.inherited)

  def previous(self, index: int, *, skip: tuple[Role, ...] = ()) -> Chunk | None:
    """The chunk before this index, past those with a role in `skip`."""
    return next((chunk for chunk in reversed(self.chunks[:index]) if chunk.role not in skip), None)

  def following(self, index: int, *, skip: tuple[Role, ...] = ()) -> Chunk | None:
    """The chunk after this index, past those with a role in `skip`."""
    return next((chunk for chunk in self.chunks[index + 1 :] if chunk.role not in skip), None)

  def first_word(self, chunk: Chunk) -> str:
    """A chunk's first word in its form for look-up."""
    return self.tokens[chunk.first].word

  def without(self, first: Chunk, last: Chunk) -> tuple[int, int, str]:
    """The edit that takes chunks out of the request, with the words that join them to the rest."""
    at = next(i for i, chunk in enumerate(self.chunks) if chunk is first)
    while at and self.chunks[at - 1].role in (CONJUNCTION, PREPOSITION):
      at -= 1
    end = next(i for i, chunk in enumerate(self.chunks) if chunk is last) + 1
    while not at and end < len(self.chunks) and self.chunks[end].role in (CONJUNCTION, PREPOSITION):
      end += 1
    return self.chunks[at].first, self.chunks[end - 1].end, ""

  def text_of(self, chunk: Chunk) -> str:
    """A chunk's piece of the text, as it is written."""
    return self.text[self.tokens[chunk.first].start : self.tokens[chunk.end - 1].end]


@dataclass(slots=True)
class Request(Scope):
  """A whole request; the chunks of its clauses are the same objects. Where semicolons keep it
  `apart`, clauses share nothing across them."""

  apart: bool = False

  def clauses(self) -> list[Scope]:
    """The clauses in their order, each with its words between."""
    numbers = dict.fromkeys(chunk.clause for chunk in self.chunks)
    return [
      Scope(
        self.text,
        self.tokens,
        [chunk for chunk in self.chunks if chunk.clause == number],
        self.source_words,
      )
      for number in numbers
    ]
