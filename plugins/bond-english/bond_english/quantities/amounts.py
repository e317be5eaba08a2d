"""Amounts and bounds: over $100k, at least 2.5 BTC, more than 1%, between 10k and 50k usd, 1m+."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from bond_english.quantities.durations import duration_at
from bond_english.quantities.numbers import LONG_MULTIPLES, MULTIPLES, number_at
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import Token
from bond_english.words import split_phrases, split_words
from bond_english.words.assets import ENGLISH_TICKERS, STABLE
from bond_english.words.lexicon import ASSET_NAMES, CURRENCY_NAMES

Side: TypeAlias = Literal["min", "max"]

OF_EACH: Final = "each"
"""The unit of an amount of whichever asset: JUP and BONK transfers over 1000."""

CURRENCY_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW", "₿": "BTC"}

_MORE = (
  *split_words("more greater larger bigger higher wider longer heavier stronger faster dearer"),
  *split_phrases("more big; more large; more high; more expensive; more great"),
)
_LESS = (
  *split_words("less smaller lower fewer narrower tighter shorter lighter cheaper"),
  *split_phrases("more small; more low; more cheap; less expensive"),
)
_THAN = ("than", "as", "then")
_OVER = split_words("above over past beyond through")
_UNDER = split_words("below under beneath")
_MOVES = split_words(
  """
  is are goes go going gets get pumps pump dumps dump moves move breaks break crosses cross
  crossing closes close rises rise jumps jump climbs climb pops spikes spike falls fall drops drop
  dips dip slips slip sinks sink crashes crash slides slide tanks comes come turns turn stays stay
  worth size of
  """
)
"""What is said of the amount that a bound is on, with the words above."""
_MINIMUM = (
  *_OVER,
  *split_phrases("bigger of; larger of; greater of; superior to; major of"),
  *(f"{more} {than}" for more in _MORE for than in _THAN),
  *(f"{no} {less} {than}" for no in ("no", "not") for less in _LESS for than in _THAN),
  *(f"worth {more} than" for more in _MORE),
  *(f"{move} {over}" for move in _MOVES for over in _OVER),
  *split_phrases(
    """
    at least; minimum of; minimum; min; min size; exceeding; exceed; exceeds; in excess of; upwards
    of; north of; breaks; from; minimum size; min notional; minimum notional; min amount; min
    value; min size of; starting at; hits; hit; reaches; reach; crosses; cross; touches; touch;
    tops; surpasses; surpass; goes up to; rises to; climbs to; jumps to; size at least
    """
  ),
)
_MAXIMUM = (
  *_UNDER,
  *split_phrases("smaller of; lower of; inferior to; minor of"),
  *(f"{less} {than}" for less in _LESS for than in _THAN),
  *(f"{no} {more} {than}" for no in ("no", "not") for more in _MORE for than in _THAN),
  *(f"worth {less} than" for less in _LESS),
  *(f"{move} {under}" for move in _MOVES for under in _UNDER),
  *split_phrases(
    """
    at most; maximum of; maximum; max; up to; max size; max notional; max amount; max value;
    maximum size; maximum notional; south of; drops to; falls to; goes down to; dips to; sinks to;
    size at most
    """
  ),
)
_COMPARISONS: PhraseTable[Side] = PhraseTable(
  [*((phrase, "min") for phrase in _MINIMUM), *((phrase, "max") for phrase in _MAXIMUM)]
)
_SIGNS: dict[str, Side] = {">": "min", ">=": "min", "≥": "min", "<": "max", "<=": "max", "≤": "max"}
_SIGN_SIDES: dict[str, Side] = {"negative": "max", "positive": "min"}
_SUFFIXES: PhraseTable[Side] = PhraseTable(
  [
    *(
      (f"{join} {word}", "min")
      for join in ("or", "and")
      for word in split_words("more above larger bigger greater over up higher")
    ),
    *(
      (f"{join} {word}", "max")
      for join in ("or", "and")
      for word in split_words("less below smaller under lower")
    ),
  ]
)
_SIGNED: PhraseTable[Side] = PhraseTable(
  (f"{verb} {sign}".strip(), side)
  for verb in (
    "",
    "goes",
    "turns",
    "gets",
    "becomes",
    "is",
    "flips",
    "goes into",
    "are",
    "go",
    "turn",
  )
  for sign, side in _SIGN_SIDES.items()
)
"""Above or below nothing: funding that goes negative."""
_MEASURES = PhraseTable(
  [
    *((phrase, False) for phrase in split_phrases("value; notional; worth; notional value")),
    *(
      (phrase, True)
      for phrase in split_phrases(
        """
        priced; at a price; at prices; at price; with a price; with price; with prices; with a price
        of; whose price is; where price; where the price; where price is; where the price is
        """
      )
    ),
  ]
)
"""What is compared, and whether that is the price: usd value between, priced over."""
_OUTSIDE = PhraseTable(
  (f"{move} {phrase}".strip(), None)
  for move in ("", "is", "goes", "go", "moves", "breaks", "trades", "falls", "gets")
  for phrase in split_phrases(
    """
    outside; outside of; out of; leaves; leave; leaving; exits; exit; not between; breaks out of;
    leaves the range; outside the range; out of the range; leaves the range of; outside the range of
    """
  )
)
_PRICES = frozenset(split_words("cheap cheaper expensive dearer"))
_COINS = frozenset(split_words("coin coins token tokens units"))
# These compare only a clear amount: not from 2020, past 5 trades.
_WEAK_COMPARISONS = frozenset(("from", "past"))

WORDS = (
  _COMPARISONS.words
  | _SIGNED.words
  | _MEASURES.words - {"with", "a", "at", "of", "is", "the", "where", "whose"}
  | {"between", "percent", "pct", "more", "less"}
  | set(MULTIPLES)
)
CORRECTABLE = frozenset(
  ["above", "below", "greater", "larger", "bigger", "smaller", "million", "billion", "between"]
)


@dataclass(frozen=True, slots=True)
class Bound:
  """An amount as a bound: a minimum, a maximum, or with `side` None neither of them.

  `unit` is a ticker, a currency, %, OF_EACH or None where there is none. `high` is the upper end of
  a range; where it is below `value`, what is outside of both counts. `with_multiple` says that k or
  m was used, as people do for money, `of_price` that it is said to be on the price.
  """

  side: Side | None
  value: float
  unit: str | None
  high: float | None = None
  with_multiple: bool = False
  of_price: bool = False

  @property
  def in_dollars(self) -> bool:
    """Whether it is in dollars, or in a currency worth a dollar."""
    return self.unit in STABLE


@dataclass(frozen=True, slots=True)
class _Amount:
  value: float
  unit: str | None
  end: int
  with_multiple: bool
  more: bool


def bound_at(tokens: Sequence[Token], first: int) -> tuple[Bound, int] | None:
  """The bound that begins at `first`, and the index after it."""
  return _measured(tokens, first) or _bound_at(tokens, first)


def _measured(tokens: Sequence[Token], first: int) -> tuple[Bound, int] | None:
  """Usd value between $10k and $50k, notional over 50k, priced above 120000."""
  currency = CURRENCY_NAMES.longest_at(tokens, first)
  measure = _MEASURES.longest_at(tokens, first if currency is None else currency[1])
  if measure is None:
    return None
  of_price, at = measure
  at += at < len(tokens) and tokens[at].word in ("is", "of")
  found = _bound_at(tokens, at) if at < len(tokens) else None
  if found is None or found[0].side is None:
    return None
  bound, end = found
  unit = bound.unit or (None if currency is None else currency[0])
  return replace(bound, unit=unit, of_price=of_price), end


def _bound_at(tokens: Sequence[Token], first: int) -> tuple[Bound, int] | None:
  signed = _SIGNED.longest_at(tokens, first)
  if signed is not None:
    return Bound(signed[0], 0.0, None), signed[1]
  if tokens[first].word == "between":
    return _range(tokens, first + 1, ("and", "to", "-"))
  outside = _OUTSIDE.longest_at(tokens, first)
  if outside is not None:
    return _outside(tokens, outside[1])
  side, at = _comparison_at(tokens, first)
  named = None
  if side is not None and (named := unit_at(tokens, at)):
    # Min usd: 50000.
    at = _past_equals(tokens, named[1])
  if at >= len(tokens) or _is_duration(tokens, at):
    return None
  found = _amount_at(tokens, at, money=side is not None)
  if found is None:
    return None
  if named is not None:
    found = replace(found, unit=found.unit or named[0])
  is_amount = found.unit is not None or found.with_multiple
  suffix = _SUFFIXES.longest_at(tokens, found.end)
  if suffix is not None and _amount_at(tokens, suffix[1], money=True) is not None:
    # Above 4000 or below 2500.
    suffix = None
  if side is None:
    if not (found.more or is_amount or suffix):
      return None
    ranged = _range(tokens, first, ("-", "–", "to")) if is_amount else None
    if ranged is not None:
      return ranged
  elif not is_amount and tokens[first].word in _WEAK_COMPARISONS:
    return None
  end = found.end
  if suffix is not None:
    side, end = side or suffix[0], suffix[1]
    if found.unit is None and (after := unit_at(tokens, end)) is not None:
      # 10 or more BTC.
      found, end = replace(found, unit=after[0]), after[1]
  elif found.more:
    side = side or "min"
  of_price = not _PRICES.isdisjoint(token.word for token in tokens[first:at])
  return Bound(side, found.value, found.unit, None, found.with_multiple, of_price), end


def _outside(tokens: Sequence[Token], first: int) -> tuple[Bound, int] | None:
  """From the upper amount on, or up to the lower one."""
  found = _range(tokens, first, ("and", "to", "-", "–"))
  if found is None or found[0].high is None:
    return None
  bound, end = found
  return replace(bound, value=found[0].high, high=bound.value), end


def unit_at(tokens: Sequence[Token], at: int, *, clear: bool = False) -> tuple[str, int] | None:
  """The currency or asset at this index, and the index after it; where it is `clear` that one has
  to stand there, also one whose ticker is an English word: over 50k link."""
  if at >= len(tokens):
    return None
  currency = CURRENCY_NAMES.longest_at(tokens, at)
  if currency is not None:
    return currency
  found = ASSET_NAMES.longest_at(tokens, at)
  if found is None:
    return None
  if found[0] in ENGLISH_TICKERS and not (clear or tokens[at].uppercase):
    return None
  return found


def _amount_at(tokens: Sequence[Token], first: int, *, money: bool) -> _Amount | None:
  """A number with its currency sign, multiple, plus and unit: $100k, 1m usd, 2.5 BTC, 1%, 1m+."""
  if first >= len(tokens):
    return None
  unit = CURRENCY_SIGNS.get(tokens[first].text)
  at = first + (unit is not None)
  negative = money and at + 1 < len(tokens) and tokens[at].text in ("-", "−")
  number = number_at(tokens, at + negative)
  if number is None:
    return None
  value, at = number
  value = -value if negative else value
  money = money or unit is not None
  with_multiple = False
  while at < len(tokens) and (factor := MULTIPLES.get(tokens[at].word)):
    if not (money or tokens[at].word in LONG_MULTIPLES or _is_money(tokens, at + 1)):
      break
    value, at, with_multiple = value * factor, at + 1, True
  more, at = _plus(tokens, at)
  if at < len(tokens):
    if tokens[at].text == "%" or tokens[at].word in ("percent", "pct"):
      unit, at = "%", at + 1
    elif tokens[at].text in CURRENCY_SIGNS and not _number_after(tokens, at):
      unit, at = CURRENCY_SIGNS[tokens[at].text], at + 1
    else:
      found = unit_at(tokens, at, clear=money or with_multiple)
      if found is None and unit is None and tokens[at].word in _COINS:
        found = OF_EACH, at + 1
      # In "$5 btc" the unit is the dollar.
      if found is not None and (unit is None or (found[0] in STABLE and unit == "USD")):
        unit, at = found
  if not more:
    more, at = _plus(tokens, at)
  return _Amount(round(value, 9), unit, at, with_multiple, more)


def _plus(tokens: Sequence[Token], at: int) -> tuple[bool, int]:
  """Whether there is the plus of 100k+, attached to the number and to no word after it; and the
  index after it."""
  if at >= len(tokens) or tokens[at].text != "+" or not tokens[at].attached:
    return False, at
  after = at + 1
  joins = after < len(tokens) and tokens[after].attached and tokens[after].text not in ",.;:)"
  return (False, at) if joins else (True, after)


def _number_after(tokens: Sequence[Token], at: int) -> bool:
  return at + 1 < len(tokens) and tokens[at + 1].attached and number_at(tokens, at + 1) is not None


def _is_money(tokens: Sequence[Token], at: int) -> bool:
  """Whether the text after 1m says that m is a million."""
  if at >= len(tokens):
    return False
  if _plus(tokens, at)[0] or tokens[at].text in CURRENCY_SIGNS:
    return True
  found = unit_at(tokens, at)
  return found is not None and (
    found[0] in STABLE or CURRENCY_NAMES.longest_at(tokens, at) is not None
  )


def _is_duration(tokens: Sequence[Token], at: int) -> bool:
  """Whether a length of time is at this index; 5m alone may be five million."""
  found = duration_at(tokens, at)
  return found is not None and not (tokens[found[1] - 1].word == "m" and found[1] == at + 2)


def _comparison_at(tokens: Sequence[Token], first: int) -> tuple[Side | None, int]:
  """The side that a comparison at this index sets, and the index after it."""
  if tokens[first].text in _SIGNS:
    return _SIGNS[tokens[first].text], first + 1
  found = _COMPARISONS.longest_at(tokens, first)
  if found is None:
    return None, first
  side, at = found
  return side, _past_equals(tokens, at)


def _past_equals(tokens: Sequence[Token], at: int) -> int:
  """The index after the sign of min=5, min_usd: 5 and "min": 5, if there is one."""
  while at < len(tokens) and tokens[at].text in (":", "=", "_", '"'):
    at += 1
  return at


def _range(tokens: Sequence[Token], first: int, words: Sequence[str]) -> tuple[Bound, int] | None:
  """The amounts from one to another."""
  low = _amount_at(tokens, first, money=True)
  if low is None or low.end >= len(tokens) or tokens[low.end].word not in words:
    return None
  high = _amount_at(tokens, low.end + 1, money=True)
  if high is None or high.value < low.value:
    return None
  unit = high.unit or low.unit
  return Bound(
    "min", low.value, unit, high.value, low.with_multiple or high.with_multiple
  ), high.end
