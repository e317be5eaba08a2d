"""Lengths of time and amounts: what a span or a bound belongs to."""

from dataclasses import dataclass
from typing import Any

from bond_english.amounts import Bound
from bond_english.draft import Draft
from bond_english.durations import spoken
from bond_english.intervals import Interval
from bond_english.marks import (
  ALIAS,
  ASSET,
  ASSUMED,
  BOUND,
  EXACT,
  FILLER,
  FILTER,
  INTERVAL,
  JOIN,
  KIND,
  MARKET,
  OF,
  PAIR,
  REFUSED,
  REPLAY,
  SPAN,
  Fact,
  Mark,
)
from bond_english.spans import NEXT, PAST, ROLLING
from bond_english.words import beyond, data
from bond_english.words.assets import ASSETS, MONEY

_EVENTS = frozenset(("trades", "liquidations", "onchain", "tweets", "bluesky", "news"))


@dataclass(frozen=True, slots=True)
class Bounded:
  """The value of a mark whose filters are bounds on events of these kinds; where such a kind is
  named in several places, of those at `marks` (by their first token)."""

  kinds: tuple[str, ...]
  marks: frozenset[int] = frozenset()


def measure(draft: Draft) -> None:
  """Gives every span and bound its meaning."""
  for number, mark in draft.numbered(FILLER):
    _each_event(draft, number, mark)
  for number, mark in draft.numbered(SPAN):
    _span(draft, number, mark)
  for number, mark in draft.numbered(INTERVAL):
    _of_bars(draft, number, mark)
  for number, mark in draft.numbered(BOUND):
    _bound(draft, number, mark)
  _sizes(draft)


def whole(value: float) -> float:
  """5 rather than 5.0."""
  return int(value) if value == int(value) else value


def _each_event(draft: Draft, number: int, mark: Mark) -> None:
  """Every trade, each BTC liquidation: every event by itself."""
  if draft.word(mark) not in ("every", "each"):
    return
  following = draft.after(number, over=(FILLER, ASSET, PAIR))
  if following is None or following.slot != KIND:
    return
  if any(value == {"event_types": ["block"]} for _, value, _ in following.facts):
    _each_block(draft, mark, following)
  elif not _EVENTS.isdisjoint(following.value):
    mark.slot, mark.value = INTERVAL, Interval(0.0)


def _each_block(draft: Draft, mark: Mark, block: Mark) -> None:
  """Gas every block is gas as often as it changes; a price has no blocks."""
  others = {kind for other in draft.of(KIND) if other is not block for kind in other.value}
  if others and not others <= {"gas", "onchain"}:
    _refuse(mark, "Every block of which chain? Say a time, for example every 12 s")
    return
  mark.slot, mark.value = INTERVAL, Interval(0.0)
  if others:
    draft.ignore(block)


# Spans --------------------------------------------------------------------------------------------


def _span(draft: Draft, number: int, mark: Mark) -> None:
  seconds, flavour = mark.value
  if flavour == PAST:
    _past(draft, mark, seconds)
    return
  if flavour == NEXT:
    _limited(draft, mark, seconds)
    return
  following = draft.after(number, over=(FILLER,))
  previous = draft.before(number, over=(FILLER, OF))
  if following is not None and following.slot == KIND and "ohlc" in following.value:
    _filtered(mark, {"bar_sec": whole(seconds)})
    return
  if previous is not None and previous.slot == KIND and "ohlc" in previous.value:
    _filtered(mark, {"bar_sec": whole(seconds)})
    return
  windowed = data.WINDOWED | ({"price"} if flavour == ROLLING else set())
  for beside in (following, previous):
    if beside is None or beside.slot != KIND or windowed.isdisjoint(beside.value):
      continue
    if (
      beside is previous and "vwap" not in beside.value and not _leads(draft, number, "over", "in")
    ):
      continue
    _filtered(mark, {"window_sec": whole(seconds)})
    return
  if flavour == ROLLING:
    _refuse(mark, f"Rolling {spoken(seconds)} of what: VWAP, volume?")
  elif _leads(draft, number, "for"):
    _limited(draft, mark, seconds)
  elif _leads(draft, number, "in", "after", "within", "until"):
    _refuse(mark, f"What is to happen in {spoken(seconds)}? A stream starts at once.")
  else:
    mark.slot, mark.value = INTERVAL, Interval(seconds if seconds > 0 else None)
    if seconds <= 0:
      mark.value = Interval(None, "An interval must be above 0", invalid=True)


def _limited(draft: Draft, mark: Mark, seconds: float) -> None:
  """For 10 minutes: how long, which the stream itself does not know."""
  _filtered(mark, {"for_sec": whole(seconds)})
  draft.warn(
    f"a stream has no end of its own: stop it after {spoken(seconds)}, or run it with --duration"
  )


def _past(draft: Draft, mark: Mark, seconds: float) -> None:
  """The last 5 minutes: the beginning of a replay, the window of a figure, or history."""
  if draft.of(REPLAY):
    _filtered(mark, {"replay_sec": whole(seconds)})
  elif not data.WINDOWED.isdisjoint(draft.kinds()) or any(
    m.value == "move" and "window_sec" not in m.facts[0][1] for m in draft.of(FILTER)
  ):
    _filtered(mark, {"window_sec": whole(seconds)})
  else:
    mark.slot, mark.value = REFUSED, (draft.written(mark), "history")


def _of_bars(draft: Draft, number: int, mark: Mark) -> None:
  """Hourly candles have a length, hourly volume has a window and an interval."""
  interval: Interval = mark.value
  following = draft.after(number, over=(FILLER, ASSET, PAIR))
  if interval.seconds is None or following is None or following.slot != KIND:
    return
  named = draft.word(mark).endswith("ly") or draft.tokens[mark.last - 1].word in (
    "window",
    "windows",
  )
  if not named or interval.seconds <= 0:
    return
  direct = draft.after(number, over=(FILLER,)) is following
  if direct and "ohlc" in following.value:
    _filtered(mark, {"bar_sec": whole(interval.seconds)})
  elif not data.WINDOWED.isdisjoint(following.value):
    mark.facts.append(("filter", {"window_sec": whole(interval.seconds)}, EXACT))


def _leads(draft: Draft, number: int, *words: str) -> bool:
  """Whether one of the words stands right before a mark, or before a "the"."""
  tokens, first = draft.tokens, draft.marks[number].first
  at = first - 1
  if at >= 0 and tokens[at].word == "the":
    at -= 1
  return at >= 0 and tokens[at].word in words


def _filtered(mark: Mark, filters: dict[str, Any], how: str = EXACT) -> None:
  mark.slot, mark.value = FILTER, next(iter(filters))
  mark.facts.append(("filter", filters, how))


def _refuse(mark: Mark, question: str) -> None:
  mark.slot, mark.value, mark.facts = REFUSED, (question, "ask"), []


# Bounds -------------------------------------------------------------------------------------------


def _bound(draft: Draft, number: int, mark: Mark) -> None:
  bound: Bound = mark.value
  near = _nearest_kind(draft, number)
  if near is None and any(m.value in ("side", "position") for m in draft.of(FILTER)):
    near = {"trades"}
  if bound.side is None:
    following = draft.after(number, over=(FILLER, ASSET, PAIR, MARKET, FILTER))
    if following is not None and following.slot == KIND and data.SIZED & {*following.value}:
      # $100k trades are trades of at least that much.
      bound = Bound("min", bound.value, bound.unit, bound.high, bound.rounded)
    elif bound.unit in ASSETS and bound.unit not in MONEY and not bound.rounded:
      # One BTC is BTC.
      mark.slot, mark.value, mark.how = ASSET, bound.unit, ALIAS
      return
    else:
      draft.give_up(mark)
      return
  if near is None or "price" in near:
    _bound_of_price(draft, mark, bound)
  elif near & data.SIZED:
    _bound_of_size(draft, number, mark, bound, _sized_run(draft, number, near))
  elif "funding" in near:
    percent = bound.unit == "%"
    rate = Bound(bound.side, round(bound.value / 100, 12), None) if percent else bound
    _bounded(mark, rate, "rate", Bounded(("funding",)))
  else:
    label = data.KINDS[min(near)].label if near <= set(data.KINDS) else min(near)
    _refuse(mark, f"{draft.written(mark)!r}: a bound on {label} is not offered; leave it out?")


def _nearest_kind(draft: Draft, number: int) -> set[str] | None:
  """The kinds that a bound belongs to: the nearest before it, else the nearest behind it, rather
  such whose events have a size or a price."""
  bounded = data.SIZED | {"price", "funding"}
  before = [m for m in draft.marks[:number] if m.slot == KIND and not m.left_out]
  behind = [m for m in draft.marks[number + 1 :] if m.slot == KIND and not m.left_out]
  listed = [{*mark.value} for mark in (*reversed(before), *behind)]
  fitting = [kinds for kinds in listed if kinds & bounded]
  return next(iter(fitting or listed), None)


def _sized_run(draft: Draft, number: int, near: set[str]) -> Bounded:
  """The kinds with sizes that stand together before a bound (liquidations and trades above $100k),
  else those that are nearest."""
  found: list[Mark] = []
  for mark in reversed(draft.marks[:number]):
    if mark.slot == KIND and not mark.left_out:
      found += [mark] if data.SIZED & {*mark.value} else []
    elif found and mark.slot not in (JOIN, FILLER, OF):
      break
  kinds = dict.fromkeys(kind for mark in found for kind in mark.value if kind in data.SIZED)
  places = frozenset(mark.first for mark in found)
  return Bounded(tuple(kinds), places) if kinds else Bounded((*near & data.SIZED,))


def _bound_of_price(draft: Draft, mark: Mark, bound: Bound) -> None:
  if bound.unit == "%":
    _refuse(mark, f"{draft.written(mark)} of what, and within what time?")
  elif bound.unit is not None and bound.unit not in MONEY:
    _refuse(mark, f"A price is in a currency: what does {draft.written(mark)!r} mean?")
  else:
    _bounded(mark, bound, "price", Bounded(("price",)))


def _bound_of_size(draft: Draft, number: int, mark: Mark, bound: Bound, owner: Bounded) -> None:
  onchain = "onchain" in owner.kinds
  unit = bound.unit
  if unit == "%":
    _refuse(mark, f"{draft.written(mark)} of what?")
  elif unit is None and onchain:
    before = [m for m in draft.marks[:number] if m.slot in (ASSET, PAIR) and not m.left_out]
    symbols = [m.value for m in before[-1:] if m.slot == ASSET] or _symbols_near(draft)
    if before or len(symbols) == 1:
      _bounded(mark, bound, "amount", owner, unit=symbols[0])
    else:
      _refuse(mark, f"{draft.written(mark)!r} of which asset?")
  elif unit is None:
    if bound.rounded or bound.value >= 1000:
      _bounded(mark, bound, "notional_usd", owner, how=ASSUMED)
      draft.warn(f"{draft.written(mark)!r} is taken for US dollars")
    else:
      _refuse(mark, f"{draft.written(mark)!r}: of the asset, or in dollars?")
  elif bound.in_dollars:
    transferred = onchain and unit != "USD" and unit in _symbols_near(draft)
    if transferred:
      _bounded(mark, bound, "amount", owner, unit=unit)
    else:
      _bounded(mark, bound, "notional_usd", owner)
  elif unit in MONEY:
    _bounded(mark, bound, "notional", owner, unit=unit)
  elif bound.rounded and unit in ("BTC", "ETH") and bound.value >= 10_000:
    _refuse(mark, f"{draft.written(mark)!r}: so many {unit}, or dollars?")
    mark.facts.append(("symbol", unit, ALIAS))
  else:
    if unit not in _symbols_near(draft) and not _symbols_near(draft):
      mark.facts.append(("symbol", unit, ALIAS))
    _bounded(mark, bound, "amount", owner, unit=unit)


def _symbols_near(draft: Draft) -> list[str]:
  named = [mark.value for mark in draft.of(ASSET)]
  named += [pair.base for m in draft.of(PAIR) for pair in [m.value] if not isinstance(pair, list)]
  named += [value for m in draft.of(FILTER) for slot, value, _ in m.facts if slot == "symbol"]
  return list(dict.fromkeys(named))


def _bounded(
  mark: Mark,
  bound: Bound,
  name: str,
  owner: Bounded,
  *,
  unit: str | None = None,
  how: str = EXACT,
) -> None:
  """Filters min_… and max_… of kinds; of amounts in a unit the value says it."""

  def amount(number: float) -> Any:
    return whole(number) if unit is None else {"value": whole(number), "unit": unit}

  first = "max" if bound.side == "max" else "min"
  facts: list[Fact] = [("filter", {f"{first}_{name}": amount(bound.value)}, how)]
  if bound.high is not None:
    facts.append(("filter", {f"max_{name}": amount(bound.high)}, how))
  mark.facts += facts
  mark.slot, mark.value = FILTER, owner


def _sizes(draft: Draft) -> None:
  """Whale trades and large transfers need a size; beside one they say nothing more."""
  said = any(
    key.startswith(("min_", "max_"))
    for mark in draft.of(FILTER)
    for slot, value, _ in mark.facts
    if slot == "filter"
    for key in value
  )
  sized = not data.SIZED.isdisjoint(draft.kinds())
  for mark in draft.of(FILTER):
    if mark.value != "size":
      continue
    if said or not (sized or draft.word(mark) in ("whale", "whales")):
      draft.ignore(mark)
    else:
      least = "at most" if draft.word(mark) in beyond.SMALL else "at least"
      _refuse(mark, f"How large is {draft.word(mark)!r}? Say for example: {least} $100k.")
