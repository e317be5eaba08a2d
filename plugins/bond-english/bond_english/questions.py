"""What is still open: how often, about what, on which venue, and words nobody knows."""

from bond_english import intents
from bond_english.binding import Wish
from bond_english.building import shortest
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
  REPLAY,
  UNKNOWN,
  VENUE,
)
from bond_english.numbers import whole
from bond_english.words import data
from bond_english.words.venues import DEXES

LONGEST_INTERVAL = 86_400.0


def said_interval(draft: Draft, wishes: list[Wish]) -> float | None:
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
  return whole(timed[0])


def ask_what_is_open(draft: Draft, wishes: list[Wish]) -> None:
  """Notes everything that has to be asked or told once it is known what is wished for."""
  _subjects(draft, wishes)
  _effects(draft, wishes)
  _unknown(draft)
  _told(draft)


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


def _told(draft: Draft) -> None:
  if draft.of(ALERT):
    draft.warn("Bond streams the events that match and sends no notifications")
  if draft.of(REPLAY) and not any("replay_sec" in value for _, value, _ in _filters(draft)):
    draft.ask("Replay from when, for example the last 5 minutes?")
