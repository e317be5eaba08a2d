"""What a request says of the asker and not of the stream: a greeting, who asks, why, what for.

No word of a sentence, a label or a phrase of that kind can change what is delivered: they are
ignored, whatever they are, and the account says so. Within a phrase that has its data and its asset
a word of plain English is ignored as well, for what narrows market data is a closed list: a notion
that nothing offers (momentum, insider trades) and what would have to be computed are asked about.
"""

from collections.abc import Iterator, Sequence, Set

from bond_english.meaning.request import Request
from bond_english.reading.spelling import known_words
from bond_english.reading.unlisted import may_be_ticker
from bond_english.text.chunks import (
  ASSET,
  AUTHOR,
  CHAIN,
  CONJUNCTION,
  EVENT,
  FILLER,
  FILTER,
  KIND,
  METRIC,
  NEGATION,
  OPERATOR,
  PAIR,
  PLAIN,
  POSTS,
  PREPOSITION,
  PROVIDER,
  QUERY,
  REFUSED,
  UNKNOWN,
  VAGUE_KIND,
  Chunk,
  Role,
)
from bond_english.text.tokens import WORD
from bond_english.words import split_words, unsupported
from bond_english.words.english import is_english
from bond_english.words.filler import FILLER as FILLER_WORDS

_NOTIONS = (
  frozenset(word for phrase in unsupported.NOT_OFFERED for word in phrase.split())
  | unsupported.NARROWING
  | unsupported.RECORDING
) - FILLER_WORDS
_SAYS_NOTHING: tuple[Role, ...] = (FILLER, PLAIN, PREPOSITION, CONJUNCTION, UNKNOWN)
_SUBJECTS: tuple[Role, ...] = (ASSET, PAIR, CHAIN, QUERY, AUTHOR)
_DATA: tuple[Role, ...] = (KIND, EVENT, METRIC, PROVIDER, VAGUE_KIND, POSTS)
_SENTENCE_ENDS = frozenset((".", "!", "?", ";", "...", "…"))
_ENDS = _SENTENCE_ENDS | frozenset((",", ":", "(", ")", "–", "—", "-"))
_PERSONS = frozenset(split_words("i i'm im i've ive we we're we've my our"))
_WISHES = frozenset(
  split_words(
    """
    want wanna need needs like love would i'd we'd require requires request get see watch track
    looking after interested please give could can may show stream
    """
  )
)
"""Words of the request itself: I want, we are looking for."""
_ABILITIES = frozenset(("can", "could", "may"))
_WORK = frozenset(split_words("compute calculate derive work build train backtest model estimate"))
_LABELS = frozenset(
  split_words("context background purpose goal motivation why reason project objective aim")
)
"""A sentence after one of these and a colon is what the data is for."""
_REASONS = frozenset(split_words("so because since cause cuz coz bc"))
_ADDED = frozenset(split_words("and also plus or too with additionally besides"))
"""A sentence that begins with these goes on with what is asked for."""
_OPENINGS = _PERSONS | frozenset(
  split_words("it it's that that's this you thanks please just whatever nothing hope would could")
)
"""A phrase after a comma that begins with these is none of a list."""
_POLITE = frozenset(
  split_words("you u possible ok okay fine alright available feasible that's allowed it's")
)
"""Conditions on these are none on the market: if possible, when you are ready."""
_POSSESSIVES = frozenset(split_words("my our your their his her"))
_DETERMINERS = _POSSESSIVES | {"a", "an", "its", "some"}
_ASIDE_PLACES = frozenset(("in", "on", "into", "onto", "to", "through", "via", "for", "as"))
_BEFORE_VERBS = frozenset(split_words("like want wanna need needs try trying going able have love"))
_SIGNING = frozenset(split_words("regards wishes cheers thanks sincerely yours thank best ta"))


def find_background(request: Request) -> None:
  """Makes plain words of the unknown ones that say nothing of the stream."""
  parts = list(_parts(request))
  stated = [any(chunk.role not in _SAYS_NOTHING for chunk in part) for part, _ in parts]
  of_data = [sum(c.role in _DATA and not c.left_out for c in part) for part, _ in parts]
  for number, (part, closing) in enumerate(parts):
    opening = parts[number - 1][1] if number else ""
    labelled = opening == ":" and not _LABELS.isdisjoint(_words(request, parts[number - 1][0]))
    apart = sum(of_data) > of_data[number]
    if (labelled and apart) or (_is_of_asker(request, part) and sum(stated) > stated[number]):
      _ignore(part, UNKNOWN, OPERATOR, REFUSED)
      if apart and (labelled or closing in _REASONS | {":", ";"}):
        # We backtest spreads, so we need the best bid and ask.
        _ignore(part, *_DATA, FILTER)
      if apart and _is_own_work(request, part):
        _ignore(part, *_DATA, *_SUBJECTS)
    elif not stated[number] and any(stated):
      leading = not any(stated[:number])
      before = _words(request, parts[number - 1][0]) if number else []
      if _is_apart(request, part, opening, closing, before, leading=leading):
        _ignore(part, UNKNOWN)
  for index, _ in request.indexed(PREPOSITION, FILLER):
    if _begins_purpose(request, index):
      _ignore(_until_data(request, index), UNKNOWN, OPERATOR)
  _ignore_in_phrases(request)


def _ignore(chunks: Sequence[Chunk], *roles: Role) -> None:
  for chunk in chunks:
    if chunk.role in roles and not chunk.left_out:
      chunk.role, chunk.value, chunk.facts = PLAIN, None, []


def _parts(request: Request) -> Iterator[tuple[list[Chunk], str]]:
  """The chunks between two signs, or between a sign and a word for a reason, each with the sign
  that closes it."""
  part: list[Chunk] = []
  for chunk in request.chunks:
    word, following = request.first_word(chunk), chunk.end
    alone = chunk.role in (FILLER, CONJUNCTION) and chunk.end == chunk.first + 1
    attached = following < len(request.tokens) and request.tokens[following].attached
    if alone and word in _ENDS and not (attached and word in (".", "-")):
      yield part, word
      part = []
    elif part and (word in _REASONS or _is_reason(request, chunk)):
      yield part, word
      part = [chunk]
    else:
      part.append(chunk)
  yield part, ""


def _is_reason(request: Request, chunk: Chunk) -> bool:
  """Whether a chunk is the "as" before what the asker does or has: as my German is rusty."""
  words = [token.word for token in request.tokens[chunk.first : chunk.first + 2]]
  return words[:1] == ["as"] and not _PERSONS.isdisjoint(words[1:])


def _words(request: Request, chunks: Sequence[Chunk]) -> list[str]:
  return [token.word for chunk in chunks for token in request.tokens[chunk.first : chunk.end]]


def _is_of_asker(request: Request, part: Sequence[Chunk]) -> bool:
  """Whether the asker says what they do or have, and not what they want: I trade the basis."""
  for number, chunk in enumerate(part):
    if chunk.role not in (FILLER, PLAIN, UNKNOWN, PREPOSITION, CONJUNCTION):
      return False
    if request.first_word(chunk) in _PERSONS:
      wishes = _WISHES - _ABILITIES if request.first_word(part[0]) in _REASONS else _WISHES
      return wishes.isdisjoint(_words(request, part[number:]))
  return False


def _is_own_work(request: Request, part: Sequence[Chunk]) -> bool:
  """Whether a part says what the asker computes: so that I can work out the ratio to BTC."""
  words = _words(request, part)
  return words[0] in _REASONS and not _WORK.isdisjoint(words)


def _is_apart(
  request: Request,
  part: Sequence[Chunk],
  opening: str,
  closing: str,
  before: Sequence[str],
  *,
  leading: bool,
) -> bool:
  """Whether a part without data is none of what is asked for. `before` are the words of the part
  before it, `leading` says that nothing is asked for before it."""
  unknown = [chunk for chunk in part if chunk.role == UNKNOWN]
  words = _words(request, part)
  if any(chunk.left_out or _is_notion(request, chunk) for chunk in unknown):
    return False
  named = any(may_be_ticker(request.tokens[chunk.first]) for chunk in unknown)
  if leading and closing == ":":
    # Requirement: ETH trades, but not: KAITO: trades.
    return not named
  if not words or words[0] in _ADDED or any(not _is_word(request, chunk) for chunk in unknown):
    return False
  sentence = (not opening or opening in _SENTENCE_ENDS) and (
    not closing or closing in _SENTENCE_ENDS
  )
  signed = bool(before) and not _SIGNING.isdisjoint(before)
  if sentence or signed:
    # Hiya! But kaito. may be one.
    return signed or not (named and len(words) == 1) or closing == "!"
  if not all(_is_english(request, chunk) for chunk in unknown):
    # Howdy folks, but not: kaito, btc.
    return leading and any(chunk.role == PLAIN for chunk in part)
  conditional = words[0] in ("if", "when", "whenever")
  if conditional:
    return not _POLITE.isdisjoint(words[1:3])
  return leading or words[0] in _OPENINGS or (opening == "(" and closing == ")")


def _is_word(request: Request, chunk: Chunk) -> bool:
  """Whether an unknown chunk is a word, and no ticker in capital letters."""
  token = request.tokens[chunk.first]
  return token.kind == WORD and not token.uppercase


def _is_english(request: Request, chunk: Chunk) -> bool:
  """Whether an unknown chunk is a word of plain English and of no table."""
  token = request.tokens[chunk.first]
  single = chunk.end == chunk.first + 1 and _is_word(request, chunk)
  known = token.word in _LINKS or token.word in known_words() or _is_notion(request, chunk)
  return single and not known and is_english(token.word)


def _is_notion(request: Request, chunk: Chunk) -> bool:
  """Whether an unknown chunk is market data that nothing offers, or narrows such data down."""
  words = _words(request, [chunk])
  # The tightest would have to be found out.
  return any(word in _NOTIONS or word.endswith("est") for word in words)


def _begins_purpose(request: Request, index: int) -> bool:
  """Whether what follows is what the data is for, after the data: for my arb bot, to compute the
  ratio."""
  named = {chunk.role for chunk in request.chunks[:index] if not chunk.left_out}
  if index == 0 and request.first_word(request.chunks[0]) in ("to", "as"):
    # To train a model on volatility I need the data.
    return True
  following = request.chunks[index + 1 : index + 2]
  if named.isdisjoint(_DATA) or named.isdisjoint(_SUBJECTS) or not following:
    return False
  word = request.first_word(request.chunks[index])
  if word == "for":
    return request.first_word(following[0]) in _DETERMINERS
  return word == "to" and following[0].role in (PLAIN, UNKNOWN, FILLER)


def _until_data(request: Request, index: int) -> list[Chunk]:
  """The chunks from an index on that name no data."""
  found: list[Chunk] = []
  for chunk in request.chunks[index:]:
    word = request.first_word(chunk)
    said = word in _ENDS or word in _PERSONS - _POSSESSIVES
    if chunk.role not in (*_SAYS_NOTHING, OPERATOR) or said:
      break
    found.append(chunk)
  return found


def _ignore_in_phrases(request: Request) -> None:
  """Ignores plain English in phrases that have their data and their asset without it."""
  having: dict[int, set[str]] = {}
  for chunk in request.chunks:
    if not chunk.left_out:
      having.setdefault(chunk.clause, set()).add(chunk.role)
  index = 0
  while index < len(request.chunks):
    end = index
    while end < len(request.chunks) and request.chunks[end].role == UNKNOWN:
      end += 1
    run = request.chunks[index:end]
    if run and _names_nothing(request, index, end, having[run[0].clause]):
      _ignore(run, UNKNOWN)
    index = max(end, index + 1)


def _names_nothing(request: Request, first: int, end: int, having: Set[str]) -> bool:
  """Whether unknown words can change nothing. `having` are the roles that their clause has."""
  run = request.chunks[first:end]
  if any(chunk.left_out or _is_notion(request, chunk) for chunk in run):
    return False
  owner = request.first_word(request.chunks[first - 1]) if first else ""
  if owner in _POSSESSIVES and all(_is_word(request, chunk) for chunk in run):
    return True
  if not all(_is_english(request, chunk) for chunk in run):
    return False
  manner = all(request.first_word(chunk).endswith("ly") for chunk in run)
  whole = not (having.isdisjoint(_SUBJECTS) or having.isdisjoint(_DATA))
  return _is_beside(request, first) or (whole and (manner or not _narrows(request, first, end)))


def _is_beside(request: Request, first: int) -> bool:
  """Whether words name a place or what somebody does: in the kitchen, I'd like to surprise him."""
  words = _words(request, request.chunks[max(0, first - 2) : first])[-2:]
  if len(words) < 2:
    return False
  if words[1] == "to":
    return words[0] in _BEFORE_VERBS
  return words[0] in _ASIDE_PLACES - {"for", "to"} and words[1] == "the"


def _narrows(request: Request, first: int, end: int) -> bool:
  """Whether words are in a list with what is asked for, or after a word that links them to it."""
  before = request.chunks[first - 1] if first else None
  after = request.chunks[end] if end < len(request.chunks) else None
  if after is not None and (after.role == CONJUNCTION or request.first_word(after) == "of"):
    return True
  if before is None:
    return False
  word, placed = request.first_word(before), before
  if word in _DETERMINERS and first > 1:
    placed = request.chunks[first - 2]
  if before.role in (CONJUNCTION, NEGATION):
    return True
  linked = request.first_word(placed)
  if placed is not before and linked in _ASIDE_PLACES:
    return False
  return linked in _LINKS


_LINKS = frozenset(
  split_words(
    """
    of for about on in at by from to into onto with via through as per across between against under
    over within when if unless until till while whenever where after before during only because
    outside inside throughout near around like than mentioning mention mentions containing contain
    contains regarding concerning
    """
  )
)
