"""From a text to a reading: the whole way, step by step."""

from collections.abc import Mapping

from bond_core.asking import asked_for
from bond_core.components import Reading
from bond_english import (
  account,
  binding,
  currencies,
  intents,
  kinds,
  measures,
  negation,
  places,
  spelling,
  tagging,
  topics,
)
from bond_english.binding import Wish
from bond_english.building import build, shortest
from bond_english.draft import Draft
from bond_english.durations import spoken
from bond_english.intervals import Interval
from bond_english.marks import (
  ALERT,
  AUTHOR,
  CHAIN,
  FILTER,
  INTERVAL,
  MARKET,
  QUERY,
  REFUSED,
  REPLAY,
  UNKNOWN,
  VENUE,
)
from bond_english.recipe import Recipe
from bond_english.tokens import tokenise
from bond_english.words import data
from bond_english.words.venues import DEXES

LONGEST_INTERVAL = 86_400.0
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
  measures.measure(draft)
  currencies.settle_quotes(draft)
  intents.find_intents(draft)
  if not draft.rejections and not draft.questions:
    kinds.assume_kinds(draft)
  wishes = [] if draft.rejections else binding.bind(draft)
  said = _interval(draft, wishes)
  filters = asked_for(Reading(outcome="", account=account.account(draft, Recipe())))["filters"]
  recipe = build(draft, wishes, said, filters) if not draft.rejections else Recipe()
  _subjects(draft, wishes)
  _effects(draft, wishes)
  _unknown(draft)
  _told(draft)
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
  whole = {"start": 0, "end": len(text), "text": text[:100], "slot": "refused", "value": "too long"}
  return Reading(outcome="reject", account=[{**whole, "how": "exact"}], questions=[told])


def _interval(draft: Draft, wishes: list[Wish]) -> float | None:
  """The interval that is said, 0 for every update; what is wrong with it is noted."""
  said: list[float] = []
  for mark in draft.of(INTERVAL):
    interval: Interval = mark.value
    if interval.seconds is not None:
      said.append(interval.seconds)
    elif interval.invalid:
      draft.rejections.append(interval.problem)
    else:
      draft.ask(interval.problem)
  timed = list(dict.fromkeys(seconds for seconds in said if seconds > 0))
  if len(timed) > 1:
    draft.ask(f"Which interval: {' or '.join(f'every {spoken(t)}' for t in timed)}?")
  if timed and len(timed) < len(set(said)):
    # "Real-time, every 5s": the figure says it.
    for mark in draft.of(INTERVAL):
      if mark.value.seconds != 0:
        continue
      if draft.word(mark) in ("every", "each"):
        draft.ask(f"Every single event, or every {spoken(timed[0])}?")
      else:
        draft.ignore(mark)
  if not timed:
    return 0.0 if said else None
  floor = shortest(wishes)
  if timed[0] < floor:
    draft.ask(f"Every {spoken(timed[0])} is too often: from {spoken(floor)} on, or every update?")
  elif timed[0] > LONGEST_INTERVAL:
    draft.ask(f"Every {spoken(timed[0])} is too seldom: at most once a day; how often?")
  return int(timed[0]) if timed[0] == int(timed[0]) else timed[0]


def _subjects(draft: Draft, wishes: list[Wish]) -> None:
  """Asks what it is about, where that is not said."""
  if draft.rejections:
    return
  grouped = any("universe" in value for _, value, _ in _filters(draft))
  if grouped:
    draft.ask("Which assets exactly? List them, for example BTC, ETH, SOL")
    return
  about = {slot for m in draft.of(AUTHOR, QUERY, CHAIN) for slot in (m.slot,)}
  addressed = any(mark.value == "address" for mark in draft.of(FILTER))
  for wish in wishes:
    kind = data.KINDS.get(wish.kind)
    if wish.items or kind is None or wish.kind in data.NEED_NO_SUBJECT:
      continue
    if wish.kind in data.TEXTS and about & {AUTHOR, QUERY}:
      continue
    if wish.kind == "onchain" and (CHAIN in about or addressed or DEXES.keys() & {*wish.venues}):
      continue
    if wish.kind in data.TEXTS:
      draft.ask(f"{kind.label[:1].upper()}{kind.label[1:]} about which asset, or from whom?")
    elif wish.kind == "onchain":
      draft.ask("On-chain activity of which asset or chain?")
    else:
      draft.ask(f"{kind.label[:1].upper()}{kind.label[1:]} of which asset?")
  if not wishes and not draft.questions and not draft.of(UNKNOWN):
    draft.ask(f"Which asset, and what of it? For example: {intents.EXAMPLES[0]}")


def _effects(draft: Draft, wishes: list[Wish]) -> None:
  """Asks about venues and markets that nothing in the request is on."""
  if draft.rejections or not wishes:
    return
  market = [w for w in wishes if w.kind in data.KINDS and data.KINDS[w.kind].market]
  onchain = any(wish.kind in ("onchain", "gas") for wish in wishes)
  taken = {venue for wish in market for venue in wish.venues}
  for mark in draft.of(VENUE):
    if mark.value not in taken and not (onchain and mark.value in DEXES):
      draft.ask(f"What is to come from {draft.written(mark)}?")
  for mark in draft.of(MARKET):
    if not market:
      draft.ask(f"What of {draft.written(mark)}?")


def _filters(draft: Draft) -> list[tuple[str, dict[str, object], str]]:
  return [fact for mark in draft.of(FILTER) for fact in mark.facts if fact[0] == "filter"]


def _unknown(draft: Draft) -> None:
  """Asks about every word that is not understood."""
  for mark in draft.of(UNKNOWN):
    written = draft.written(mark)
    near = mark.value
    token = draft.tokens[mark.first]
    before = draft.tokens[mark.first - 1].word if mark.first else ""
    if before in ("from", "by") and token.text.isidentifier() and draft.kinds() & data.TEXTS:
      draft.ask(f"{written!r} is not understood; an account is written @{written}")
    elif near:
      draft.ask(f"{written!r} is not understood; did you mean {' or '.join(map(repr, near))}?")
    else:
      told = f"{written!r} is not understood or not available; leave it out?"
      draft.ask(told, leave_out=True)
  for mark in draft.marks:
    if mark.slot == UNKNOWN and mark.left_out:
      draft.warn(f"{draft.written(mark)!r} is not understood; it is left out as you say")


def _unknown_words(draft: Draft) -> list[str]:
  words = [draft.written(mark) for mark in draft.marks if mark.slot == UNKNOWN]
  words += [draft.written(mark) for mark in draft.of(REFUSED) if mark.value[1] == "equity"]
  return list(dict.fromkeys(words))


def _told(draft: Draft) -> None:
  if draft.of(ALERT):
    draft.warn("Bond streams the events that match and sends no notifications")
  if draft.of(REPLAY) and not any("replay_sec" in value for _, value, _ in _filters(draft)):
    draft.ask("Replay from when, for example the last 5 minutes?")


def _outcome(draft: Draft) -> str:
  if draft.rejections:
    return "reject"
  if draft.questions:
    return "ask"
  corrected = any(token.corrected for token in draft.tokens)
  return "warn" if draft.warnings or corrected else "ok"
