"""How often the data of a selection comes: as the request says, else by the kind of data."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.meaning.sharing import Selection
from bond_english.quantities.durations import duration_text
from bond_english.quantities.intervals import EVERY_UPDATE, Interval
from bond_english.quantities.numbers import integral
from bond_english.text.chunks import INTERVAL
from bond_english.words import data

LONGEST = 86_400.0
SHORTEST_WINDOW = 0.1
SHORTEST_SAMPLE = 0.01
"""Seconds."""


def check_intervals(request: Request, findings: Findings) -> None:
  """Rejects what is no interval, and asks about what is too vague to be one."""
  for chunk in request.having(INTERVAL):
    interval: Interval = chunk.value
    if interval.seconds is None and interval.invalid:
      findings.reject(interval.problem)
    elif interval.seconds is None:
      findings.ask(interval.problem)


def requested_interval(request: Request, findings: Findings, selection: Selection) -> float | None:
  """The interval that a selection asks for in seconds, 0 for every update, None for none.

  Asks about several intervals and about one that is too short or too long.
  """
  chunks = [c for c in selection.intervals if c.role == INTERVAL and c.value.seconds is not None]
  named = [chunk.value.seconds for chunk in chunks]
  timed = list(dict.fromkeys(seconds for seconds in named if seconds > 0))
  if not timed:
    return EVERY_UPDATE if named else None
  if len(timed) > 1:
    choices = " or ".join(f"every {duration_text(seconds)}" for seconds in timed)
    answers = [
      tuple(request.without(c, c) for c in chunks if c.value.seconds != kept) for kept in timed
    ]
    findings.ask(f"Which interval: {choices}?", *answers)
    for chunk in chunks:
      chunk.told = True
  seconds, text = timed[0], duration_text(timed[0])
  sampled = selection.kind in data.SAMPLED - {"ohlc"}
  floor = SHORTEST_SAMPLE if sampled else SHORTEST_WINDOW
  if seconds < floor:
    findings.ask(f"Every {text} is too often: from {duration_text(floor)} on, or every update?")
  elif seconds > LONGEST:
    findings.ask(f"Every {text} is too seldom: at most once a day; how often?")
  return integral(seconds)


def default_interval(selection: Selection) -> float:
  """The interval where a request names none, in seconds; 0 for every event."""
  kind = data.KINDS.get(selection.kind)
  return data.EVERY_EVENT if kind is None else kind.default_interval
