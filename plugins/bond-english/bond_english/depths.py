"""How many levels of a book: depth 20, top 10 levels, 50-level book."""

from collections.abc import Sequence

from bond_english.amounts import CURRENCY_SIGNS
from bond_english.durations import unit_at
from bond_english.marks import Mark, asked, filtered
from bond_english.numbers import number_at
from bond_english.phrases import follow, is_joint
from bond_english.tokens import Token

MOST_LEVELS = 10_000

_LEVELS = frozenset(("levels", "level", "rows", "bids", "asks", "ticks", "deep", "depth"))
_BOOKS = frozenset(("book", "orderbook", "books", "orderbooks", "order"))

WORDS = _LEVELS | {"top"}


def depth_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """The depth that begins at `first`; of 10m depth nobody can tell what it means."""
  if tokens[first].word in ("depth", "levels", "level"):
    return _named(tokens, first)
  top = tokens[first].word == "top"
  number = number_at(tokens, first + top)
  if number is None:
    return None
  value, end = number
  end += is_joint(tokens, end)
  words = [token.word for token in tokens[end : end + 2]]
  if words == ["m", "depth"]:
    told = f"What is a depth of {value:g}m: {value:g} million, or {value:g} minutes? Say levels."
    return asked(told, first, end + 2)
  if words == ["price", "levels"]:
    return _depth(value, first, end + 2)
  if words and words[0] in _LEVELS:
    return _depth(value, first, _past_levels(tokens, end))
  if top and words and (words[0] in _BOOKS or follow(tokens, end, ("of", "the", "book"))):
    return _depth(value, first, end)
  return None


def _named(tokens: Sequence[Token], first: int) -> Mark | None:
  """Depth 20, depth of 20, levels: 20; but level 2 is the name of a book."""
  at = first + 1
  if tokens[first].word == "level" and at < len(tokens) and tokens[at].text in ("1", "2", "3"):
    return None
  while at < len(tokens) and (tokens[at].word in ("of", "is") or tokens[at].text in (":", "=")):
    at += 1
  number = number_at(tokens, at)
  if number is None:
    return None
  value, end = number
  if unit_at(tokens, end) is not None:
    return None
  if end < len(tokens) and (tokens[end].text == "%" or tokens[end].text in CURRENCY_SIGNS):
    return None
  return _depth(value, first, _past_levels(tokens, end))


def _past_levels(tokens: Sequence[Token], at: int) -> int:
  while at < len(tokens) and tokens[at].word in _LEVELS:
    at += 1
    joined = at + 1 < len(tokens) and (tokens[at].word == "and" or tokens[at].text in ("/", "&"))
    if joined and tokens[at + 1].word in _LEVELS:
      at += 1
  return at


def _depth(value: float, first: int, last: int) -> Mark:
  if value < 1 or value != int(value) or value > MOST_LEVELS:
    told = f"A depth is a whole number of levels, 1 to {MOST_LEVELS}, not {value:g}; how many?"
    return asked(told, first, last)
  return filtered("depth", first, last, {"depth": int(value)})
