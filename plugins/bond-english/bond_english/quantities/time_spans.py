"""Time spans that are not yet an interval: the last 5 minutes, rolling 5 minute, 10 minutes ago,
the next hour, 5 min."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from bond_english.quantities.durations import UNITS, VAGUE_NUMBERS, duration_at, unit_at
from bond_english.quantities.numbers import number_at
from bond_english.text.chunks import TIME_SPAN, Chunk, question_chunk
from bond_english.text.phrases import PhraseTable, is_joiner
from bond_english.text.tokens import NUMBER, SIGN, Token
from bond_english.words.filler import FILLER

Direction: TypeAlias = Literal["past", "next", "rolling", "none"]

PAST: Final = "past"
NEXT: Final = "next"
ROLLING: Final = "rolling"
NO_DIRECTION: Final = "none"


class TimeSpan(NamedTuple):
  """A length of time in seconds, and the direction that the words around it give it."""

  seconds: float
  direction: Direction


_ROLLING = frozenset(("rolling", "running", "trailing", "sliding", "moving"))
_PREPOSITIONS = ("over", "in", "for", "from", "during", "within", "of")
_PAST = ("last", "past", "previous", "trailing")
_BEFORE_PAST = PhraseTable(
  (f"{start}{word}", None)
  for word in _PAST
  for start in (
    *("", "the "),
    *(f"{preposition} " for preposition in _PREPOSITIONS),
    *(f"{preposition} the " for preposition in _PREPOSITIONS),
  )
)
_BEFORE_NEXT = PhraseTable(
  (f"{start}next", None)
  for start in ("", "the ", *(f"{preposition} the " for preposition in _PREPOSITIONS))
)

_HALVES = frozenset(("am", "pm", "o'clock"))
_ZONES = frozenset(("utc", "gmt", "est", "edt", "pst", "pdt", "cet", "cest", "et", "jst"))

WORDS = _HALVES | _ZONES | _ROLLING | {*_PAST, "next", "ago"}


def time_span_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The time span with a direction that begins at `first`."""
  return _rolling(tokens, first) or _next(tokens, first) or _past(tokens, first)


def plain_time_span_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """A time span without a direction: 5 min, half a minute; not "a minute"."""
  found = duration_at(tokens, first)
  if found is None:
    return None
  single = tokens[first].word in ("a", "an") and number_at(tokens, first) is None
  if (
    single
    and not _is_how_long(tokens, first, found[1])
    and tokens[first + 1].word not in ("half", "quarter", "tenth")
  ):
    return None
  seconds, end = found
  return Chunk(TIME_SPAN, first, end, TimeSpan(seconds, NO_DIRECTION))


def _is_how_long(tokens: Sequence[Token], first: int, end: int) -> bool:
  """Whether a time span stands between "for" and the end of a phrase: for an hour, for a day on
  okx."""
  ends = end == len(tokens) or tokens[end].kind == SIGN or tokens[end].word in FILLER
  return first > 0 and tokens[first - 1].word == "for" and ends


def ago_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """From 10 minutes ago, since 5 minutes ago: the past minutes."""
  at = first
  while at < len(tokens) and at < first + 2 and tokens[at].word in ("from", "since", "starting"):
    at += 1
  found = duration_at(tokens, at) if at < len(tokens) else None
  if found is None:
    return None
  seconds, end = found
  if end >= len(tokens) or tokens[end].word != "ago":
    return None
  return Chunk(TIME_SPAN, first, end + 1, TimeSpan(seconds, PAST))


def time_of_day_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """At 12:00 UTC, 9am: a question, since a stream goes by lengths of time."""
  at = first + (tokens[first].word == "at")
  if at >= len(tokens) or tokens[at].kind != NUMBER:
    return None
  end = at + 1
  if end + 1 < len(tokens) and tokens[end].text == ":" and tokens[end + 1].text[:2].isdigit():
    end += 2
  marked = end < len(tokens) and tokens[end].word in _HALVES
  if not (marked or (end > at + 1 and len(tokens[at + 2].text) == 2)):
    return None
  end += marked
  end += end < len(tokens) and tokens[end].word in _ZONES
  question = "A stream has no time of day: how often, for example every 24 h?"
  return question_chunk(question, first, end)


def _rolling(tokens: Sequence[Token], first: int) -> Chunk | None:
  if tokens[first].word not in _ROLLING:
    return None
  at = first + 1
  at += is_joiner(tokens, at)
  found = duration_at(tokens, at) if at < len(tokens) else None
  if found is None:
    return None
  seconds, end = found
  return Chunk(TIME_SPAN, first, end, TimeSpan(seconds, ROLLING))


def _next(tokens: Sequence[Token], first: int) -> Chunk | None:
  for _, at in _BEFORE_NEXT.all_at(tokens, first):
    found = duration_at(tokens, at) if at < len(tokens) else None
    if found is None and at < len(tokens) and len(tokens[at].word) > 2 and tokens[at].word in UNITS:
      # The next hour.
      found = UNITS[tokens[at].word], at + 1
    if found is not None:
      seconds, end = found
      return Chunk(TIME_SPAN, first, end, TimeSpan(seconds, NEXT))
  return None


def _past(tokens: Sequence[Token], first: int) -> Chunk | None:
  for _, at in _BEFORE_PAST.all_at(tokens, first):
    if at >= len(tokens):
      continue
    found = duration_at(tokens, at)
    if found is None and len(tokens[at].word) > 2 and tokens[at].word in UNITS:
      # The last hour.
      found = UNITS[tokens[at].word], at + 1
    if found is not None:
      seconds, end = found
      return Chunk(TIME_SPAN, first, end, TimeSpan(seconds, PAST))
    if tokens[at].word in VAGUE_NUMBERS and unit_at(tokens, at + 1) is not None:
      return question_chunk("How long exactly, for example 5 minutes?", first, at + 2)
  return None
