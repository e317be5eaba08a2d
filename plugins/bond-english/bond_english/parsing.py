"""From a text to a reading: the whole path of a request.

1. text/: the text as tokens.
2. reading/: spelling is corrected, then tagging makes chunks: each with the role that its form or
   name gives it.
3. meaning/: passes settle the roles that depend on where a chunk stands, and report findings:
   - disambiguate chooses between asset, venue, chain and plain word, and finds the network that
     posts are of;
   - resolve_kinds makes kinds of data of events, metrics, providers and vague words;
   - apply_negations leaves chunks out, and inverts a bound that is excluded;
   - find_topics makes queries of unknown words after "tweets about";
   - resolve_times makes an interval, a window, a bar, a replay or a limit of each time span;
   - resolve_bounds makes filters of bounds, on the kinds of data that they stand beside;
   - resolve_quotes makes pairs of assets and quote currencies, and lists of what is no pair;
   - detect_intents rejects orders, history and questions about Bond, and asks about refused chunks;
   - assume_kinds assumes a kind where none is named and there is no question yet.
4. meaning/: the binding makes selections: each kind with its symbols, venues, market types and
   chains; then the requested interval is checked against them.
5. building/: sources, conditions, windows and samples make the spec.
6. answering/: open questions, the sentence and the account.

meaning/passes.py says which roles each pass takes, gives and settles.
"""

from collections.abc import Mapping

from bond_core import Reading
from bond_core.specs import Outcome
from bond_english.answering.account import account
from bond_english.answering.questions import ask_open_questions
from bond_english.answering.sentence import sentence
from bond_english.building.build import build
from bond_english.building.spec_draft import SpecDraft
from bond_english.meaning.binding import bind
from bond_english.meaning.findings import Findings
from bond_english.meaning.interval import requested_interval
from bond_english.meaning.passes import PASSES
from bond_english.meaning.request import Request
from bond_english.reading.source_words import source_phrases
from bond_english.reading.spelling import correct
from bond_english.reading.tagging import tag
from bond_english.text.chunks import REFUSED, UNKNOWN
from bond_english.text.tokens import tokenise

MAX_CHARACTERS = 600
MAX_TOKENS = 120


def parse(text: str, source_words: Mapping[str, str]) -> Reading:
  """What a request means: outcome, spec, account of every word.

  `source_words` are the words of the installed sources (word → source). Equal arguments give equal
  readings; nothing else counts.
  """
  tokens = tokenise(text) if len(text) <= MAX_CHARACTERS else []
  if len(text) > MAX_CHARACTERS or len(tokens) > MAX_TOKENS:
    return _too_long(text)
  sources = source_phrases(source_words)
  alike = correct(tokens, sources.words)
  request = Request(text, tokens, tag(tokens, sources, alike), source_words)
  findings = Findings()
  for step in PASSES:
    step.run(request, findings)
  selections = [] if findings.rejections else bind(request, findings.assumptions)
  interval = requested_interval(request, findings, selections)
  spec = SpecDraft()
  if not findings.rejections:
    spec = build(request, findings, selections, interval)
  ask_open_questions(request, findings, selections)
  outcome = _outcome(request, findings)
  confirmable = outcome == "ask" and findings.confirmable
  return Reading(
    outcome=outcome,
    spec=spec.document() if outcome in ("ok", "warn") or confirmable else None,
    account=account(request, (*findings.assumptions, *spec.defaults)),
    unknown=_unknown_words(request),
    questions=findings.rejections or findings.questions,
    sentence=sentence(request, findings, selections, spec, interval),
    missing=spec.missing,
    packages=spec.packages,
  )


def _too_long(text: str) -> Reading:
  reason = f"A request is a sentence of up to {MAX_CHARACTERS} characters; write a spec for more"
  whole = {"start": 0, "end": len(text), "text": text, "slot": "refused", "value": "too long"}
  return Reading(outcome="reject", account=[{**whole, "how": "exact"}], questions=[reason])


def _unknown_words(request: Request) -> list[str]:
  words = [request.text_of(chunk) for chunk in request.chunks if chunk.role == UNKNOWN]
  words += [request.text_of(c) for c in request.having(REFUSED) if c.value[1] == "equity"]
  return list(dict.fromkeys(words))


def _outcome(request: Request, findings: Findings) -> Outcome:
  if findings.rejections:
    return "reject"
  if findings.questions:
    return "ask"
  corrected = any(token.corrected for token in request.tokens)
  return "warn" if findings.warnings or corrected else "ok"
