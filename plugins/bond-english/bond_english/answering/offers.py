"""Requests to copy: for each question the whole request with an answer in it.

Each is read as any other request, and only what is understood is offered, so that it says what it
means.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from bond_core import Reading
from bond_english.meaning.findings import Answer, Findings
from bond_english.meaning.request import Request

MAX_OFFERS = 4
MAX_TOKENS = 40
"""Of longer requests the first answers are tried, and no others."""


def offers(
  request: Request, findings: Findings, read: Callable[[str], Reading]
) -> list[tuple[str, str, Reading]]:
  """Each question with a request that answers it and the others, and what `read` makes of that;
  none where a question has no answer that can be known."""
  if not all(findings.answers[question] for question in findings.questions):
    return []
  first = [findings.answers[question][0] for question in findings.questions]
  tried: dict[str, str] = {}
  for number, question in enumerate(findings.questions):
    for answer in findings.answers[question]:
      text = _answered(request, [*first[:number], answer, *first[number + 1 :]])
      tried.setdefault(text, question)
  most = MAX_OFFERS if len(request.tokens) <= MAX_TOKENS else 1
  found = [(question, text, read(text)) for text, question in islice(tried.items(), most)]
  return [entry for entry in found if entry[2].outcome in ("ok", "warn") and entry[2].spec]


def _answered(request: Request, answers: Sequence[Answer]) -> str:
  text, at = "", 0
  for first, end, words in sorted({edit for answer in answers for edit in answer}):
    start = request.tokens[first].start
    if start < at:
      continue
    text += f"{request.text[at:start]} {words} "
    at = request.tokens[end - 1].end
  return " ".join(f"{text}{request.text[at:]}".split())
