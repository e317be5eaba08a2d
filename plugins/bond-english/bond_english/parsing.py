"""From a text to a reading: the whole way, step by step."""

from collections.abc import Mapping

from bond_core import Reading
from bond_core.specs import Outcome, asked_for
from bond_english import (
  account,
  binding,
  bounds,
  currencies,
  intents,
  kinds,
  lengths,
  negation,
  places,
  questions,
  spelling,
  tagging,
  topics,
)
from bond_english.building import build
from bond_english.draft import Draft
from bond_english.marks import REFUSED, UNKNOWN
from bond_english.recipe import Recipe
from bond_english.tokens import tokenise

LONGEST_TEXT = 600
MOST_TOKENS = 120


def parse(text: str, words: Mapping[str, str]) -> Reading:
  """What a request means: outcome, spec, account of every word. `words` are those of the installed
  sources (word → source). Equal arguments give equal readings; nothing else counts."""
  tokens = tokenise(text) if len(text) <= LONGEST_TEXT else []
  if len(text) > LONGEST_TEXT or len(tokens) > MOST_TOKENS:
    return _too_long(text)
  near = spelling.correct(tokens, words)
  draft = Draft(text, tokens, tagging.tag(tokens, words, near), words)
  places.settle(draft)
  kinds.name_kinds(draft)
  negation.leave_out(draft)
  topics.find_topics(draft)
  lengths.settle_lengths(draft)
  bounds.settle_bounds(draft)
  currencies.settle_quotes(draft)
  intents.find_intents(draft)
  if not draft.rejections and not draft.questions:
    kinds.assume_kinds(draft)
  wishes = [] if draft.rejections else binding.bind(draft)
  said = questions.said_interval(draft, wishes)
  filters = asked_for(Reading(outcome="ok", account=account.account(draft, Recipe())))["filters"]
  recipe = build(draft, wishes, said, filters) if not draft.rejections else Recipe()
  questions.ask_what_is_open(draft, wishes)
  outcome = _outcome(draft)
  spec = recipe.spec() if outcome in ("ok", "warn") or draft.confirmable else None
  return Reading(
    outcome=outcome,
    spec=spec if outcome != "reject" else None,
    account=account.account(draft, recipe),
    unknown=_unknown_words(draft),
    questions=list(dict.fromkeys(draft.rejections or draft.questions)),
    sentence=account.sentence(draft, wishes, recipe, said),
    missing=list(recipe.missing),
    packages=list(recipe.packages),
  )


def _too_long(text: str) -> Reading:
  told = f"A request is a sentence of up to {LONGEST_TEXT} characters; write a spec for more"
  whole = {"start": 0, "end": len(text), "text": text, "slot": "refused", "value": "too long"}
  return Reading(outcome="reject", account=[{**whole, "how": "exact"}], questions=[told])


def _unknown_words(draft: Draft) -> list[str]:
  words = [draft.written(mark) for mark in draft.marks if mark.slot == UNKNOWN]
  words += [draft.written(mark) for mark in draft.of(REFUSED) if mark.value[1] == "equity"]
  return list(dict.fromkeys(words))


def _outcome(draft: Draft) -> Outcome:
  if draft.rejections:
    return "reject"
  if draft.questions:
    return "ask"
  corrected = any(token.corrected for token in draft.tokens)
  return "warn" if draft.warnings or corrected else "ok"
