"""What each bound is on: a size, a worth, a price, or a funding rate."""

from dataclasses import dataclass
from typing import Any

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.amounts import Bound
from bond_english.quantities.numbers import integral
from bond_english.text.chunks import (
  ALIAS,
  ASSET,
  ASSUMED,
  BOUND,
  CONJUNCTION,
  EXACT,
  FILLER,
  FILTER,
  KIND,
  MARKET_TYPE,
  PAIR,
  PREPOSITION,
  Chunk,
  Fact,
  How,
)
from bond_english.words import data, unsupported
from bond_english.words.assets import ASSETS, MONEY


@dataclass(frozen=True, slots=True)
class BoundKinds:
  """The value of a filter chunk that bounds events: the kinds of data that it bounds.

  `positions` are those of the chunks that name these kinds (their first tokens), where the bound
  stands beside them; none where it is on every chunk of a kind.
  """

  kinds: tuple[str, ...]
  positions: frozenset[int] = frozenset()


def resolve_bounds(request: Request, findings: Findings) -> None:
  """Makes every bound a filter on kinds of data, an asset ("one BTC"), or a question."""
  for index, chunk in request.indexed(BOUND):
    _bound(request, findings, index, chunk)
  _vague_sizes(request)


def _bound(request: Request, findings: Findings, index: int, chunk: Chunk) -> None:
  bound: Bound = chunk.value
  kinds = _nearest_kinds(request, index)
  if kinds is None and any(c.value in ("side", "position") for c in request.having(FILTER)):
    kinds = {"trades"}
  if bound.side is None:
    following = request.following(index, skip=(FILLER, ASSET, PAIR, MARKET_TYPE, FILTER))
    if following is not None and following.role == KIND and data.SIZED & {*following.value}:
      # $100k trades are trades of at least that much.
      bound = Bound("min", bound.value, bound.unit, bound.high, bound.with_multiple)
    elif bound.unit in ASSETS and bound.unit not in MONEY and not bound.with_multiple:
      # The price of one BTC.
      chunk.role, chunk.value, chunk.how = ASSET, bound.unit, ALIAS
      return
    else:
      chunk.make_unknown()
      return
  if kinds is None or "price" in kinds:
    _bound_on_price(request, chunk, bound)
  elif kinds & data.SIZED:
    _bound_on_size(request, findings, index, chunk, bound, _sized_kinds(request, index, kinds))
  elif "funding" in kinds:
    percent = bound.unit == "%"
    rate = Bound(bound.side, round(bound.value / 100, 12), None) if percent else bound
    _make_filter(chunk, rate, "rate", BoundKinds(("funding",)))
  else:
    label = data.KINDS[min(kinds)].label if kinds <= set(data.KINDS) else min(kinds)
    chunk.refuse(f"{request.text_of(chunk)!r}: a bound on {label} is not offered; leave it out?")


def _nearest_kinds(request: Request, index: int) -> set[str] | None:
  """The kinds of the nearest chunk before a bound, else after it; those whose events have a size, a
  price or a rate come first. None where no chunk names a kind."""
  bounded = data.SIZED | {"price", "funding"}
  before = [c for c in request.chunks[:index] if c.role == KIND and not c.left_out]
  after = [c for c in request.chunks[index + 1 :] if c.role == KIND and not c.left_out]
  nearest = [{*chunk.value} for chunk in (*reversed(before), *after)]
  fitting = [kinds for kinds in nearest if kinds & bounded]
  return next(iter(fitting or nearest), None)


def _sized_kinds(request: Request, index: int, nearest: set[str]) -> BoundKinds:
  """The kinds with sizes in the list before a bound (liquidations and trades above $100k), else the
  nearest ones."""
  found: list[Chunk] = []
  for chunk in reversed(request.chunks[:index]):
    if chunk.role == KIND and not chunk.left_out:
      found += [chunk] if data.SIZED & {*chunk.value} else []
    elif found and chunk.role not in (CONJUNCTION, FILLER, PREPOSITION):
      break
  kinds = dict.fromkeys(kind for chunk in found for kind in chunk.value if kind in data.SIZED)
  positions = frozenset(chunk.first for chunk in found)
  return BoundKinds(tuple(kinds) or (*sorted(nearest & data.SIZED),), positions)


def _bound_on_price(request: Request, chunk: Chunk, bound: Bound) -> None:
  if bound.unit == "%":
    chunk.refuse(f"{request.text_of(chunk)} of what, and within what time?")
  elif bound.unit is not None and bound.unit not in MONEY:
    chunk.refuse(f"A price is in a currency: what does {request.text_of(chunk)!r} mean?")
  else:
    _make_filter(chunk, bound, "price", BoundKinds(("price",)))


def _bound_on_size(
  request: Request,
  findings: Findings,
  index: int,
  chunk: Chunk,
  bound: Bound,
  kinds: BoundKinds,
) -> None:
  """A bound on the amount of an asset, or on the worth in dollars or another currency."""
  onchain = "onchain" in kinds.kinds
  written = request.text_of(chunk)
  unit = bound.unit
  if unit == "%":
    chunk.refuse(f"{written} of what?")
  elif unit is None and onchain:
    before = [c for c in request.chunks[:index] if c.role in (ASSET, PAIR) and not c.left_out]
    symbols = [c.value for c in before[-1:] if c.role == ASSET] or _symbols(request)
    if before or len(symbols) == 1:
      _make_filter(chunk, bound, "amount", kinds, unit=symbols[0])
    else:
      chunk.refuse(f"{written!r} of which asset?")
  elif unit is None:
    if bound.with_multiple or bound.value >= 1000:
      _make_filter(chunk, bound, "notional_usd", kinds, how=ASSUMED)
      findings.warn(f"{written!r} is taken for US dollars")
    else:
      chunk.refuse(f"{written!r}: of the asset, or in dollars?")
  elif bound.in_dollars:
    transferred = onchain and unit != "USD" and unit in _symbols(request)
    if transferred:
      _make_filter(chunk, bound, "amount", kinds, unit=unit)
    else:
      _make_filter(chunk, bound, "notional_usd", kinds)
  elif unit in MONEY:
    _make_filter(chunk, bound, "notional", kinds, unit=unit)
  elif bound.with_multiple and unit in ("BTC", "ETH") and bound.value >= 10_000:
    chunk.refuse(f"{written!r}: an amount of {unit}, or of dollars?")
    chunk.facts.append(("symbol", unit, ALIAS))
  else:
    if not _symbols(request):
      chunk.facts.append(("symbol", unit, ALIAS))
    _make_filter(chunk, bound, "amount", kinds, unit=unit)


def _symbols(request: Request) -> list[str]:
  """The assets that the request names, pairs by their base."""
  named = [chunk.value for chunk in request.having(ASSET)]
  pairs = [chunk.value for chunk in request.having(PAIR)]
  named += [pair.base for pair in pairs if not isinstance(pair, list)]
  facts = [fact for chunk in request.having(FILTER) for fact in chunk.facts]
  named += [value for slot, value, _ in facts if slot == "symbol"]
  return list(dict.fromkeys(named))


def _make_filter(
  chunk: Chunk,
  bound: Bound,
  name: str,
  kinds: BoundKinds,
  *,
  unit: str | None = None,
  how: How = EXACT,
) -> None:
  """Adds the filters min_… and max_…; an amount in a unit is {"value": …, "unit": …}."""

  def amount(number: float) -> Any:
    return integral(number) if unit is None else {"value": integral(number), "unit": unit}

  side = "max" if bound.side == "max" else "min"
  facts: list[Fact] = [("filter", {f"{side}_{name}": amount(bound.value)}, how)]
  if bound.high is not None:
    facts.append(("filter", {f"max_{name}": amount(bound.high)}, how))
  chunk.facts += facts
  chunk.role, chunk.value = FILTER, kinds


def _vague_sizes(request: Request) -> None:
  """Whale trades and large transfers need a size; beside a bound they say nothing more."""
  bounded = any(
    name.startswith(("min_", "max_"))
    for chunk in request.having(FILTER)
    for slot, value, _ in chunk.facts
    if slot == "filter"
    for name in value
  )
  sized = not data.SIZED.isdisjoint(request.kinds())
  for chunk in request.having(FILTER):
    if chunk.value != "size":
      continue
    word = request.first_word(chunk)
    if bounded or not (sized or word in ("whale", "whales")):
      chunk.make_filler()
    else:
      comparison = "at most" if word in unsupported.SMALL else "at least"
      chunk.refuse(f"How large is {word!r}? Say for example: {comparison} $100k.")
