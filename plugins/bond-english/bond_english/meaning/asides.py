"""Words within what is asked for that say nothing of the stream: a hobby, a place, a verb.

"Once every ten seconds is plenty" is a request and an aside. What narrows market data down is a
closed list, so a word of plain English is ignored, and the account says so, unless it may be the
name of more data, of an asset or of a venue, or a condition: one that is linked to what is asked
for, or stands beside it where data or asset is not said otherwise. These are asked about, and so is
a notion that nothing offers (momentum, insider trades), wherever it stands.
"""

from collections.abc import Set

from bond_english.meaning.plain_english import (
  CONDITIONS,
  LINKS,
  is_notion,
  is_plain_english,
  is_word,
)
from bond_english.meaning.request import Request
from bond_english.text.chunks import (
  ASSET,
  AUTHOR,
  BOUND,
  CHAIN,
  CONJUNCTION,
  EVENT,
  FILLER,
  FILTER,
  KIND,
  MARKET_TYPE,
  METRIC,
  NEGATION,
  OPERATOR,
  PAIR,
  PLAIN,
  POSTS,
  PREPOSITION,
  PROVIDER,
  QUERY,
  QUOTE,
  TIME_SPAN,
  UNKNOWN,
  VAGUE_KIND,
  VENUE,
  VERSUS,
  WEAK_KIND,
  Role,
)
from bond_english.words import split_words

_SUBJECTS: tuple[Role, ...] = (ASSET, PAIR, CHAIN, QUERY, AUTHOR)
_DATA: tuple[Role, ...] = (KIND, EVENT, METRIC, PROVIDER, VAGUE_KIND, POSTS)
_NAMES: tuple[Role, ...] = (
  *(ASSET, PAIR, QUOTE, KIND, EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND, POSTS),
  *(VENUE, CHAIN, MARKET_TYPE, FILTER, TIME_SPAN, BOUND, OPERATOR, VERSUS),
)
"""What a word beside it may be part of."""
_JOINING: tuple[Role, ...] = (CONJUNCTION, NEGATION)
_POSSESSIVES = frozenset(split_words("my our your their its his her"))
_DETERMINERS = _POSSESSIVES | frozenset(split_words("a an the this that these those some any all"))
_BEFORE_VERBS = frozenset(
  split_words(
    "i we you they he she will would can could should must let's please i'll we'll they're theyre"
  )
)
_WISHES = frozenset(split_words("like want wanna need needs try trying going able have love"))
_RELATIVES = frozenset(("that", "which", "who"))
_PURPOSES = frozenset(("for", "as"))
_PLACES = frozenset(("in", "on", "into", "onto", "through", "via"))


def find_asides(request: Request) -> None:
  """Makes plain words of the unknown ones that can change nothing."""
  having: dict[int, set[Role]] = {}
  for chunk in request.chunks:
    if not chunk.left_out:
      having.setdefault(chunk.clause, set()).add(chunk.role)
  index = 0
  while index < len(request.chunks):
    end = index
    while end < len(request.chunks) and request.chunks[end].role == UNKNOWN:
      end += 1
    run = request.chunks[index:end]
    if run and _says_nothing(request, index, end, having.get(run[0].clause, set())):
      for chunk in run:
        chunk.role, chunk.value, chunk.facts = PLAIN, None, []
    index = max(end, index + 1)


def _says_nothing(request: Request, first: int, end: int, having: Set[Role]) -> bool:
  """Whether unknown words can change nothing. `having` are the roles that their clause has."""
  run = request.chunks[first:end]
  if any(chunk.left_out or is_notion(request, chunk) for chunk in run):
    return False
  if _word(request, first - 1) in _POSSESSIVES and all(is_word(request, chunk) for chunk in run):
    return True
  if not all(is_plain_english(request, chunk) for chunk in run):
    return False
  manner = all(request.first_word(chunk).endswith("ly") for chunk in run)
  if manner or _is_verb(request, first, end) or _is_place(request, first):
    return True
  if _is_linked(request, first, end):
    return False
  whole = not (having.isdisjoint(_SUBJECTS) or having.isdisjoint(_DATA))
  return whole or not _touches(request, first, end)


def _is_verb(request: Request, first: int, end: int) -> bool:
  """Whether words are what somebody does: what I'd really appreciate, tweets that speak of DOGE,
  I'd like to surprise him."""
  at = first - 1
  while (before := _word(request, at)).endswith("ly"):
    at -= 1
  if before == "to":
    return _word(request, at - 1) in _WISHES
  links = end < len(request.chunks) and request.chunks[end].role in (PREPOSITION, ASSET, PAIR)
  return before in _BEFORE_VERBS or (before in _RELATIVES and links)


def _is_place(request: Request, first: int) -> bool:
  """Whether words name a place: in the kitchen."""
  return _word(request, first - 1) == "the" and _word(request, first - 2) in _PLACES


def _is_linked(request: Request, first: int, end: int) -> bool:
  """Whether words are in a list with what is asked for, under a condition, or after a word that
  links them to it."""
  after = request.chunks[end] if end < len(request.chunks) else None
  if after is not None and (after.role in _JOINING or request.first_word(after) == "of"):
    return True
  if _under_condition(request, first):
    return True
  at = first - 1
  if _word(request, at) in _DETERMINERS:
    at -= 1
  if at < 0:
    return False
  word = _word(request, at)
  # For a dashboard, as part of it.
  purpose = at < first - 1 and word in _PURPOSES
  return request.chunks[at].role in _JOINING or (word in LINKS and not purpose)


def _under_condition(request: Request, first: int) -> bool:
  """Whether nothing but function words stands between a word such as "when" and this one."""
  for chunk in reversed(request.chunks[:first]):
    if request.first_word(chunk) in CONDITIONS:
      return True
    if chunk.role not in (FILLER, PLAIN, UNKNOWN, ASSET, PAIR, KIND):
      return False
  return False


def _touches(request: Request, first: int, end: int) -> bool:
  """Whether words stand beside what they may be a part of."""
  beside = request.chunks[max(0, first - 1) : first] + request.chunks[end : end + 1]
  return any(chunk.role in _NAMES for chunk in beside)


def _word(request: Request, index: int) -> str:
  """The first word of a chunk, none before the first one."""
  return request.first_word(request.chunks[index]) if index >= 0 else ""
