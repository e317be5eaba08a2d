"""The account of a request: what each piece of it was taken for, and the sentence that says it."""

from typing import Any

from bond_english.binding import Wish, pairs_of
from bond_english.draft import Draft
from bond_english.durations import spoken
from bond_english.intervals import Interval
from bond_english.marks import (
  ALERT,
  ASSET,
  AUTHOR,
  CHAIN,
  CORRECTED,
  EDIT,
  EXACT,
  FILTER,
  INTERVAL,
  KIND,
  MARKET,
  NOT,
  PAIR,
  QUERY,
  QUOTE,
  REFUSED,
  REPLAY,
  UNKNOWN,
  VENUE,
  Fact,
  Mark,
)
from bond_english.recipe import Recipe
from bond_english.words import data

Entry = dict[str, Any]


def account(draft: Draft, recipe: Recipe) -> list[Entry]:
  """One entry or more for each piece of the text, in order, then what was not said: `start` and
  `end` in characters (None: not in the text), `text`, `slot`, `value`, and `how` it is known."""
  entries: list[Entry] = []
  for mark in draft.marks:
    for slot, value, how in facts_of(mark):
      start, end = draft.tokens[mark.first].start, draft.tokens[mark.last - 1].end
      entries.append(_entry(start, end, draft.text[start:end], slot, value, how))
  entries += [_entry(None, None, "", *fact) for fact in (*draft.assumed, *recipe.defaults)]
  return entries


def facts_of(mark: Mark) -> list[Fact]:
  """What a mark says, as (slot, value, how)."""
  if mark.left_out:
    if mark.slot == UNKNOWN:
      return [("unknown", None, EXACT)]
    value = mark.value if isinstance(mark.value, str) else _plain_value(mark)
    return [("left_out", value, mark.how)]
  facts = [fact for fact in mark.facts if fact[0] != "source"]
  if mark.slot in (ASSET, PAIR):
    facts += [("symbol", pair.symbol, mark.how) for pair in pairs_of(mark)]
    if mark.slot == PAIR and any(pair.perpetual for pair in pairs_of(mark)):
      facts.append(("filter", {"market": "perp"}, mark.how))
  elif mark.slot == KIND:
    facts += [("source", kind, mark.how) for kind in mark.value]
  elif mark.slot == VENUE:
    facts.append(("exchange", mark.value, mark.how))
  elif mark.slot == INTERVAL:
    interval: Interval = mark.value
    if interval.seconds is None:
      facts.append(("refused", interval.problem, mark.how))
    else:
      facts.append(("interval", interval.seconds, mark.how))
  elif mark.slot == AUTHOR:
    facts.append(("filter", {"authors": [mark.value]}, mark.how))
  elif mark.slot == QUOTE:
    facts.append(("quote", mark.value, mark.how))
  elif mark.slot == UNKNOWN:
    facts.append(("unknown", None, EXACT))
  elif mark.slot == REFUSED:
    facts.append(("refused", mark.value[1], EXACT))
  elif mark.slot == EDIT:
    facts.append(("refused", "edit", EXACT))
  elif mark.slot == ALERT:
    facts.append(("note", "alert", mark.how))
  elif mark.slot == REPLAY:
    facts.append(("note", "replay", mark.how))
  elif mark.slot == NOT:
    facts.append(("negation", None, EXACT))
  elif mark.slot in (CHAIN, MARKET, FILTER, QUERY) and facts:
    pass
  if not facts:
    facts.append(("filler", None, mark.how if mark.how == CORRECTED else EXACT))
  return facts


def _plain_value(mark: Mark) -> Any:
  if mark.slot == KIND:
    return list(mark.value) if len(mark.value) > 1 else mark.value[0]
  if mark.slot == PAIR:
    return [pair.symbol for pair in pairs_of(mark)]
  filters = {
    key: v for slot, value, _ in mark.facts if slot == "filter" for key, v in value.items()
  }
  return filters or None


def _entry(start: int | None, end: int | None, text: str, slot: str, value: Any, how: str) -> Entry:
  return {"start": start, "end": end, "text": text, "slot": slot, "value": value, "how": how}


def sentence(draft: Draft, wishes: list[Wish], recipe: Recipe, said: float | None) -> str:
  """What was understood, in one sentence, and what was assumed, in further ones."""
  parts = [_streamed(wishes, recipe, said)] if wishes else []
  quotes = [f"quote {value}" for slot, value, _ in recipe.defaults if slot == "quote"]
  venues = [str(value) for slot, value, _ in recipe.defaults if slot == "exchange"]
  only = [
    draft.written(mark)
    for mark in draft.of(FILTER, CHAIN, AUTHOR, QUERY)
    if mark.facts or mark.slot == AUTHOR
  ]
  if parts and only:
    parts[0] += f"; only: {', '.join(dict.fromkeys(only))}"
  defaults = [*quotes, *venues]
  if said is None and wishes:
    every = next((v for slot, v, _ in recipe.defaults if slot == "interval"), 0.0)
    defaults.append(f"every {spoken(every)}" if every else "every event as it comes")
  if defaults:
    parts.append(f"Not said, and so: {', '.join(dict.fromkeys(defaults))}")
  corrected = [
    f"{draft.text[token.start : token.end]} → {token.word}"
    for token in draft.tokens
    if token.corrected
  ]
  if corrected:
    parts.append(f"Corrected: {', '.join(corrected)}")
  parts += [_capital(warning) for warning in draft.warnings]
  parts += [_capital(note) for note in draft.notes]
  parts += [_capital(missing) for missing in recipe.missing]
  return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)


def _streamed(wishes: list[Wish], recipe: Recipe, said: float | None) -> str:
  groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
  for wish in wishes:
    symbols = tuple(dict.fromkeys(_spelled(wish)))
    kind = data.KINDS.get(wish.kind)
    venues = tuple(wish.venues) if kind is not None and kind.market else ()
    groups.setdefault((symbols, venues), []).append(kind.label if kind is not None else wish.kind)
  told = []
  for (symbols, venues), labels in groups.items():
    text = " and ".join(filter(None, (", ".join(labels[:-1]), labels[-1])))
    if symbols:
      text = f"{', '.join(symbols)} {text}"
    if venues:
      names = ", ".join("all exchanges" if venue == "*" else venue for venue in venues)
      text += f" on {names}"
    told.append(text)
  every = ""
  if said is not None:
    every = f", every {spoken(said)}" if said else ", every update"
  text = "; ".join(told)
  return text[:1].upper() + text[1:] + every


def _spelled(wish: Wish) -> list[str]:
  spelled = []
  for item in wish.items:
    markets = item.markets or wish.markets or (["perp"] if item.pair.perpetual else [])
    spelled.append(" ".join((item.pair.symbol, *markets)))
  return spelled


def _capital(text: str) -> str:
  return text[:1].upper() + text[1:]
