"""What a request says of the asker and not of the stream: a greeting, who asks, why, what for.

No word of a sentence, a label or a phrase of that kind can change what is delivered: they are
ignored, whatever they are, and the account says so. asides.py has single words.
"""

from collections.abc import Iterator, Sequence

from bond_english.meaning.plain_english import is_notion, is_plain_english, is_word
from bond_english.meaning.request import Request
from bond_english.reading.unlisted import may_be_ticker
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
  METRIC,
  OPERATOR,
  PAIR,
  PLAIN,
  POSTS,
  PREPOSITION,
  PROVIDER,
  QUERY,
  REFUSED,
  TIME_SPAN,
  UNKNOWN,
  VAGUE_KIND,
  Chunk,
  Role,
)
from bond_english.words import split_words
from bond_english.words.assets import ASSETS

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
_IT_IS_FOR = [
  phrase.split()
  for phrase in ("it is for", "it's for", "its for", "this is for", "that is for", "that's for")
]
_HOLDING = frozenset(split_words("hold holds holding held own owns owned have has bought"))
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
  split_words(
    """
    you u possible ok okay fine alright available feasible that's thats allowed it's isn't isnt is
    won't doesn't
    """
  )
)
"""Conditions on these are none on the market: if possible, when you are ready, if it isn't too
much."""
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
      purpose = _is_purpose(request, part)
      if apart and (labelled or purpose or closing in _REASONS | {":", ";"}):
        # We backtest spreads, so we need the best bid and ask.
        _ignore(part, *_DATA, FILTER)
      if apart and (purpose or _is_own_work(request, part)):
        _ignore(part, *_DATA, *_SUBJECTS)
    elif not stated[number] and any(stated):
      leading = not any(stated[:number])
      before = _words(request, parts[number - 1][0]) if number else []
      if _is_apart(request, part, opening, closing, before, leading=leading):
        _ignore(part, UNKNOWN)
  for sentence in _sentences(parts):
    roles = {chunk.role for part in sentence for chunk in part if not chunk.left_out}
    said = roles.isdisjoint((*_DATA, *_SUBJECTS))
    if said and any(of_data) and any(_has_person(request, part) for part in sentence):
      # I teach, and want my class to plot something on Thursday.
      for part in sentence:
        _ignore(part, UNKNOWN, REFUSED)
  for part in (part for part, _ in parts):
    _take_holdings(request, part)
  for index, _ in request.indexed(PREPOSITION, FILLER):
    if _begins_purpose(request, index):
      _ignore(_until_data(request, index), UNKNOWN, OPERATOR)


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
    elif part and chunk.role != REFUSED and _begins_another(request, chunk):
      yield part, word
      part = [chunk]
    else:
      part.append(chunk)
  yield part, ""


def _sentences(parts: Sequence[tuple[list[Chunk], str]]) -> Iterator[list[list[Chunk]]]:
  """The parts between two signs that end a sentence, of all but the last one."""
  sentence: list[list[Chunk]] = []
  for part, closing in parts:
    sentence.append(part)
    if closing in _SENTENCE_ENDS:
      yield sentence
      sentence = []


def _has_person(request: Request, part: Sequence[Chunk]) -> bool:
  return not _PERSONS.isdisjoint(_words(request, part))


def _begins_another(request: Request, chunk: Chunk) -> bool:
  """Whether a chunk is a word for a reason, the "as" before what the asker does or has (as my
  German is rusty), or the "if" of a polite condition (if that's simpler)."""
  word, *after = [token.word for token in request.tokens[chunk.first : chunk.first + 2]]
  if word in ("as", "if"):
    return not (_PERSONS if word == "as" else _POLITE).isdisjoint(after)
  return word in _REASONS


def _words(request: Request, chunks: Sequence[Chunk]) -> list[str]:
  return [token.word for chunk in chunks for token in request.tokens[chunk.first : chunk.end]]


def _is_of_asker(request: Request, part: Sequence[Chunk]) -> bool:
  """Whether the asker says what they do or have, and not what they want: I trade the basis, so I
  can see the premium, it is for a piece on flows."""
  if _is_purpose(request, part):
    return True
  words = _words(request, part)
  reasoned = [word for word in words if word != "that"]
  if reasoned[:1] == ["so"] and not _PERSONS.isdisjoint(reasoned[1:2]):
    return not _ABILITIES.isdisjoint(reasoned[2:3]) or _WISHES.isdisjoint(reasoned)
  for number, chunk in enumerate(part):
    if chunk.role not in (FILLER, PLAIN, UNKNOWN, PREPOSITION, CONJUNCTION):
      return False
    if request.first_word(chunk) in _PERSONS:
      wishes = _WISHES - _ABILITIES if request.first_word(part[0]) in _REASONS else _WISHES
      return wishes.isdisjoint(_words(request, part[number:]))
  return False


def _take_holdings(request: Request, part: Sequence[Chunk]) -> None:
  """Takes what somebody holds for the asset alone: we hold 40,000 AAVE and 2m ARB."""
  words = _words(request, part)
  if _HOLDING.isdisjoint(words) or (_PERSONS | _POSSESSIVES).isdisjoint(words):
    return
  held = False
  for number, chunk in enumerate(part):
    held = held or request.first_word(chunk) in _HOLDING
    following = part[number + 1 : number + 2]
    if not held or chunk.left_out:
      continue
    if chunk.role == BOUND and chunk.value.side is None and chunk.value.unit in ASSETS:
      chunk.role, chunk.value, chunk.facts = ASSET, chunk.value.unit, []
    elif chunk.role == TIME_SPAN and following and following[0].role == ASSET:
      # 2m ARB are two millions.
      _ignore([chunk], TIME_SPAN)


def _is_purpose(request: Request, part: Sequence[Chunk]) -> bool:
  """Whether a part says what the data is for: it is for a piece on flows."""
  words = _words(request, part)
  told = words[1:] if words[:1] == ["and"] else words
  return any(told[: len(phrase)] == phrase for phrase in _IT_IS_FOR)


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
  if any(chunk.left_out or is_notion(request, chunk) for chunk in unknown):
    return False
  named = any(may_be_ticker(request.tokens[chunk.first]) for chunk in unknown)
  if leading and closing == ":":
    # Requirement: ETH trades, but not: KAITO: trades.
    return not named
  if not words or words[0] in _ADDED or any(not is_word(request, chunk) for chunk in unknown):
    return False
  sentence = (not opening or opening in _SENTENCE_ENDS) and (
    not closing or closing in _SENTENCE_ENDS
  )
  signed = bool(before) and not _SIGNING.isdisjoint(before)
  if sentence or signed:
    # Hiya! But kaito. may be one.
    return signed or not (named and len(words) == 1) or closing == "!"
  if not all(is_plain_english(request, chunk) for chunk in unknown):
    # Howdy folks, but not: kaito, btc.
    return leading and any(chunk.role == PLAIN for chunk in part)
  conditional = words[0] in ("if", "when", "whenever")
  if conditional:
    return not _POLITE.isdisjoint(words[1:3])
  return leading or words[0] in _OPENINGS or (opening == "(" and closing == ")")


def _begins_purpose(request: Request, index: int) -> bool:
  """Whether what follows is what the data is for, after the data: for my arb bot, to compute the
  ratio."""
  named = {chunk.role for chunk in request.chunks[:index] if not chunk.left_out}
  word, following = request.first_word(request.chunks[index]), request.chunks[index + 1 : index + 2]
  if index == 0 and word in ("to", "as"):
    # To train a model on volatility I need the data.
    return True
  if word == "for" and all(chunk.role in _SAYS_NOTHING for chunk in request.chunks[:index]):
    # For my thesis on microstructure I need the data.
    asking = any(request.first_word(c) in _PERSONS - _POSSESSIVES for c in request.chunks[index:])
    return asking and bool(following) and request.first_word(following[0]) in _POSSESSIVES
  if named.isdisjoint(_DATA) or named.isdisjoint(_SUBJECTS) or not following:
    return False
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
