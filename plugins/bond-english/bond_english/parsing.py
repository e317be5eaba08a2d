"""From a text to a reading: the whole path of a request.

1. text/: the text as tokens.
2. reading/: spelling is corrected; then the lexer finds every reading of every span.
3. clauses/: the grammar takes the readings that fit each other, and makes clauses of them: the
   cheapest way to read the text counts.
4. meaning/: in each clause it becomes clear what a chunk is there: which kind of data, what a
   length of time is for, what a bound is on; then clauses share what they have in common.
5. building/: each clause becomes sources, conditions, windows and samples. Every chunk notes what
   it shaped in the spec.
6. answering/: what arrives, what shaped nothing, open questions, the account.
"""

from collections.abc import Mapping

import attrs

from bond_core import Reading
from bond_core.specs import Outcome
from bond_english.answering.account import account
from bond_english.answering.deliveries import deliveries
from bond_english.answering.offers import offers
from bond_english.answering.questions import ask_open_questions
from bond_english.answering.recordings import about_recordings
from bond_english.answering.rivals import STARTED, asked_which, words_of
from bond_english.answering.sentence import remarks, sentence
from bond_english.answering.unshaped import ask_about_unshaped
from bond_english.building.build import build
from bond_english.building.how_often import check_intervals
from bond_english.clauses.chart import best_ways
from bond_english.meaning.asides import find_asides
from bond_english.meaning.assumptions import warn_of_assumptions
from bond_english.meaning.background import find_background
from bond_english.meaning.bounds import resolve_bounds
from bond_english.meaning.findings import Findings
from bond_english.meaning.intents import detect_intents
from bond_english.meaning.kinds import assume_kinds, resolve_kinds
from bond_english.meaning.negation import complete_negations
from bond_english.meaning.operators import resolve_operators
from bond_english.meaning.quotes import resolve_quotes
from bond_english.meaning.request import Request
from bond_english.meaning.sharing import inherit_kinds, neighbours, share
from bond_english.meaning.timing import resolve_times
from bond_english.meaning.topics import find_topics
from bond_english.reading.identifiers import split_identifiers
from bond_english.reading.lexer import readings
from bond_english.reading.source_words import read_source_words
from bond_english.reading.spelling import correct, is_known
from bond_english.text.chunks import OPERATOR, REFUSED, UNKNOWN
from bond_english.text.tokens import tokenise
from bond_english.words.filler import CONJUNCTIONS, FILLER

MAX_CHARACTERS = 600
MAX_TOKENS = 120


_STEPS = (
  warn_of_assumptions,
  find_topics,
  resolve_times,
  resolve_bounds,
  resolve_operators,
  resolve_quotes,
)
"""What becomes clear in each clause by itself, in this order."""


def parse(
  text: str, source_words: Mapping[str, str], *, apart: bool = False, offering: bool = True
) -> Reading:
  """What a request means: outcome, spec, account of every word.

  `source_words` are the words of the installed sources (word → source). With `apart` nothing is
  shared across a semicolon, without `offering` nothing is offered to copy. Equal arguments give
  equal readings; nothing else counts.
  """
  tokens = tokenise(text) if len(text) <= MAX_CHARACTERS else []
  if len(text) > MAX_CHARACTERS or len(tokens) > MAX_TOKENS:
    return _too_long(text)

  def again(other: str) -> Reading:
    return parse(other, source_words, apart=apart, offering=False)

  if about := about_recordings(text, again):
    return about
  sources = read_source_words(source_words)
  tokens = split_identifiers(tokens, lambda word: is_known(word, sources.words))
  alike = correct(tokens, sources.words)
  ways = best_ways(tokens, readings(tokens, sources, alike))
  written = [words_of(text, tokens, chunks) for chunks in ways]
  request, findings = Request(text, tokens, ways[0], source_words, apart=apart), Findings()
  reading = _reading(request, findings)
  if reading.outcome in STARTED and len(ways) > 1:
    others = [
      _reading(Request(text, tokens, chunks, source_words, apart=apart), Findings())
      for chunks in ways[1:]
    ]
    return asked_which(text, written, [reading, *others], again if offering else None)
  if reading.outcome != "ask" or not offering:
    return reading
  found = offers(request, findings, again)
  return attrs.evolve(
    reading,
    offers=[{"question": question, "request": offered} for question, offered, _ in found],
    spec=found[0][2].spec if found and findings.leaves_out else None,
  )


def _reading(request: Request, findings: Findings) -> Reading:
  """The reading of one way to read the text."""
  find_background(request)
  find_asides(request)
  complete_negations(request, findings)
  clauses = request.clauses()
  for clause in clauses:
    resolve_kinds(request, clause, findings)
  for group in neighbours(request, clauses):
    inherit_kinds(group)
  for step in _STEPS:
    for clause in clauses:
      step(clause, findings)
  check_intervals(request, findings)
  detect_intents(request, findings)
  assume_kinds(request, findings)
  selections = [] if findings.rejections else share(request, clauses, findings)
  spec = build(request, findings, selections)
  delivered = deliveries(spec)
  ask_open_questions(request, findings, selections)
  ask_about_unshaped(request, findings, selections)
  outcome = _outcome(request, findings)
  return Reading(
    outcome=outcome,
    spec=spec.document() if outcome in ("ok", "warn") else None,
    account=account(request, (*findings.assumptions, *spec.defaults)),
    unknown=_unknown_words(request),
    questions=findings.rejections or findings.questions,
    sentence=sentence(request, findings, spec, delivered),
    missing=spec.missing,
    packages=spec.packages,
    delivers=delivered,
    remarks=[] if findings.rejections else remarks(request, findings, spec),
  )


def _too_long(text: str) -> Reading:
  reason = f"A request is a sentence of up to {MAX_CHARACTERS} characters; write a spec for more"
  whole = {"start": 0, "end": len(text), "text": text, "slot": "refused", "value": "too long"}
  return Reading(outcome="reject", account=[{**whole, "how": "exact"}], questions=[reason])


def _unknown_words(request: Request) -> list[str]:
  words = [request.text_of(chunk) for chunk in request.chunks if chunk.role == UNKNOWN]
  for chunk in request.having(OPERATOR):
    computed = request.tokens[chunk.first : chunk.end]
    words.append(request.text_of(chunk))
    words += [token.text for token in computed if token.word not in FILLER | CONJUNCTIONS]
  words += [request.text_of(c) for c in request.having(REFUSED) if c.value[1] == "equity"]
  return list(dict.fromkeys(words))


def _outcome(request: Request, findings: Findings) -> Outcome:
  if findings.rejections:
    return "reject"
  if findings.questions:
    return "ask"
  corrected = any(token.corrected for token in request.tokens)
  return "warn" if findings.warnings or corrected else "ok"
