"""What a request leaves out: not tweets, skip binance and okx, without perps."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.amounts import Bound, Side
from bond_english.text.chunks import (
  ASSET,
  BOUND,
  CHAIN,
  CONJUNCTION,
  FILLER,
  FILTER,
  KIND,
  MARKET_TYPE,
  NEGATION,
  PAIR,
  PREPOSITION,
  QUOTE,
  UNKNOWN,
  VENUE,
  Role,
)
from bond_english.words import data

_CONTENT: tuple[Role, ...] = (
  ASSET,
  PAIR,
  KIND,
  VENUE,
  MARKET_TYPE,
  CHAIN,
  UNKNOWN,
  FILTER,
  BOUND,
  QUOTE,
)
"""Roles of what can be left out."""
_COMPARATIVES = frozenset(
  ("smaller", "less", "lower", "below", "bigger", "larger", "greater", "else")
)
_LIST_CONJUNCTIONS = frozenset(("and", "or", "nor", "&", ",", "/"))


def apply_negations(request: Request, findings: Findings) -> None:
  """Leaves out what stands after a negation; a negation of nothing says nothing."""
  for index, chunk in request.indexed(CONJUNCTION):
    if chunk.value == "but" and _follows_everything(request, index):
      chunk.role = NEGATION
  for index, chunk in request.indexed(NEGATION):
    if _repeats_bound(request, index):
      chunk.make_filler()
      continue
    if _inverts_bound(request, index):
      continue
    first = _next_content(request, index)
    if first is None:
      chunk.make_filler()
      continue
    last = _leave_out(request, first)
    while (member := _next_in_list(request, first, last)) is not None:
      last = _leave_out(request, member)


def _follows_everything(request: Request, index: int) -> bool:
  """Whether "but" stands after all of something: everywhere but Binance."""
  previous = request.previous(index)
  if previous is None:
    return False
  word = request.first_word(previous)
  everything = previous.role == FILLER and word in ("all", "everything", "any")
  return everything or (previous.role == VENUE and previous.value == "*")


def _repeats_bound(request: Request, index: int) -> bool:
  """Whether a negation repeats the bound before it: over $1m, skip anything smaller. The
  comparative is then filler, too."""
  if not any(chunk.role == BOUND for chunk in request.chunks[:index]):
    return False
  for chunk in request.chunks[index + 1 :]:
    if chunk.role == UNKNOWN and request.first_word(chunk) in _COMPARATIVES:
      chunk.make_filler()
      return True
    if chunk.role not in (FILLER, PREPOSITION):
      return False
  return False


def _inverts_bound(request: Request, index: int) -> bool:
  """Whether a negation is of a bound (ignore anything under $50k), which then gets its other
  side."""
  for chunk in request.chunks[index + 1 :]:
    if chunk.role == BOUND:
      bound: Bound = chunk.value
      if bound.side is None or bound.high is not None:
        return False
      side: Side = "min" if bound.side == "max" else "max"
      chunk.value = Bound(side, bound.value, bound.unit, None, bound.with_multiple)
      return True
    sized = chunk.role == KIND and not data.SIZED.isdisjoint(chunk.value)
    if not (sized or chunk.role in (FILLER, PREPOSITION, ASSET, PAIR, MARKET_TYPE)):
      return False
  return False


def _next_content(request: Request, index: int) -> int | None:
  for at in range(index + 1, len(request.chunks)):
    role = request.chunks[at].role
    if role in _CONTENT:
      return at
    if role not in (FILLER, PREPOSITION, NEGATION):
      return None
  return None


def _leave_out(request: Request, index: int) -> int:
  """Leaves a chunk out, and the kind that belongs to it: BTC tweets, perp trades. Returns the index
  of the last chunk that is left out."""
  chunks = request.chunks
  chunks[index].left_out = True
  if chunks[index].role in (ASSET, PAIR, MARKET_TYPE):
    following = index + 1
    if following < len(chunks) and chunks[following].role == KIND:
      chunks[following].left_out = True
      return following
  return index


def _next_in_list(request: Request, first: int, last: int) -> int | None:
  """The index of the next member of a list that is left out: not tweets or news, skip okx and
  bybit."""
  chunks = request.chunks
  joint, member = last + 1, last + 2
  if member >= len(chunks) or chunks[joint].role != CONJUNCTION:
    return None
  if chunks[joint].value not in _LIST_CONJUNCTIONS:
    return None
  while member < len(chunks) and chunks[member].role == FILLER:
    member += 1
  if member >= len(chunks) or chunks[member].role != chunks[first].role:
    return None
  # "No tweets and price of BTC" goes on with something new.
  following = request.following(member)
  new = following is not None and following.role in (PREPOSITION, ASSET, PAIR, KIND)
  if new or (chunks[joint].value == "," and not _ends_with_or(request, member)):
    return None
  return member


def _ends_with_or(request: Request, member: int) -> bool:
  """Whether "or" follows in a list with commas: no tweets, news or gas."""
  following = request.following(member)
  return (
    following is not None and following.role == CONJUNCTION and following.value in ("or", "nor")
  )
