"""What a request leaves out, and what that leaves: not longs is shorts, nothing under $50k is from
$50k on."""

from collections.abc import Sequence
from dataclasses import replace

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.quantities.amounts import Bound, Side
from bond_english.quantities.numbers import number_at
from bond_english.text.chunks import (
  ASSET,
  AUTHOR,
  BOUND,
  CONJUNCTION,
  CORRECTION,
  EXACT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  MARKET_TYPE,
  NEGATION,
  PAIR,
  PLAIN,
  PREPOSITION,
  QUERY,
  QUOTE,
  UNKNOWN,
  VENUE,
  Chunk,
)
from bond_english.words import data

_COMPLEMENTS = {
  "buy": "sell",
  "sell": "buy",
  "long": "short",
  "short": "long",
  "in": "out",
  "out": "in",
}
_TWO_SIDED = frozenset(("side", "position", "direction"))
_ADDED = frozenset(("lang", "address"))
"""Filters that sources can add and not leave out."""
_CORRECTABLE = frozenset((INTERVAL, QUOTE, KIND, ASSET, PAIR, MARKET_TYPE, VENUE, BOUND))
"""Roles of what "no wait" takes back."""
_OTHER_MARKET = {"perp": "spot", "spot": "perp"}
_NAMED = frozenset((KIND, ASSET, PAIR, MARKET_TYPE, VENUE))
_COMPARATIVES = frozenset(
  ("smaller", "less", "lower", "below", "bigger", "larger", "greater", "else")
)
_NOUNS = frozenset(("ones", "one", "those", "anything", "any", "everything", "stuff", "that"))


def complete_negations(request: Request, findings: Findings) -> None:
  """Turns what is left out into its complement where it has one; the rest stays left out."""
  for index, chunk in request.indexed(NEGATION):
    if _repeats_bound(request, index) or not _leaves_out(request, index):
      _negates_what_precedes(request, index)
      chunk.make_filler()
    else:
      _inverts_bound(request, index)
  _take_back(request)
  for chunk in request.chunks:
    if chunk.left_out:
      _complement(request, findings, chunk)
  _correct(request, findings)


def _take_back(request: Request) -> None:
  """Leaves out what was named before: news and tweets, drop the news. What "no ETH trades" leaves
  out is less than either word."""
  for index, chunk in enumerate(request.chunks):
    beside = request.chunks[max(0, index - 1) : index + 2]
    alone = sum(other.left_out and other.role in _NAMED for other in beside) == 1
    side = chunk.role == FILTER and chunk.value in ("side", "position")
    if not chunk.left_out or not (side or (chunk.role in _NAMED and alone)):
      continue
    for other in request.chunks[:index]:
      same = (other.role, other.value) == (chunk.role, chunk.value)
      if same and (not side or other.facts == chunk.facts):
        other.left_out = other.told = True


def _leaves_out(request: Request, index: int) -> bool:
  """Whether something is left out by a negation; one of nothing says nothing."""
  for chunk in request.chunks[index + 1 :]:
    if chunk.left_out:
      return True
    if chunk.role not in (FILLER, PREPOSITION, NEGATION, PLAIN):
      return chunk.role == BOUND
  return False


def _negates_what_precedes(request: Request, index: int) -> None:
  """Perps no, spot yes."""
  ends = index + 1 == len(request.chunks) or request.chunks[index + 1].role == CONJUNCTION
  if ends and index and request.chunks[index - 1].role in _CORRECTABLE:
    request.chunks[index - 1].left_out = True


def _repeats_bound(request: Request, index: int) -> bool:
  """Whether a negation repeats the bound before it: over $1m, skip anything smaller. The
  comparative is then filler, too."""
  if not any(chunk.role == BOUND for chunk in request.chunks[:index]):
    return False
  for chunk in request.chunks[index + 1 :]:
    if chunk.role == UNKNOWN and request.first_word(chunk) in _COMPARATIVES:
      chunk.make_filler()
      chunk.left_out = False
      return True
    if chunk.role not in (FILLER, PREPOSITION, PLAIN):
      return False
  return False


def _inverts_bound(request: Request, index: int) -> None:
  """Inverts the bound that a negation is of: ignore anything under $50k, no trades over $5m,
  without the small ones (< $1000)."""
  between: list[Chunk] = []
  for chunk in request.chunks[index + 1 :]:
    if request.first_word(chunk) == ":" and between:
      return
    if chunk.role == BOUND:
      bound: Bound = chunk.value
      if bound.side is None or bound.high is not None:
        return
      side: Side = "min" if bound.side == "max" else "max"
      chunk.value = Bound(side, bound.value, bound.unit, None, bound.with_multiple)
      chunk.left_out = False
      for other in between:
        other.left_out = False
        noun = other.role == UNKNOWN and request.first_word(other) in _NOUNS
        if noun or (other.role == FILTER and other.value == "size"):
          other.make_filler()
      return
    sized = chunk.role == KIND and not data.SIZED.isdisjoint(chunk.value)
    size = chunk.role == FILTER and chunk.value == "size"
    noun = request.first_word(chunk) in _NOUNS
    plain = chunk.role in (FILLER, PREPOSITION, ASSET, PAIR, MARKET_TYPE, PLAIN)
    # No dust under $1k: the bound holds, and the word is asked about.
    unknown = chunk.role == UNKNOWN and chunk.left_out
    if not (sized or size or noun or plain or unknown):
      return
    between.append(chunk)


def _complement(request: Request, findings: Findings, chunk: Chunk) -> None:
  """Gives what is left out its complement: sells for not buys, shorts for not longs."""
  if chunk.role == FILTER and chunk.value in _TWO_SIDED and chunk.facts:
    written = request.text_of(chunk)
    other = _COMPLEMENTS[chunk.facts[0][1][chunk.value]]
    chunk.facts = [("filter", {chunk.value: other}, chunk.how)]
    chunk.left_out = False
    only = {"in": "incoming", "out": "outgoing"}.get(other, f"{other}s")
    findings.note(f"without {written}: {only} only")
  elif chunk.role == INTERVAL:
    chunk.left_out = False
    if sum(1 for _ in request.indexed(INTERVAL)) == 1:
      chunk.refuse("How often then, for example every 5 s?")
  elif chunk.role == BOUND:
    chunk.left_out = False
    chunk.refuse(f"{request.text_of(chunk)!r} of what: is that left out, or asked for?")
  elif chunk.role == AUTHOR and "tweets" in request.kinds():
    # A search on X can leave out an account.
    return
  elif chunk.role in (AUTHOR, QUERY) or (chunk.role == FILTER and chunk.value in _ADDED):
    chunk.left_out = False
    chunk.refuse(f"{request.text_of(chunk)!r} can be asked for and not left out; everything, then?")
  elif chunk.role == MARKET_TYPE:
    chunk.told = True
    findings.note(f"without {request.text_of(chunk)}")
    opposite = _OTHER_MARKET.get(chunk.value)
    if opposite is not None and all(market.left_out for market in request.having(MARKET_TYPE)):
      # On a venue of perpetuals alone, too.
      chunk.value, chunk.left_out = opposite, False
      chunk.facts = [("filter", {"market": opposite}, chunk.how)]
  else:
    chunk.told = True


def _correct(request: Request, findings: Findings) -> None:
  """After "no wait" the later of two values holds, in the place of the other: a number is of what
  the number before was of."""
  for index, _ in request.indexed(CORRECTION):
    earlier = [c for c in request.chunks[:index] if not c.left_out and _slot(c)]
    later = [c for c in request.chunks[index:] if not c.left_out]
    for chunk in later:
      _complete_correction(request, earlier, chunk)
    taken = {_slot(chunk): chunk for chunk in reversed(later)}
    for other in earlier:
      if (new := taken.get(_slot(other))) is not None:
        other.left_out = other.told = True
        new.clause = other.clause
        findings.warn(f"{request.text_of(other)!r} is taken back")


def _slot(chunk: Chunk) -> str:
  """What a chunk says, of which a request has one after a correction; empty for the others."""
  if chunk.role == FILTER and chunk.value in ("depth", "side", "position"):
    return str(chunk.value)
  if chunk.role in (ASSET, PAIR):
    return ASSET
  return chunk.role if chunk.role in _CORRECTABLE else ""


def _complete_correction(request: Request, earlier: Sequence[Chunk], chunk: Chunk) -> None:
  """Make it 100k, actually 50: a bound or a depth as the one before."""
  number = number_at(request.tokens, chunk.first) if chunk.role == UNKNOWN else None
  bounds = [other.value for other in earlier if other.role == BOUND]
  if chunk.role == BOUND and chunk.value.side is None and bounds:
    chunk.value = replace(chunk.value, side=bounds[-1].side)
  elif number is not None and any(_slot(other) == "depth" for other in earlier):
    chunk.role, chunk.value = FILTER, "depth"
    chunk.facts = [("filter", {"depth": int(number[0])}, EXACT)]
  elif number is not None and bounds:
    chunk.role, chunk.value = BOUND, replace(bounds[-1], value=number[0], high=None)
