"""Lengths of time that are no interval yet: the last 5 minutes, rolling 5 minute, 10 minutes ago,
the next hour, 5 min."""

from collections.abc import Sequence

from bond_english.durations import UNITS, VAGUE, duration_at, unit_at
from bond_english.marks import SPAN, Mark, asked
from bond_english.numbers import number_at
from bond_english.phrases import Phrases, is_joint
from bond_english.tokens import Token

PAST = "past"
NEXT = "next"
ROLLING = "rolling"
PLAIN = ""
"""What a span says of itself; the value of its mark is (seconds, one of these)."""

_ROLLING = frozenset(("rolling", "running", "trailing", "sliding", "moving"))
_LEADS = ("over", "in", "for", "from", "during", "within", "of")
_PAST = ("last", "past", "previous", "trailing")
_BEHIND = Phrases(
  (f"{lead}{word}", None)
  for word in _PAST
  for lead in ("", "the ", *(f"{lead} " for lead in _LEADS), *(f"{lead} the " for lead in _LEADS))
)
_AHEAD = Phrases(
  (f"{lead}next", None) for lead in ("", "the ", *(f"{lead} the " for lead in _LEADS))
)

WORDS = _ROLLING | {*_PAST, "next", "ago"}


def span_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """The span that begins at `first`, with what it says of itself."""
  return _rolling(tokens, first) or _ahead(tokens, first) or _behind(tokens, first)


def plain_span_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """A length of time by itself: 5 min. A minute is none; half a minute is."""
  found = duration_at(tokens, first)
  if found is None:
    return None
  single = tokens[first].word in ("a", "an") and number_at(tokens, first) is None
  if single and tokens[first + 1].word not in ("half", "quarter", "tenth"):
    return None
  return Mark(SPAN, first, found[1], (found[0], PLAIN))


def ago_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """From 10 minutes ago, since 5 minutes ago: past minutes as well."""
  at = first
  while at < len(tokens) and at < first + 2 and tokens[at].word in ("from", "since", "starting"):
    at += 1
  found = duration_at(tokens, at) if at < len(tokens) else None
  if found is None or found[1] >= len(tokens) or tokens[found[1]].word != "ago":
    return None
  return Mark(SPAN, first, found[1] + 1, (found[0], PAST))


def _rolling(tokens: Sequence[Token], first: int) -> Mark | None:
  if tokens[first].word not in _ROLLING:
    return None
  at = first + 1
  at += is_joint(tokens, at)
  found = duration_at(tokens, at) if at < len(tokens) else None
  return None if found is None else Mark(SPAN, first, found[1], (found[0], ROLLING))


def _ahead(tokens: Sequence[Token], first: int) -> Mark | None:
  for _, at in _AHEAD.all_at(tokens, first):
    found = duration_at(tokens, at) if at < len(tokens) else None
    if found is not None:
      return Mark(SPAN, first, found[1], (found[0], NEXT))
  return None


def _behind(tokens: Sequence[Token], first: int) -> Mark | None:
  for _, at in _BEHIND.all_at(tokens, first):
    if at >= len(tokens):
      continue
    found = duration_at(tokens, at)
    if found is None and len(tokens[at].word) > 2 and tokens[at].word in UNITS:
      # The last hour.
      found = UNITS[tokens[at].word], at + 1
    if found is not None:
      return Mark(SPAN, first, found[1], (found[0], PAST))
    if tokens[at].word in VAGUE and unit_at(tokens, at + 1) is not None:
      return asked("How long exactly, for example 5 minutes?", first, at + 2)
  return None
