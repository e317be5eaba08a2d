"""How often: every 5s, twice a second, 10 Hz, half-minute, hourly, as fast as possible."""

from collections.abc import Sequence
from dataclasses import dataclass

from bond_english.quantities.durations import (
  SHORT_UNITS,
  UNITS,
  VAGUE_NUMBERS,
  duration_at,
  unit_at,
)
from bond_english.quantities.numbers import number_at
from bond_english.text.phrases import PhraseTable, is_joiner, match_words
from bond_english.text.tokens import NUMBER, SIGN, Token
from bond_english.words import split_phrases, split_words

EVERY_UPDATE = 0.0


@dataclass(frozen=True, slots=True)
class Interval:
  """`seconds` between updates, 0 for every update.

  Where it is None, `problem` is the question that has to be answered first, or with `invalid` the
  reason why it is no interval. `target` is the first token of the words for the one kind of event
  that it is of (every trade), None where it is of everything around it. `added_up` is false where
  the words say that each event comes by itself: no aggregation.
  """

  seconds: float | None
  problem: str = ""
  invalid: bool = False
  target: int | None = None
  added_up: bool = True


_EVERY = frozenset(("every", "each"))
_PER = frozenset(("a", "an", "per", "every", "each", "by", "in", "/"))
_COUNTED_NOUNS = frozenset(
  split_words(
    """
    times time x updates update ticks tick samples sample messages message events event refreshes
    readings points frames snapshots snapshot rows row lines line records record
    """
  )
)
_INTERVAL_NOUNS = frozenset(
  ("interval", "intervals", "cadence", "resolution", "granularity", "frequency")
)
_REPEATING = frozenset(
  split_words(
    "refresh rate poll polling throttle throttled aggregate sample sampling bucket update"
  )
)
_NOUNS_AFTER_DURATION = _INTERVAL_NOUNS | frozenset(
  split_words(
    """
    updates update ticks refresh windows window steps snapshots samples polling sampling apart
    buckets bucket aggregation aggregates period periods increments increment slices
    """
  )
)
_EVENT_NOUNS = frozenset(
  split_words(
    """
    update updates tick ticks change changes event events message messages print movement
    """
  )
)

_COUNT_WORDS = PhraseTable([("once", 1.0), ("twice", 2.0), ("thrice", 3.0), ("two times", 2.0)])
_ADVERBS = PhraseTable(
  [
    *(("hourly", 3600.0), ("daily", 86400.0), ("weekly", 604800.0), ("monthly", 2592000.0)),
    *(("minutely", 60.0), ("yearly", 31536000.0), ("annually", 31536000.0), ("nightly", 86400.0)),
    *(("half hourly", 1800.0), ("quarter hourly", 900.0), ("by the minute", 60.0)),
    *(("by the second", 1.0), ("second by second", 1.0), ("minute by minute", 60.0)),
  ]
)
_REAL_TIME = PhraseTable(
  (phrase, EVERY_UPDATE)
  for phrase in split_phrases(
    """
    real time; realtime; in real time; in realtime; as near to real time as possible; as close to
    real time as possible; near real time; close to real time; as near real time as possible; near
    to real time; as close to realtime as possible; as fast as possible; as fast as you can; as
    quickly as possible; as soon as possible; asap; all the time; as often as possible; as
    frequently as
    possible; as it happens; as they happen; as they come; as they come in; as it comes; as they
    occur; as they arrive; as it arrives; as it comes in; instantly; instantaneous; immediately;
    continuously; continuous; constantly; nonstop; non stop; unfiltered;
    every single update; every single
    tick; all updates; all ticks; max speed; maximum speed; full speed; at full speed; no
    interval; whenever it changes; when it changes; whenever they change; as it changes; on change;
    on every change; on each change; whenever it moves; no delay; without delay; every single one;
    one by one; as they are made; up to the
    millisecond
    """
  )
)
_NOT_ADDED_UP = PhraseTable(
  (phrase, EVERY_UPDATE)
  for phrase in split_phrases(
    """
    no aggregation; without aggregation; unaggregated; not aggregated; no windows; non aggregated;
    no aggregating; without aggregating; no window; without windows; don't aggregate; do not
    aggregate; dont aggregate; no batching; no sampling; tick by tick; without sampling; not
    sampled; raw; raw feed; raw data
    """
  )
)
_VAGUE = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    """
    every now and then; every so often; from time to time; now and then; occasionally; once in a
    while; every once in a while; regularly; periodically; sometimes; frequently; often; every
    while; at intervals; rarely; at regular intervals; every day or so; at random
    """
  )
)

_LIMITS = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    """
    more than; more often than; not more than; not more often than; at most; no more than;
    no more often than; up to; max; maximum;
    at a maximum of; about; around; roughly; approximately; approx; sampled; refreshed; updated;
    polled; snapshotted; at least
    """
  )
)
"""What may stand before a rate, and leaves it the same: sampled every 30 seconds."""

_FUNCTION_WORDS = frozenset(
  split_words("and on for from with of in please at to via but not without")
)

WORDS = (
  _EVERY
  | _INTERVAL_NOUNS
  | _REPEATING
  | _COUNT_WORDS.words
  | _ADVERBS.words
  | _REAL_TIME.words
  | _NOT_ADDED_UP.words
  | _VAGUE.words
  | _LIMITS.words
  | frozenset(("hz", "hertz", "khz", "other", "times", "per"))
  | set(UNITS)
)
CORRECTABLE = frozenset(
  split_words(
    """
    every second seconds secs minute minutes mins hour hours hourly daily twice times millisecond
    milliseconds interval realtime
    """
  )
)

_TOO_VAGUE = "How often exactly, for example every 5 s?"
_NOT_POSITIVE = "An interval must be above 0; for every update leave it out or say: every update"


def interval_at(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  """The interval that begins at `first`, and the index after it."""
  limit = _LIMITS.longest_at(tokens, first)
  if limit is not None and limit[1] < len(tokens):
    found = _rate(tokens, limit[1]) or _every(tokens, limit[1])
    if found is not None:
      return found
  phrases = [found for read in (_set_phrase, _every) if (found := read(tokens, first)) is not None]
  if phrases:
    # At intervals of 30 seconds, and not "at intervals".
    return max(phrases, key=lambda found: found[1])
  for read in (_rate, _noun_before, _noun_after, _negative):
    found = read(tokens, first)
    if found is not None:
      return found
  return None


def _set_phrase(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  best: tuple[Interval, int] | None = None
  for table in (_REAL_TIME, _ADVERBS, _NOT_ADDED_UP):
    found = table.longest_at(tokens, first)
    if found is not None and (best is None or found[1] > best[1]):
      best = Interval(found[0], added_up=table is not _NOT_ADDED_UP), found[1]
  vague = _VAGUE.longest_at(tokens, first)
  if vague is not None and (best is None or vague[1] > best[1]):
    best = Interval(None, _TOO_VAGUE), vague[1]
  return best


def _every(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  """Every 5s, each second, every other minute, once per hour, per second."""
  before = (
    *(("at", "every"), ("once", "every"), ("group", "by")),
    *(("at", "intervals", "of"), ("in", "intervals", "of"), ("at", "an", "interval", "of")),
  )
  start = next(filter(None, (match_words(tokens, first, words) for words in before)), None)
  if start is None:
    word = tokens[first].word
    if word not in _EVERY and word != "per":
      return None
    start = first + 1
  while (
    start < len(tokens)
    and tokens[start].text in ("-", ":", "=", "~")
    and not _is_minus(tokens, start)
  ):
    start += 1
  if start >= len(tokens):
    return None
  if _is_minus(tokens, start):
    found = duration_at(tokens, start + 1) or number_at(tokens, start + 1)
    return None if found is None else (Interval(None, _NOT_POSITIVE, invalid=True), found[1])
  if (end := match_words(tokens, start, ("other",))) is not None:
    unit = unit_at(tokens, end)
    return None if unit is None else (Interval(2 * unit), end + 1)
  if tokens[start].word in VAGUE_NUMBERS and unit_at(tokens, start + 1) is not None:
    return Interval(None, _TOO_VAGUE), start + 2
  found = duration_at(tokens, start)
  if found is not None:
    return _positive(found[0]), found[1]
  unit = unit_at(tokens, start)
  if unit is not None and tokens[start].word not in SHORT_UNITS - {"s", "m", "h", "d", "min"}:
    end = match_words(tokens, start + 1, ("and", "a", "half")) if start + 1 < len(tokens) else None
    return (Interval(unit), start + 1) if end is None else (Interval(1.5 * unit), end)
  if tokens[start].word in _EVENT_NOUNS and tokens[first].word != "per":
    return Interval(EVERY_UPDATE), start + 1
  number = number_at(tokens, start)
  if number is not None and match_words(tokens, number[1], ("of",)):
    # Every one of these.
    return None
  if number is not None and not _counts_a_noun(tokens, number[1]):
    value, end = number
    if value <= 0:
      return Interval(None, _NOT_POSITIVE, invalid=True), end
    question = f"Every {value:g} of what: seconds, minutes or milliseconds?"
    return Interval(None, question), end
  return None


def _counts_a_noun(tokens: Sequence[Token], at: int) -> bool:
  """Whether the word at this index may be what a number counts, as in every 5 blocks."""
  return at < len(tokens) and tokens[at].kind != SIGN and tokens[at].word not in _FUNCTION_WORDS


def _is_minus(tokens: Sequence[Token], at: int) -> bool:
  """Whether this is a minus sign: a dash attached to the number and not to the word before."""
  return (
    at + 1 < len(tokens)
    and tokens[at].text in ("-", "−", "–")
    and tokens[at + 1].kind == NUMBER
    and tokens[at + 1].attached
    and not tokens[at].attached
  )


def _rate(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  """Twice a second, 4 times a minute, 10 Hz, 5 updates per second, 2/s."""
  counted = _COUNT_WORDS.longest_at(tokens, first)
  if counted is not None:
    count, at = counted
  else:
    number = number_at(tokens, first)
    if number is None:
      return None
    count, at = number
    if at < len(tokens) and tokens[at].word in ("hz", "hertz", "khz"):
      return _per(count * (1000 if tokens[at].word == "khz" else 1), 1.0), at + 1
    if at < len(tokens) and tokens[at].word in _COUNTED_NOUNS:
      at += 1
    elif at < len(tokens) and tokens[at].word in _EVERY:
      # 5 a second is a rate; in 5 every second the 5 is something else.
      return None
  if at + 1 >= len(tokens) or tokens[at].word not in _PER:
    return None
  at += 1
  found = duration_at(tokens, at)
  if found is not None:
    return _per(count, found[0]), found[1]
  unit = unit_at(tokens, at)
  return None if unit is None else (_per(count, unit), at + 1)


def _noun_before(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  """Interval of 5s, interval: 5s, at a rate of 2 per second."""
  if tokens[first].word not in _INTERVAL_NOUNS | _REPEATING:
    return None
  at = first + 1
  signs = (":", "=", '"', "'") if tokens[first].word in _REPEATING else (":", "=")
  while at < len(tokens) and (
    tokens[at].word in ("of", "is", "set", "to", "rate") or tokens[at].text in signs
  ):
    at += 1
  if at >= len(tokens):
    return None
  if _is_minus(tokens, at):
    found = duration_at(tokens, at + 1) or number_at(tokens, at + 1)
    return None if found is None else (Interval(None, _NOT_POSITIVE, invalid=True), found[1])
  rate = _rate(tokens, at)
  if rate is not None:
    return rate
  found = duration_at(tokens, at)
  return None if found is None else (_positive(found[0]), found[1])


def _noun_after(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  """5 second updates, at 5s intervals, 250 ms apart."""
  found = duration_at(tokens, first)
  if found is None:
    return None
  seconds, end = found
  end += is_joiner(tokens, end)
  if end < len(tokens) and tokens[end].word in _NOUNS_AFTER_DURATION:
    return _positive(seconds), end + 1
  return None


def _negative(tokens: Sequence[Token], first: int) -> tuple[Interval, int] | None:
  """-5s."""
  found = duration_at(tokens, first + 1) if _is_minus(tokens, first) else None
  return None if found is None else (Interval(None, _NOT_POSITIVE, invalid=True), found[1])


def _positive(seconds: float) -> Interval:
  if seconds <= 0:
    return Interval(None, _NOT_POSITIVE, invalid=True)
  return Interval(seconds)


def _per(count: float, seconds: float) -> Interval:
  if count <= 0 or seconds <= 0:
    return Interval(None, _NOT_POSITIVE, invalid=True)
  return Interval(round(seconds / count, 9))
