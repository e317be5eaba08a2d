"""A request as chunks, which the passes give their final roles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bond_english.text.chunks import KIND, Chunk, Role
from bond_english.text.tokens import Token


@dataclass(slots=True)
class Request:
  """The text of a request, its tokens and its chunks; only the chunks change.

  `source_words` are the words of installed sources (word → source). A chunk is active unless a
  negation leaves it out.
  """

  text: str
  tokens: Sequence[Token]
  chunks: list[Chunk]
  source_words: Mapping[str, str]

  def having(self, *roles: Role) -> list[Chunk]:
    """The active chunks with one of these roles."""
    return [chunk for chunk in self.chunks if chunk.role in roles and not chunk.left_out]

  def indexed(self, *roles: Role) -> Iterator[tuple[int, Chunk]]:
    """The same with their indexes; roles may change during the iteration."""
    for index, chunk in enumerate(self.chunks):
      if chunk.role in roles and not chunk.left_out:
        yield index, chunk

  def kinds(self) -> set[str]:
    """Every kind of data that an active chunk names."""
    return {kind for chunk in self.having(KIND) for kind in chunk.value}

  def previous(self, index: int, *, skip: tuple[Role, ...] = ()) -> Chunk | None:
    """The chunk before this index, past those with a role in `skip`."""
    return next((chunk for chunk in reversed(self.chunks[:index]) if chunk.role not in skip), None)

  def following(self, index: int, *, skip: tuple[Role, ...] = ()) -> Chunk | None:
    """The chunk after this index, past those with a role in `skip`."""
    return next((chunk for chunk in self.chunks[index + 1 :] if chunk.role not in skip), None)

  def first_word(self, chunk: Chunk) -> str:
    """A chunk's first word in its form for look-up."""
    return self.tokens[chunk.first].word

  def text_of(self, chunk: Chunk) -> str:
    """A chunk's piece of the text, as it is written."""
    return self.text[self.tokens[chunk.first].start : self.tokens[chunk.end - 1].end]
