"""The lexer: every role that every span of a request may have, each with a cost.

Nothing is decided here. "solana" may be the asset and the chain, "near" the token and a word; the
grammar in clauses/ takes the readings that fit each other.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from bond_english.quantities.amounts import CURRENCY_SIGNS, bound_at
from bond_english.quantities.depths import depth_at
from bond_english.quantities.intervals import interval_at
from bond_english.quantities.numbers import number_at
from bond_english.quantities.price_moves import price_move_at
from bond_english.quantities.time_spans import (
  ago_at,
  plain_time_span_at,
  time_of_day_at,
  time_span_at,
)
from bond_english.reading.alerts import alert_at
from bond_english.reading.asset_groups import asset_group_at
from bond_english.reading.languages import language_at
from bond_english.reading.names import names_at
from bond_english.reading.notation import notation_at, quoted_at
from bond_english.reading.pairs import pair_at
from bond_english.reading.quote_currencies import quote_at
from bond_english.reading.sides import side_at
from bond_english.reading.source_words import SourceWords
from bond_english.reading.spelling import is_known
from bond_english.reading.unavailable import operator_at, unavailable_at
from bond_english.reading.unlisted import unlisted_at
from bond_english.reading.venue_groups import all_venues_at, venue_type_at
from bond_english.text.chunks import (
  ALIAS,
  BOUND,
  CHAIN,
  CONJUNCTION,
  CORRECTED,
  CORRECTION,
  EDIT,
  FILLER,
  INTERVAL,
  KEY,
  NEGATION,
  PLAIN,
  PREPOSITION,
  REPLAY,
  UNKNOWN,
  Chunk,
  Fact,
  Role,
)
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import NUMBER, SIGN, WORD, Token
from bond_english.words import filler, split_words, unsupported
from bond_english.words.lexicon import NEGATIONS
from bond_english.words.plain import is_plain

Reader: TypeAlias = Callable[[Sequence[Token], int], Chunk | None]

UNKNOWN_COST = 12.0
PLAIN_COST = 3.0
FILLER_COST = 0.3
"""A word that says nothing is a worse reading than any that does, and a better one than none."""

_REPLAY = PhraseTable((phrase, phrase) for phrase in unsupported.REPLAY)
_EDITS = PhraseTable((phrase, phrase) for phrase in unsupported.EDITS)
_CORRECTIONS = PhraseTable((phrase, None) for phrase in filler.CORRECTIONS)
_EXCEPT = PhraseTable((phrase, None) for phrase in filler.EXCEPT)
_LETTERS = frozenset(split_words("a b c d e i ii iii iv v"))
_ADDRESS_PARTS = frozenset(split_words("com io net org exchange api ws public stream localhost"))
_LEADING_SIGNS = frozenset((*"<>≥≤-−–/~@.:(", "<=", ">=", *CURRENCY_SIGNS))
"""Signs that a chunk can begin with: -5s, > $100k, /usd."""
_PICTOGRAMS = frozenset(("So", "Sk", "Cf", "Cc", "Mn", "Me"))
"""Unicode categories."""


def readings(
  tokens: Sequence[Token], sources: SourceWords, alike: Mapping[int, tuple[str, ...]]
) -> list[list[Chunk]]:
  """The chunks that may begin at each token.

  `sources` are the words of installed sources, `alike` the known words spelled like the unknown
  word at an index. Every token has at least one reading.
  """
  found: list[list[Chunk]] = []
  for at in range(len(tokens)):
    chunks = _at(tokens, at, sources)
    if all(chunk.end > at + 1 or chunk.weak for chunk in chunks):
      chunks.append(Chunk(UNKNOWN, at, at + 1, alike.get(at, ()), cost=UNKNOWN_COST))
    for chunk in chunks:
      if any(token.corrected for token in tokens[chunk.first : chunk.end]):
        chunk.how = CORRECTED
        chunk.facts = [(slot, value, CORRECTED) for slot, value, _ in chunk.facts]
    found.append(chunks)
  return found


def _at(tokens: Sequence[Token], first: int, sources: SourceWords) -> list[Chunk]:
  notation = notation_at(tokens, first)
  if notation is not None:
    return [notation]
  found: list[Chunk] = []
  written = tokens[0].text == "[" or any(token.text == "{" for token in tokens[:first])
  quoted = None if written or tokens[0].text == "{" else quoted_at(tokens, first)
  if quoted is not None:
    found.append(quoted)
  if tokens[first].kind != SIGN or tokens[first].text in _LEADING_SIGNS:
    for number, read in enumerate(_READERS):
      chunk = read(tokens, first)
      if chunk is not None:
        chunk.cost += 0.002 * number
        found.append(chunk)
    found += names_at(tokens, first, sources)
  function_word = _function_word(tokens, first)
  if function_word is not None:
    found.append(function_word)
  elif is_plain(tokens[first].word) and tokens[first].kind == WORD:
    found.append(Chunk(PLAIN, first, first + 1, cost=PLAIN_COST))
  return found


def _with_slash(tokens: Sequence[Token], first: int) -> Chunk | None:
  """W/ and w/o."""
  words = [token.word for token in tokens[first : first + 3]]
  if words[:3] == ["w", "/", "o"]:
    return Chunk(NEGATION, first, first + 3)
  return Chunk(CONJUNCTION, first, first + 2, "with") if words[:2] == ["w", "/"] else None


def _address_part(tokens: Sequence[Token], first: int) -> Chunk | None:
  """What an address of the web has besides names: .com, :9443, /v3."""
  token = tokens[first]
  if first + 1 < len(tokens) and token.text in ".:/" and tokens[first + 1].attached:
    following = tokens[first + 1]
    part = following.word in _ADDRESS_PARTS or _is_version(following.word)
    port = token.text == ":" and following.kind == NUMBER
    port = port and tokens[first - 1].word in _ADDRESS_PARTS
    return Chunk(FILLER, first, first + 2) if token.attached and (part or port) else None
  if first + 3 < len(tokens) and [t.text for t in tokens[first + 1 : first + 4]] == [":", "/", "/"]:
    return Chunk(FILLER, first, first + 4)
  return Chunk(FILLER, first, first + 1) if _is_version(token.word) else None


def _is_version(word: str) -> bool:
  return word[:1] == "v" and word[1:].isdecimal() and len(word) == 2


def _method(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Eth_subscribe: a method of Ethereum's nodes."""
  signs = [token.text for token in tokens[first : first + 2]]
  if signs != ["eth", "_"] or not tokens[first + 1].attached:
    return None
  facts: list[Fact] = [("filter", {"chain": "ethereum"}, ALIAS)]
  return Chunk(CHAIN, first, min(first + 3, len(tokens)), "ethereum", ALIAS, facts)


def _enumerator(tokens: Sequence[Token], first: int) -> Chunk | None:
  """(1), 2): the number of a part of the request."""
  opened = tokens[first].text == "("
  at = first + opened
  if at + 1 >= len(tokens) or tokens[at + 1].text != ")" or not tokens[at + 1].attached:
    return None
  token = tokens[at]
  numbered = (token.kind == NUMBER and len(token.text) < 3) or token.word in _LETTERS
  signs = [other.text for other in tokens[:first]]
  starts = not tokens[first].attached and signs.count("(") <= signs.count(")")
  return Chunk(FILLER, first, at + 2) if numbered and starts else None


def _key(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The key of key=value, "key": value and key: value; product_ids and inst type, too."""
  if _names_a_value(tokens, first):
    return Chunk(KEY, first, first + 2)
  end = first
  while end < len(tokens) and tokens[end].word in filler.KEYS:
    joined = end + 1 < len(tokens) and tokens[end + 1].text == "_"
    end += 2 if joined else 1
  if end == first:
    return None
  if end < len(tokens) and tokens[end].text in ('"', "'"):
    end += 1
  if end >= len(tokens) or tokens[end].text not in ("=", ":"):
    return None
  return Chunk(KEY, first, end + 1)


def _names_a_value(tokens: Sequence[Token], first: int) -> bool:
  """Whether a word that says nothing here stands before an object: t: {use: …}."""
  signs = [token.text for token in tokens[first + 1 : first + 3]]
  known = is_known(tokens[first].word, frozenset())
  return tokens[first].kind == WORD and signs == [":", "{"] and not known


def _interval(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = interval_at(tokens, first)
  return None if found is None else Chunk(INTERVAL, first, found[1], found[0])


def _bound(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = bound_at(tokens, first)
  return None if found is None else Chunk(BOUND, first, found[1], found[0])


def _negation(tokens: Sequence[Token], first: int) -> Chunk | None:
  """No, without; the leave of "leave the tweets out"."""
  if tokens[first].word in filler.PARTED_NEGATIONS:
    behind = [token.word for token in tokens[first + 2 : first + 5]]
    return Chunk(NEGATION, first, first + 1) if "out" in behind else None
  found = NEGATIONS.longest_at(tokens, first)
  return None if found is None else Chunk(NEGATION, first, found[1])


def _only(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Skip anything that's not, nothing but: what is left out twice is what is asked for alone."""
  found = NEGATIONS.longest_at(tokens, first)
  if found is None:
    return None
  at = found[1]
  while at < len(tokens) and tokens[at].word in filler.EVERYTHING_THAT:
    at += 1
  bare = tokens[first].word in ("nothing", "none")
  if at >= len(tokens) or (at == found[1] and not bare):
    return None
  second = _EXCEPT.longest_at(tokens, at)
  return None if second is None else Chunk(FILLER, first, second[1], cost=-2.0)


def _correction(tokens: Sequence[Token], first: int) -> Chunk | None:
  """No wait, make it; the "actually" of "20 levels - actually 50"; "okx, sorry, bybit"."""
  found = _CORRECTIONS.longest_at(tokens, first)
  if found is not None:
    # What "wait not buys" leaves out is read as any other.
    return Chunk(CORRECTION, first, found[1] - (tokens[found[1] - 1].word == "not"))
  if not first or tokens[first].word not in filler.HESITATIONS or tokens[first - 1].kind != SIGN:
    return None
  at = first + 1
  paused = at < len(tokens) and tokens[at].text == "," and tokens[first].word != "actually"
  at += at < len(tokens) and tokens[at].text == ","
  again = at < len(tokens) and (
    tokens[at].word == "not"
    or number_at(tokens, at) is not None
    or bound_at(tokens, at) is not None
  )
  return Chunk(CORRECTION, first, first + 1) if paused or again else None


def _phrase(phrases: PhraseTable[str] | PhraseTable[None], role: Role) -> Reader:
  def read(tokens: Sequence[Token], first: int) -> Chunk | None:
    found = phrases.longest_at(tokens, first)
    return None if found is None else Chunk(role, first, found[1], found[0])

  return read


_READERS: tuple[Reader, ...] = (
  _with_slash,
  _address_part,
  _method,
  _enumerator,
  _key,
  pair_at,
  _phrase(_REPLAY, REPLAY),
  _correction,
  asset_group_at,
  all_venues_at,
  depth_at,
  price_move_at,
  ago_at,
  time_span_at,
  time_of_day_at,
  unavailable_at,
  operator_at,
  _phrase(_EDITS, EDIT),
  _interval,
  _bound,
  plain_time_span_at,
  alert_at,
  _only,
  _negation,
  venue_type_at,
  side_at,
  quote_at,
  language_at,
  unlisted_at,
)
"""Of equally good readings the one of the earlier reader counts: "no aggregation" is an interval
before "no" is a negation, and 5m is a bound before it is a time span."""


def _function_word(tokens: Sequence[Token], first: int) -> Chunk | None:
  """A preposition, a conjunction, filler or a sign."""
  token = tokens[first]
  if token.kind == SIGN:
    if token.text in filler.CONJUNCTION_SIGNS:
      return Chunk(CONJUNCTION, first, first + 1, token.text)
    silent = token.text in filler.SILENT_SIGNS or token.text in ("...", "->", "=>")
    if silent or _is_pictogram(token.text):
      return Chunk(FILLER, first, first + 1)
    return None
  if token.word in filler.CONJUNCTIONS:
    return Chunk(CONJUNCTION, first, first + 1, token.word)
  if token.word in filler.PREPOSITIONS:
    return Chunk(PREPOSITION, first, first + 1, token.word)
  if token.word in filler.FILLER:
    return Chunk(FILLER, first, first + 1, cost=FILLER_COST)
  return None


def _is_pictogram(text: str) -> bool:
  """Whether a sign is an emoji or the like, which says nothing: 🚀."""
  return all(unicodedata.category(char) in _PICTOGRAMS for char in text)
