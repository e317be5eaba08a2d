"""Tagging: chunks from left to right, at each position by the most telling reader."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from bond_english.quantities.amounts import CURRENCY_SIGNS, bound_at
from bond_english.quantities.depths import depth_at
from bond_english.quantities.intervals import interval_at
from bond_english.quantities.price_moves import price_move_at
from bond_english.quantities.time_spans import ago_at, plain_time_span_at, time_span_at
from bond_english.reading.asset_groups import asset_group_at
from bond_english.reading.languages import language_at
from bond_english.reading.names import name_at
from bond_english.reading.notation import notation_at, quoted_at
from bond_english.reading.pairs import pair_at
from bond_english.reading.quote_currencies import quote_at
from bond_english.reading.sides import side_at
from bond_english.reading.unavailable import unavailable_at
from bond_english.reading.venue_groups import all_venues_at, venue_type_at
from bond_english.text.chunks import (
  ALERT,
  BOUND,
  CONJUNCTION,
  CORRECTED,
  EDIT,
  FILLER,
  INTERVAL,
  KIND,
  NEGATION,
  POSTS,
  PREPOSITION,
  REPLAY,
  UNKNOWN,
  Chunk,
  Role,
)
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import SIGN, Token
from bond_english.words import filler, unsupported
from bond_english.words.lexicon import NEGATIONS

Reader: TypeAlias = Callable[[Sequence[Token], int], Chunk | None]

_REPLAY = PhraseTable((phrase, phrase) for phrase in unsupported.REPLAY)
_ALERTS = PhraseTable((phrase, phrase) for phrase in unsupported.ALERTS)
_EDITS = PhraseTable((phrase, phrase) for phrase in unsupported.EDITS)
_LEADING_SIGNS = frozenset((*"<>≥≤-−–/", "<=", ">=", *CURRENCY_SIGNS))
"""Signs that a chunk can begin with: -5s, > $100k, /usd."""
_PICTOGRAMS = frozenset(("So", "Sk", "Cf", "Cc", "Mn", "Me"))
"""Unicode categories."""


def tag(
  tokens: Sequence[Token],
  sources: PhraseTable[str],
  alike: Mapping[int, tuple[str, ...]],
) -> list[Chunk]:
  """Chunks that cover every token of the text, in order.

  `sources` are the phrases for installed sources, `alike` the known words spelled like the unknown
  word at an index.
  """
  chunks: list[Chunk] = []
  at = 0
  quotes_are_queries = False
  while at < len(tokens):
    chunk = _chunk_at(tokens, at, sources, quotes_are_queries)
    if chunk is None:
      chunk = Chunk(UNKNOWN, at, at + 1, alike.get(at, ()))
    if any(token.corrected for token in tokens[chunk.first : chunk.end]):
      chunk.how = CORRECTED
      chunk.facts = [(slot, value, CORRECTED) for slot, value, _ in chunk.facts]
    chunks.append(chunk)
    quotes_are_queries = quotes_are_queries or chunk.role in (KIND, POSTS)
    at = chunk.end
  return chunks


def _chunk_at(
  tokens: Sequence[Token], first: int, sources: PhraseTable[str], quotes_are_queries: bool
) -> Chunk | None:
  found = notation_at(tokens, first) or (quoted_at(tokens, first) if quotes_are_queries else None)
  if found is not None:
    return found
  if tokens[first].kind == SIGN and tokens[first].text not in _LEADING_SIGNS:
    return _function_word(tokens, first)
  for read in _READERS:
    found = read(tokens, first)
    if found is not None:
      return found
  return name_at(tokens, first, sources) or _function_word(tokens, first)


def _with_slash(tokens: Sequence[Token], first: int) -> Chunk | None:
  """W/ and w/o."""
  words = [token.word for token in tokens[first : first + 3]]
  if words[:3] == ["w", "/", "o"]:
    return Chunk(NEGATION, first, first + 3)
  return Chunk(CONJUNCTION, first, first + 2, "with") if words[:2] == ["w", "/"] else None


def _interval(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = interval_at(tokens, first)
  return None if found is None else Chunk(INTERVAL, first, found[1], found[0])


def _bound(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = bound_at(tokens, first)
  return None if found is None else Chunk(BOUND, first, found[1], found[0])


def _negation(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = NEGATIONS.longest_at(tokens, first)
  return None if found is None else Chunk(NEGATION, first, found[1])


def _phrase(phrases: PhraseTable[str], role: Role) -> Reader:
  def read(tokens: Sequence[Token], first: int) -> Chunk | None:
    found = phrases.longest_at(tokens, first)
    return None if found is None else Chunk(role, first, found[1], found[0])

  return read


_READERS: tuple[Reader, ...] = (
  _with_slash,
  pair_at,
  _phrase(_REPLAY, REPLAY),
  asset_group_at,
  all_venues_at,
  depth_at,
  price_move_at,
  ago_at,
  time_span_at,
  unavailable_at,
  _phrase(_EDITS, EDIT),
  _interval,
  _bound,
  plain_time_span_at,
  _phrase(_ALERTS, ALERT),
  _negation,
  venue_type_at,
  side_at,
  quote_at,
  language_at,
)
"""In this order: "no aggregation" is an interval before "no" is a negation, and 5m is a depth or a
bound before it is a time span."""


def _function_word(tokens: Sequence[Token], first: int) -> Chunk | None:
  """A preposition, a conjunction, filler or a sign."""
  token = tokens[first]
  if token.kind == SIGN:
    if token.text in filler.CONJUNCTION_SIGNS:
      return Chunk(CONJUNCTION, first, first + 1, token.text)
    silent = token.text in filler.SILENT_SIGNS or token.text in ("...", "->", "=>")
    return Chunk(FILLER, first, first + 1) if silent or _is_pictogram(token.text) else None
  if token.word in filler.CONJUNCTIONS:
    return Chunk(CONJUNCTION, first, first + 1, token.word)
  if token.word in filler.PREPOSITIONS:
    return Chunk(PREPOSITION, first, first + 1, token.word)
  return Chunk(FILLER, first, first + 1) if token.word in filler.FILLER else None


def _is_pictogram(text: str) -> bool:
  """Whether a sign is an emoji or the like, which says nothing: 🚀."""
  return all(unicodedata.category(char) in _PICTOGRAMS for char in text)
