"""How many levels of a book: depth 20, top 10 levels, 50-level book."""

from collections.abc import Sequence

from bond_english.quantities.amounts import CURRENCY_SIGNS, unit_at
from bond_english.quantities.durations import duration_at, unit_at as time_unit_at
from bond_english.quantities.numbers import number_at
from bond_english.text.chunks import Chunk, filter_chunk, question_chunk
from bond_english.text.phrases import is_joiner, match_words
from bond_english.text.tokens import Token

MAX_LEVELS = 10_000

_LEVEL_WORDS = frozenset(
  ("levels", "level", "lvls", "lvl", "rows", "bids", "asks", "ticks", "deep", "depth")
)
_BOOK_WORDS = frozenset(("book", "orderbook", "books", "orderbooks", "order"))
_BOOKS = frozenset(("book", "orderbook", "books", "orderbooks", "l2"))
"""A number after these is a depth: book 10, books5, orderbook.50."""

WORDS = _LEVEL_WORDS | {"top"}


def depth_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The depth that begins at `first`; a question for 10m depth, which is ambiguous."""
  if tokens[first].word in ("depth", "levels", "level"):
    return _after_noun(tokens, first)
  if tokens[first].word == "limit" and first + 1 < len(tokens) and tokens[first + 1].text in "=:":
    # The limit of a book in programs.
    return _after_noun(tokens, first)
  top = tokens[first].word == "top"
  number = number_at(tokens, first + top)
  if number is None:
    return None
  value, end = number
  end += is_joiner(tokens, end)
  while end < len(tokens) and tokens[end].word in ("best", "top", "first"):
    end += 1
  words = [token.word for token in tokens[end : end + 2]]
  if words == ["m", "depth"]:
    question = (
      f"What is a depth of {value:g}m: {value:g} million, or {value:g} minutes? Say levels."
    )
    return question_chunk(question, first, end + 2)
  if words == ["price", "levels"]:
    return _depth_chunk(value, first, end + 2)
  if words and words[0] in _LEVEL_WORDS:
    return _depth_chunk(value, first, _skip_levels(tokens, end))
  if not top and _is_after_book(tokens, first, end):
    return _depth_chunk(value, first, end)
  if top and words and (words[0] in _BOOK_WORDS or match_words(tokens, end, ("of", "the", "book"))):
    return _depth_chunk(value, first, end)
  if top:
    # Top 5 of what? Of a book, where nothing else has a top.
    chunk = _depth_chunk(value, first, end)
    chunk.cost = 2.0
    return chunk
  return None


def _is_after_book(tokens: Sequence[Token], first: int, end: int) -> bool:
  """Whether a number, that is of no unit, stands right after the name of a book."""
  at = first - 1
  at -= at > 0 and tokens[at].text in (".", "(", ":", "@")
  if at < 0 or tokens[at].word not in _BOOKS or duration_at(tokens, first) is not None:
    return False
  signed = end < len(tokens) and (tokens[end].text == "%" or tokens[end].text in CURRENCY_SIGNS)
  return not signed and (
    end >= len(tokens) or tokens[end].text == "." or unit_at(tokens, end) is None
  )


def _after_noun(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Depth 20, depth of 20, levels: 20; not level 2, which is the name of a book."""
  at = first + 1
  if tokens[first].word == "level" and at < len(tokens) and tokens[at].text in ("1", "2", "3"):
    return None
  while at < len(tokens) and (
    tokens[at].word in ("of", "is") or tokens[at].text in (":", "=", '"', "-")
  ):
    at += 1
  number = number_at(tokens, at)
  if number is None:
    return None
  value, end = number
  if time_unit_at(tokens, end) is not None:
    return None
  if end < len(tokens) and (tokens[end].text == "%" or tokens[end].text in CURRENCY_SIGNS):
    return None
  return _depth_chunk(value, first, _skip_levels(tokens, end))


def _skip_levels(tokens: Sequence[Token], at: int) -> int:
  while at < len(tokens) and tokens[at].word in _LEVEL_WORDS:
    at += 1
    joined = at + 1 < len(tokens) and (tokens[at].word == "and" or tokens[at].text in ("/", "&"))
    if joined and tokens[at + 1].word in _LEVEL_WORDS:
      at += 1
  return at


def _depth_chunk(value: float, first: int, last: int) -> Chunk:
  if value < 1 or value != int(value) or value > MAX_LEVELS:
    question = f"A depth is a whole number of levels, 1 to {MAX_LEVELS}, not {value:g}; how many?"
    return question_chunk(question, first, last)
  return filter_chunk("depth", first, last, {"depth": int(value)})
