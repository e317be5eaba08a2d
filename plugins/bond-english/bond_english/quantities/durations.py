"""Lengths of time as people write them: 5s, 5 mins, half a minute, a minute and a half, 1m30s."""

from collections.abc import Sequence

from bond_english.quantities.numbers import number_at
from bond_english.text.phrases import PhraseTable, is_joiner, match_words
from bond_english.text.tokens import NUMBER, Token

_TABLE = {
  1e-9: "ns nanosecond nanoseconds nanos nano",
  1e-6: "us µs μs microsecond microseconds micros",
  1e-3: "ms msec msecs milli millis millisec millisecs millisecond milliseconds",
  1.0: "s sec secs second seconds",
  60.0: "m min mins minute minutes minuto",
  3600.0: "h hr hrs hour hours",
  86400.0: "d day days",
  604800.0: "w wk wks week weeks",
  2592000.0: "month months",
  31536000.0: "y yr yrs year years",
}
UNITS = {word: seconds for seconds, words in _TABLE.items() for word in words.split()}
"""Seconds in a unit, by its words."""

SHORT_UNITS = frozenset(("s", "m", "h", "d", "w", "y", "us", "min"))
"""Units that mean time only after a number."""

_FRACTIONS = PhraseTable(
  [
    *(("three quarters of a", 0.75), ("three quarters of an", 0.75), ("half of a", 0.5)),
    *(("a quarter of a", 0.25), ("a quarter of an", 0.25), ("quarter of a", 0.25)),
    *(("quarter of an", 0.25), ("a tenth of a", 0.1), ("tenth of a", 0.1), ("half a", 0.5)),
    *(("half an", 0.5), ("a half", 0.5), ("a quarter", 0.25), ("half", 0.5), ("quarter", 0.25)),
  ]
)

VAGUE_NUMBERS = frozenset(("few", "several", "some", "many"))
"""Words for a number that name none."""


def unit_at(tokens: Sequence[Token], at: int) -> float | None:
  """The seconds of the unit at this index."""
  if at >= len(tokens):
    return None
  return UNITS.get(tokens[at].word)


def duration_at(tokens: Sequence[Token], first: int) -> tuple[float, int] | None:
  """The length of time that begins at `first`, in seconds, and the index after it; a unit alone is
  not one."""
  return _fraction(tokens, first) or _counted(tokens, first)


def _fraction(tokens: Sequence[Token], first: int) -> tuple[float, int] | None:
  """Half a minute, half-minute, quarter second."""
  for fraction, end in _FRACTIONS.all_at(tokens, first):
    end += is_joiner(tokens, end)
    seconds = unit_at(tokens, end)
    if seconds is not None and tokens[end].word not in SHORT_UNITS - {"min"}:
      return _rounded(fraction * seconds), end + 1
  return None


def _counted(tokens: Sequence[Token], first: int) -> tuple[float, int] | None:
  """5s, 5 mins, 5-minute, one and a half minutes, 1m30s, a minute and a half."""
  found = number_at(tokens, first)
  if found is None and tokens[first].word in ("a", "an"):
    found = 1.0, first + 1
  if found is None:
    return None
  value, at = found
  if (end := _and_a_half(tokens, at)) is not None and unit_at(tokens, end) is not None:
    value, at = value + 0.5, end
  if at < len(tokens) and tokens[at].text == "-" and is_joiner(tokens, at):
    at += 1
  seconds = unit_at(tokens, at)
  if seconds is None:
    return None
  total, at = value * seconds, at + 1
  if (end := _and_a_half(tokens, at)) is not None and unit_at(tokens, end) is None:
    return _rounded(total + 0.5 * seconds), end
  # Each further part has a smaller unit: 1h 30m, 1 minute and 30 seconds.
  while True:
    # In "1d and 4h bars" there are two.
    joined = at < len(tokens) and tokens[at].word == "and"
    if joined and tokens[at - 1].word in SHORT_UNITS:
      return _rounded(total), at
    begin = at + joined
    more = _smaller_part(tokens, begin, seconds)
    if more is None:
      return _rounded(total), at
    added, seconds, at = more
    total += added


def _smaller_part(
  tokens: Sequence[Token], first: int, below: float
) -> tuple[float, float, int] | None:
  """(seconds, seconds of its unit, the index after it) of a part with a unit of fewer seconds."""
  if first >= len(tokens) or tokens[first].kind != NUMBER:
    return None
  found = number_at(tokens, first)
  if found is None:
    return None
  seconds = unit_at(tokens, found[1])
  if seconds is None or seconds >= below:
    return None
  return found[0] * seconds, seconds, found[1] + 1


def _and_a_half(tokens: Sequence[Token], at: int) -> int | None:
  return match_words(tokens, at, ("and", "a", "half")) if at < len(tokens) else None


def _rounded(seconds: float) -> float:
  """Seconds to the nanosecond, so that a quarter of a second and 250 ms are equal."""
  return round(seconds, 9)


def duration_text(seconds: float) -> str:
  """A length of time as sentences write it: 5 s, 250 ms, 2 min, 1 h."""
  for unit, size in (("day", 86400), ("h", 3600), ("min", 60), ("s", 1)):
    if seconds >= size and seconds % size == 0:
      count = seconds / size
      plural = "s" if unit == "day" and count > 1 else ""
      return f"{count:g} {unit}{plural}"
  if seconds < 1:
    return f"{seconds * 1000:g} ms"
  return f"{seconds:g} s"
