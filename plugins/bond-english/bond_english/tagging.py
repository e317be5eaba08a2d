"""The first pass: marks from left to right, the most telling reading at each place."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from bond_english.amounts import CURRENCY_SIGNS, bound_at
from bond_english.depths import depth_at
from bond_english.forms import form_at, money_at, out_of_reach_at, quoted_at
from bond_english.groups import all_venues_at, group_at, venue_type_at
from bond_english.intervals import interval_at
from bond_english.lexicon import NEGATIONS
from bond_english.marks import (
  ALERT,
  BOUND,
  CORRECTED,
  EDIT,
  FILLER,
  INTERVAL,
  JOIN,
  KIND,
  NOT,
  OF,
  POSTS,
  REPLAY,
  UNKNOWN,
  Mark,
)
from bond_english.moves import move_at
from bond_english.names import name_at
from bond_english.pairs import pair_at
from bond_english.phrases import Phrases
from bond_english.sides import language_at, side_at
from bond_english.spans import ago_at, plain_span_at, span_at
from bond_english.tokens import SIGN, Token
from bond_english.words import beyond, filler

_REPLAY = Phrases((phrase, phrase) for phrase in beyond.REPLAY)
_ALERTS = Phrases((phrase, phrase) for phrase in beyond.ALERTS)
_EDITS = Phrases((phrase, phrase) for phrase in beyond.EDITS)
_BEGINNING = frozenset((*"<>≥≤-−–/", "<=", ">=", *CURRENCY_SIGNS))
"""Signs that something can begin with: -5s, > $100k, /usd."""
_PICTURES = frozenset(("So", "Sk", "Cf", "Cc", "Mn", "Me"))


def tag(
  tokens: Sequence[Token], words: Mapping[str, str], near: Mapping[int, tuple[str, ...]]
) -> list[Mark]:
  """Marks that hold every token of the text in order. `words` are those of installed plugins,
  `near` the known words near to those that are in no table."""
  own = Phrases((_spaced(word), source) for word, source in words.items() if _spaced(word))
  marks: list[Mark] = []
  at = 0
  texts = False
  while at < len(tokens):
    mark = _mark_at(tokens, at, own, texts) or Mark(UNKNOWN, at, at + 1, near.get(at, ()))
    if any(token.corrected for token in tokens[mark.first : mark.last]):
      mark.how = CORRECTED
      mark.facts = [(slot, value, CORRECTED) for slot, value, _ in mark.facts]
    marks.append(mark)
    texts = texts or mark.slot in (KIND, POSTS)
    at = mark.last
  return marks


def _spaced(word: str) -> str:
  return " ".join(word.casefold().replace("-", " ").split())


def _mark_at(tokens: Sequence[Token], first: int, own: Phrases[str], texts: bool) -> Mark | None:
  found = form_at(tokens, first) or (quoted_at(tokens, first) if texts else None)
  if found is not None:
    return found
  if tokens[first].kind == SIGN and tokens[first].text not in _BEGINNING:
    return _between(tokens, first)
  for read in _READERS:
    found = read(tokens, first)
    if found is not None:
      return found
  return name_at(tokens, first, own) or _between(tokens, first)


def _with(tokens: Sequence[Token], first: int) -> Mark | None:
  """W/ and w/o."""
  words = [token.word for token in tokens[first : first + 3]]
  if words[:3] == ["w", "/", "o"]:
    return Mark(NOT, first, first + 3)
  return Mark(JOIN, first, first + 2, "with") if words[:2] == ["w", "/"] else None


def _interval(tokens: Sequence[Token], first: int) -> Mark | None:
  found = interval_at(tokens, first)
  return None if found is None else Mark(INTERVAL, first, found[1], found[0])


def _bound(tokens: Sequence[Token], first: int) -> Mark | None:
  found = bound_at(tokens, first)
  return None if found is None else Mark(BOUND, first, found[1], found[0])


def _negation(tokens: Sequence[Token], first: int) -> Mark | None:
  found = NEGATIONS.at(tokens, first)
  return None if found is None else Mark(NOT, first, found[1])


def _phrase(phrases: Phrases[str], slot: str) -> Callable[[Sequence[Token], int], Mark | None]:
  def read(tokens: Sequence[Token], first: int) -> Mark | None:
    found = phrases.at(tokens, first)
    return None if found is None else Mark(slot, first, found[1], found[0])

  return read


_READERS: tuple[Callable[[Sequence[Token], int], Mark | None], ...] = (
  _with,
  pair_at,
  _phrase(_REPLAY, REPLAY),
  group_at,
  all_venues_at,
  depth_at,
  move_at,
  ago_at,
  span_at,
  out_of_reach_at,
  _phrase(_EDITS, EDIT),
  _interval,
  _bound,
  plain_span_at,
  _phrase(_ALERTS, ALERT),
  _negation,
  venue_type_at,
  side_at,
  money_at,
  language_at,
)
"""In this order: no aggregation is an interval before no leaves something out, and 5m is a depth or
a bound before it is a length of time."""


def _between(tokens: Sequence[Token], first: int) -> Mark | None:
  """Words that bind, join or say nothing, and signs."""
  token = tokens[first]
  if token.kind == SIGN:
    if token.text in filler.JOINING_SIGNS:
      return Mark(JOIN, first, first + 1, token.text)
    silent = token.text in filler.OTHER_SIGNS or token.text in ("...", "->", "=>")
    return Mark(FILLER, first, first + 1) if silent or _is_picture(token.text) else None
  if token.word in filler.JOINING:
    return Mark(JOIN, first, first + 1, token.word)
  if token.word in filler.PREPOSITIONS:
    return Mark(OF, first, first + 1, token.word)
  return Mark(FILLER, first, first + 1) if token.word in filler.FILLER else None


def _is_picture(text: str) -> bool:
  """Whether a sign is a picture, which says nothing: 🚀."""
  return all(unicodedata.category(char) in _PICTURES for char in text)
