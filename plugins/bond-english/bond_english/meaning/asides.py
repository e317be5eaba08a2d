"""What people say besides: plain English that stands outside of what is asked for.

"Once every ten seconds is plenty" is a request and an aside. A word beside data, assets or venues,
or in a list with them, may be the name of more of them, and one after "when" a condition; these are
asked about. What is left says nothing of the stream: it is ignored, and the account says so.
"""

from bond_english.meaning.request import Request
from bond_english.reading.spelling import known_words
from bond_english.text.chunks import (
  ASSET,
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
  QUOTE,
  TIME_SPAN,
  UNKNOWN,
  VAGUE_KIND,
  VENUE,
  VERSUS,
  WEAK_KIND,
  Chunk,
  Role,
)
from bond_english.text.tokens import WORD
from bond_english.words import split_words
from bond_english.words.english import is_english

_NAMES: tuple[Role, ...] = (
  *(ASSET, PAIR, QUOTE, KIND, EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND, POSTS),
  *(VENUE, CHAIN, MARKET_TYPE, FILTER, TIME_SPAN, BOUND, OPERATOR, VERSUS),
)
"""What a word beside it may be part of."""
_JOINING: tuple[Role, ...] = (CONJUNCTION, NEGATION)
_POSSESSIVES = frozenset(split_words("my our your their its his her"))
_DETERMINERS = _POSSESSIVES | frozenset(split_words("a an the this that these those some any all"))
_BEFORE_VERBS = frozenset(
  split_words("i we you they he she will would can could should must let's please i'll we'll")
)
_RELATIVES = frozenset(("that", "which", "who"))
_PREPOSITIONS = frozenset(
  split_words(
    """
    of for about on in at by from to into onto with via through as per across between against under
    over within
    """
  )
)
_PURPOSES = frozenset(("for", "as"))
_CONDITIONS = frozenset(
  split_words(
    """
    when if unless until till while whenever where after before during only because outside inside
    throughout
    """
  )
)


def find_asides(request: Request) -> None:
  """Makes plain words of unknown ones that are English and stand outside of what is asked for."""
  index = 0
  while index < len(request.chunks):
    end = index
    while end < len(request.chunks) and request.chunks[end].role == UNKNOWN:
      end += 1
    run = request.chunks[index:end]
    if run and all(_is_plain_word(request, chunk) for chunk in run):
      aside = _is_verb(request, index, end) or not _is_named(request, index, end)
      for chunk in run if aside else ():
        chunk.role, chunk.value = PLAIN, None
    index = max(end, index + 1)


def _is_plain_word(request: Request, chunk: Chunk) -> bool:
  token = request.tokens[chunk.first]
  if chunk.end > chunk.first + 1 or chunk.left_out or token.kind != WORD or token.uppercase:
    return False
  known = token.word in _CONDITIONS or token.word in known_words()
  return not known and is_english(token.word)


def _is_verb(request: Request, first: int, end: int) -> bool:
  """Whether words say what somebody does: my boss wants the price, tweets that speak of DOGE."""
  before = _word_before(request, first)
  following = request.chunks[end] if end < len(request.chunks) else None
  links = following is not None and following.role in (PREPOSITION, ASSET, PAIR)
  return before in _BEFORE_VERBS or (before in _RELATIVES and links)


def _is_named(request: Request, first: int, end: int) -> bool:
  """Whether words may be part of what is asked for."""
  if _under_condition(request, first):
    return True
  before = _word_before(request, first)
  following = request.chunks[end] if end < len(request.chunks) else None
  if following is not None and following.role in _NAMES:
    return True
  if following is not None and request.first_word(following) == "of" and before not in _PURPOSES:
    return True
  at = first - 1
  if before in _DETERMINERS:
    at -= 1
  if at < 0:
    return False
  previous, word = request.chunks[at], request.first_word(request.chunks[at])
  if previous.role in _JOINING:
    return True
  if word in _PREPOSITIONS:
    # For my thesis, on my screen, for a dashboard, as part of it.
    aside = before in _POSSESSIVES or word in _PURPOSES
    return not (aside and request.having(ASSET, PAIR))
  if before in _RELATIVES:
    return previous.role in _NAMES
  return previous.role in _NAMES and at == first - 1


def _under_condition(request: Request, first: int) -> bool:
  """Whether nothing but function words stands between a word such as "when" and this one."""
  for chunk in reversed(request.chunks[:first]):
    if request.first_word(chunk) in _CONDITIONS:
      return True
    if chunk.role not in (FILLER, PLAIN, UNKNOWN, ASSET, PAIR, KIND):
      return False
  return False


def _word_before(request: Request, first: int) -> str:
  return request.first_word(request.chunks[first - 1]) if first else ""
