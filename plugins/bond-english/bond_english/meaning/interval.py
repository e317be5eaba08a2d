"""The interval that a request asks for."""

from bond_english.meaning.binding import Selection
from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.durations import duration_text
from bond_english.quantities.intervals import EVERY_UPDATE, Interval
from bond_english.quantities.numbers import integral
from bond_english.text.chunks import INTERVAL
from bond_english.words import data

LONGEST = 86_400.0
SHORTEST_WINDOW = 0.1
SHORTEST_SAMPLE = 0.01
"""Seconds."""


def requested_interval(
  request: Request, findings: Findings, selections: list[Selection]
) -> float | None:
  """The interval in seconds, 0 for every update, None where the request names none.

  Asks about several intervals and about one that is too short or too long for the selections.
  """
  named: list[float] = []
  for chunk in request.having(INTERVAL):
    interval: Interval = chunk.value
    if interval.seconds is not None:
      named.append(interval.seconds)
    elif interval.invalid:
      findings.reject(interval.problem)
    else:
      findings.ask(interval.problem)
  timed = list(dict.fromkeys(seconds for seconds in named if seconds > 0))
  if not timed:
    return EVERY_UPDATE if named else None
  if len(timed) > 1:
    choices = " or ".join(f"every {duration_text(seconds)}" for seconds in timed)
    findings.ask(f"Which interval: {choices}?")
  seconds, text = timed[0], duration_text(timed[0])
  if EVERY_UPDATE in named:
    _drop_every_update(request, findings, text)
  floor = _shortest(selections)
  if seconds < floor:
    findings.ask(f"Every {text} is too often: from {duration_text(floor)} on, or every update?")
  elif seconds > LONGEST:
    findings.ask(f"Every {text} is too seldom: at most once a day; how often?")
  return integral(seconds)


def _drop_every_update(request: Request, findings: Findings, interval: str) -> None:
  """ "Real-time, every 5s": the number of seconds counts; "every trade, every 5s" is a question."""
  for chunk in request.having(INTERVAL):
    if chunk.value.seconds != EVERY_UPDATE:
      continue
    if request.first_word(chunk) in ("every", "each"):
      findings.ask(f"Every single event, or every {interval}?")
    else:
      chunk.make_filler()


def _shortest(selections: list[Selection]) -> float:
  """The shortest interval of these selections: samples may be closer than windows."""
  kinds = {selection.kind for selection in selections}
  return SHORTEST_SAMPLE if kinds and kinds <= data.SAMPLED - {"ohlc"} else SHORTEST_WINDOW
