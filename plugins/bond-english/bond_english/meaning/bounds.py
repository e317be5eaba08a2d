"""What each bound is on: a size, a worth, a price, or a funding rate."""

from typing import Any

from bond_english.meaning.findings import Findings
from bond_english.meaning.kinds import is_on_chain
from bond_english.meaning.request import Scope
from bond_english.quantities.amounts import OF_EACH, Bound, Side
from bond_english.quantities.depths import MAX_LEVELS
from bond_english.quantities.numbers import integral
from bond_english.text.chunks import (
  ALIAS,
  ASSET,
  ASSUMED,
  BOUND,
  EXACT,
  FILLER,
  FILTER,
  KIND,
  MARKET_TYPE,
  PAIR,
  UNKNOWN,
  Chunk,
  Fact,
  How,
)
from bond_english.text.tokens import NUMBER
from bond_english.words import data, unsupported
from bond_english.words.assets import ASSETS, MONEY

_AMOUNTLESS = ({"event_types": ["tx"]}, {"event_types": ["mempool"]})
"""Events that say that something moves, and not how much."""
_WORTHS = frozenset(("notional", "value", "worth"))
_CERTAINLY_MONEY = 100_000
_SIZES = frozenset(("size", "sizes", "amount", "amounts", "qty", "quantity"))
"""Words for an amount of the asset itself."""


def resolve_bounds(request: Scope, findings: Findings) -> None:
  """Makes every bound a filter on kinds of data, an asset ("one BTC"), or a question. The value of
  such a filter is the kinds."""
  for chunk in request.having(FILTER):
    if chunk.value == "move" and request.kinds() == {"funding"}:
      # A rate that rises over 0.03%.
      move = chunk.facts[0][1]
      side: Side = "max" if move.get("direction") == "down" else "min"
      chunk.role, chunk.value, chunk.facts = BOUND, Bound(side, move["min_move_pct"], "%"), []
  for index, chunk in request.indexed(UNKNOWN):
    _levels(request, index, chunk)
  for index, chunk in request.indexed(BOUND):
    _bound(request, findings, index, chunk)
  _vague_sizes(request)


def _levels(request: Scope, index: int, chunk: Chunk) -> None:
  """A bare number after a book is its depth: watchOrderBook('SOL/USDT', 20)."""
  token = request.tokens[chunk.first]
  named = any("depth" in value for c in request.having(FILTER) for _, value, _ in c.facts if value)
  book = any(other.value == ("orderbook",) for other in request.chunks[:index])
  bare = book and not named and request.kinds() == {"orderbook"}
  number = int(token.text) if token.kind == NUMBER and token.text.isdecimal() else 0
  if bare and 0 < number <= MAX_LEVELS:
    chunk.role, chunk.value = FILTER, "depth"
    chunk.facts = [("filter", {"depth": number}, EXACT)]


def _bound(request: Scope, findings: Findings, index: int, chunk: Chunk) -> None:
  bound: Bound = chunk.value
  kinds = _nearest_kinds(request, index)
  if kinds is None and any(c.value in ("side", "position") for c in request.having(FILTER)):
    kinds = {"trades"}
  named = any(chunk.value == "address" for chunk in request.having(FILTER))
  if kinds is None and is_on_chain(request) and (named or bound.unit or bound.with_multiple):
    kinds = {"onchain"}
  if bound.side is None:
    following = request.following(index, skip=(FILLER, ASSET, PAIR, MARKET_TYPE, FILTER))
    if following is not None and following.role == KIND and data.SIZED & {*following.value}:
      # $100k trades are trades of at least that much.
      bound = Bound("min", bound.value, bound.unit, bound.high, bound.with_multiple)
    elif bound.unit in ASSETS and bound.unit not in MONEY and not bound.with_multiple:
      if bound.value == 1:
        # The price of one BTC.
        chunk.role, chunk.value, chunk.how = ASSET, bound.unit, ALIAS
      else:
        _ask_what_number_is(request, index, chunk, bound.unit)
      return
    else:
      chunk.make_unknown()
      return
  if kinds is None or "price" in kinds or bound.of_price:
    _bound_on_price(request, chunk, bound, kinds)
  elif kinds & data.SIZED:
    _bound_on_size(request, findings, index, chunk, bound, kinds & data.SIZED)
  elif "funding" in kinds:
    percent = bound.unit == "%"
    rate = Bound(bound.side, round(bound.value / 100, 12), None) if percent else bound
    _make_filter(chunk, rate, "rate", ("funding",))
  else:
    label = data.KINDS[min(kinds)].label if kinds <= set(data.KINDS) else min(kinds)
    chunk.refuse(
      f"{request.text_of(chunk)!r}: a bound on {label} is not offered; leave it out?", instead=[""]
    )


def _ask_what_number_is(request: Scope, index: int, chunk: Chunk, asset: str) -> None:
  """10 BTC and ETH trades: those of at least that size, or the number says nothing."""
  written, instead = request.text_of(chunk), [asset]
  named = next((c for c in request.chunks[index:] if c.role == KIND), None)
  if named is not None and data.SIZED & {*named.value}:
    instead.insert(0, f"{asset} {request.text_of(named)} over {written}")
  chunk.refuse(f"{written!r}: at least so much, or just {asset}?", instead=instead)
  chunk.facts.append(("symbol", asset, ALIAS))


def _nearest_kinds(request: Scope, index: int) -> set[str] | None:
  """The kinds of the nearest chunk before a bound, else after it; those whose events have a size, a
  price or a rate come first. None where no chunk names a kind."""
  bounded = data.SIZED | {"price", "funding"}
  before = [c for c in request.chunks[:index] if c.role == KIND and not c.left_out]
  after = [c for c in request.chunks[index + 1 :] if c.role == KIND and not c.left_out]
  nearest = [{*chunk.value} for chunk in (*reversed(before), *after)]
  if not nearest and request.inherited:
    nearest = [set(request.inherited)]
  fitting = [kinds for kinds in nearest if kinds & bounded]
  first = next(iter(fitting or nearest), None)
  sized = {kind for kinds in nearest for kind in kinds if kind in data.SIZED}
  # Liquidations and trades above $100k: both.
  return first | sized if first is not None and first & data.SIZED else first


def _bound_on_price(request: Scope, chunk: Chunk, bound: Bound, kinds: set[str] | None) -> None:
  if bound.unit == "%":
    chunk.refuse(f"{request.text_of(chunk)} of what, and within what time?")
  elif bound.unit is not None and bound.unit not in MONEY:
    chunk.refuse(f"A price is in a currency: what does {request.text_of(chunk)!r} mean?")
  else:
    traded = (kinds or set()) & {"trades", "liquidations"} if bound.of_price else None
    _make_filter(chunk, bound, "price", tuple(sorted(traded or ("price",))))


def _bound_on_size(
  request: Scope,
  findings: Findings,
  index: int,
  chunk: Chunk,
  bound: Bound,
  sized: set[str],
) -> None:
  """A bound on the amount of an asset, or on the worth in dollars or another currency."""
  kinds = tuple(sorted(sized))
  onchain = "onchain" in sized
  for event in request.having(KIND) if onchain else ():
    if any(value in _AMOUNTLESS for _, value, _ in event.facts):
      # Of Bitcoin a transfer is a transaction that enters the mempool, with its amount.
      event.facts = [("filter", {"event_types": ["transfer"]}, ALIAS)]
  written = request.text_of(chunk)
  unit = bound.unit
  if unit == "%":
    chunk.refuse(f"{written} of what?")
  elif unit == OF_EACH or (unit is None and onchain):
    symbols = _symbols(request)
    if symbols:
      unit = symbols[0] if len(symbols) == 1 else OF_EACH
      _make_filter(chunk, bound, "amount", kinds, unit=unit)
    else:
      chunk.refuse(f"{written!r} of which asset?")
  elif unit is None:
    beside = {token.word for token in request.tokens[max(0, chunk.first - 1) : chunk.end]}
    symbols = _symbols(request)
    if beside & _SIZES and not bound.with_multiple and len(symbols) == 1:
      _make_filter(chunk, bound, "amount", kinds, unit=symbols[0])
    elif bound.with_multiple or beside & _WORTHS or bound.value >= _CERTAINLY_MONEY:
      _make_filter(chunk, bound, "notional_usd", kinds, how=ASSUMED)
      findings.warn(f"{written!r} is taken for US dollars")
    else:
      units = (*symbols, "usd") if len(symbols) == 1 else ("usd",)
      chunk.refuse(
        f"{written!r}: of the asset, or in dollars?", instead=[f"{written} {u}" for u in units]
      )
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


def _symbols(request: Scope) -> list[str]:
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
  kinds: tuple[str, ...],
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


def _vague_sizes(request: Scope) -> None:
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
