"""What a request leaves out: not tweets, skip binance and okx, without perps."""

from bond_english.amounts import Bound
from bond_english.draft import Draft
from bond_english.marks import (
  ASSET,
  BOUND,
  CHAIN,
  FILLER,
  FILTER,
  JOIN,
  KIND,
  MARKET,
  NOT,
  OF,
  PAIR,
  QUOTE,
  UNKNOWN,
  VENUE,
)
from bond_english.words import data

_CONTENT = (ASSET, PAIR, KIND, VENUE, MARKET, CHAIN, UNKNOWN, FILTER, BOUND, QUOTE)
_SMALLER = frozenset(("smaller", "less", "lower", "below", "bigger", "larger", "greater", "else"))
_LISTING = frozenset(("and", "or", "nor", "&", ",", "/"))


def leave_out(draft: Draft) -> None:
  """Marks what stands behind a negation as left out; a negation of nothing says nothing."""
  for number, mark in draft.numbered(JOIN):
    if mark.value == "but" and _of_all(draft, number):
      mark.slot = NOT
  for number, mark in draft.numbered(NOT):
    if _says_again(draft, number):
      draft.ignore(mark)
      continue
    if _inverted(draft, number):
      continue
    first = _next_content(draft, number)
    if first is None:
      draft.ignore(mark)
      continue
    end = _leave_one_out(draft, first)
    while (another := _listed(draft, first, end)) is not None:
      end = _leave_one_out(draft, another)


def _of_all(draft: Draft, number: int) -> bool:
  """Whether "but" stands behind all of something: everywhere but Binance."""
  previous = draft.before(number)
  if previous is None:
    return False
  everything = previous.slot == FILLER and draft.word(previous) in ("all", "everything", "any")
  return everything or (previous.slot == VENUE and previous.value == "*")


def _says_again(draft: Draft, number: int) -> bool:
  """Skip anything smaller: what a bound before it has said already."""
  if not any(mark.slot == BOUND for mark in draft.marks[:number]):
    return False
  for mark in draft.marks[number + 1 :]:
    if mark.slot == UNKNOWN and draft.word(mark) in _SMALLER:
      draft.ignore(mark)
      return True
    if mark.slot not in (FILLER, OF):
      return False
  return False


def _inverted(draft: Draft, number: int) -> bool:
  """Ignore anything under $50k: what is left out is a size, so the other side of it is meant."""
  for mark in draft.marks[number + 1 :]:
    if mark.slot == BOUND:
      bound: Bound = mark.value
      if bound.side is None or bound.high is not None:
        return False
      side = "min" if bound.side == "max" else "max"
      mark.value = Bound(side, bound.value, bound.unit, None, bound.rounded)
      return True
    sized = mark.slot == KIND and not data.SIZED.isdisjoint(mark.value)
    if not (sized or mark.slot in (FILLER, OF, ASSET, PAIR, MARKET)):
      return False
  return False


def _next_content(draft: Draft, number: int) -> int | None:
  for at in range(number + 1, len(draft.marks)):
    slot = draft.marks[at].slot
    if slot in _CONTENT:
      return at
    if slot not in (FILLER, OF, NOT):
      return None
  return None


def _leave_one_out(draft: Draft, number: int) -> int:
  """Leaves one notion out and gives the number of its last mark: BTC tweets and perp trades are one
  notion, skip binance is about binance alone."""
  marks = draft.marks
  marks[number].left_out = True
  if marks[number].slot in (ASSET, PAIR, MARKET):
    following = number + 1
    if following < len(marks) and marks[following].slot == KIND:
      marks[following].left_out = True
      return following
  return number


def _listed(draft: Draft, first: int, end: int) -> int | None:
  """The next member of a list that is left out: not tweets or news, skip okx and bybit."""
  marks = draft.marks
  join, member = end + 1, end + 2
  if member >= len(marks) or marks[join].slot != JOIN or marks[join].value not in _LISTING:
    return None
  while member < len(marks) and marks[member].slot == FILLER:
    member += 1
  if member >= len(marks) or marks[member].slot != marks[first].slot:
    return None
  # In "no tweets and price of BTC" something new begins.
  following = draft.after(member)
  begins = following is not None and following.slot in (OF, ASSET, PAIR, KIND)
  if begins or (marks[join].value == "," and not _closes(draft, member)):
    return None
  return member


def _closes(draft: Draft, member: int) -> bool:
  """Whether a list with commas goes on to an or: no tweets, news or gas."""
  following = draft.after(member)
  return following is not None and following.slot == JOIN and following.value in ("or", "nor")
