"""What an amount belongs to: a size, a price, a rate."""

from dataclasses import dataclass
from typing import Any

from bond_english.amounts import Bound
from bond_english.draft import Draft
from bond_english.marks import (
  ALIAS,
  ASSET,
  ASSUMED,
  BOUND,
  EXACT,
  FILLER,
  FILTER,
  JOIN,
  KIND,
  MARKET,
  OF,
  PAIR,
  Fact,
  Mark,
)
from bond_english.numbers import whole
from bond_english.words import beyond, data
from bond_english.words.assets import ASSETS, MONEY


@dataclass(frozen=True, slots=True)
class Bounded:
  """The value of a mark whose filters are bounds on events of these kinds; where such a kind is
  named in several places, of those at `marks` (by their first token)."""

  kinds: tuple[str, ...]
  marks: frozenset[int] = frozenset()


def settle_bounds(draft: Draft) -> None:
  """Gives every bound its meaning."""
  for number, mark in draft.numbered(BOUND):
    _bound(draft, number, mark)
  _sizes(draft)


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
    mark.refuse(f"{draft.written(mark)!r}: a bound on {label} is not offered; leave it out?")


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
    mark.refuse(f"{draft.written(mark)} of what, and within what time?")
  elif bound.unit is not None and bound.unit not in MONEY:
    mark.refuse(f"A price is in a currency: what does {draft.written(mark)!r} mean?")
  else:
    _bounded(mark, bound, "price", Bounded(("price",)))


def _bound_of_size(draft: Draft, number: int, mark: Mark, bound: Bound, owner: Bounded) -> None:
  onchain = "onchain" in owner.kinds
  unit = bound.unit
  if unit == "%":
    mark.refuse(f"{draft.written(mark)} of what?")
  elif unit is None and onchain:
    before = [m for m in draft.marks[:number] if m.slot in (ASSET, PAIR) and not m.left_out]
    symbols = [m.value for m in before[-1:] if m.slot == ASSET] or _symbols_near(draft)
    if before or len(symbols) == 1:
      _bounded(mark, bound, "amount", owner, unit=symbols[0])
    else:
      mark.refuse(f"{draft.written(mark)!r} of which asset?")
  elif unit is None:
    if bound.rounded or bound.value >= 1000:
      _bounded(mark, bound, "notional_usd", owner, how=ASSUMED)
      draft.warn(f"{draft.written(mark)!r} is taken for US dollars")
    else:
      mark.refuse(f"{draft.written(mark)!r}: of the asset, or in dollars?")
  elif bound.in_dollars:
    transferred = onchain and unit != "USD" and unit in _symbols_near(draft)
    if transferred:
      _bounded(mark, bound, "amount", owner, unit=unit)
    else:
      _bounded(mark, bound, "notional_usd", owner)
  elif unit in MONEY:
    _bounded(mark, bound, "notional", owner, unit=unit)
  elif bound.rounded and unit in ("BTC", "ETH") and bound.value >= 10_000:
    mark.refuse(f"{draft.written(mark)!r}: so many {unit}, or dollars?")
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
      mark.refuse(f"How large is {draft.word(mark)!r}? Say for example: {least} $100k.")
