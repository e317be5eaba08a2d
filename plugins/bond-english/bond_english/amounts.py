"""How much: over $100k, at least 2.5 BTC, more than 1%, between 10k and 50k usd, 1m+."""

from collections.abc import Sequence
from dataclasses import dataclass

from bond_english.durations import duration_at
from bond_english.lexicon import ASSET_NAMES, CURRENCY_NAMES
from bond_english.numbers import LONG_MULTIPLES, MULTIPLES, number_at
from bond_english.phrases import Phrases
from bond_english.tokens import Token
from bond_english.words import listed, phrases
from bond_english.words.assets import ORDINARY, STABLE

CURRENCY_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₩": "KRW", "₿": "BTC"}

_LEAST = phrases(
  """
  at least; over; above; more than; greater than; larger than; bigger than; higher than; no less
  than; not less than; minimum of; minimum; min; min size; exceeding; exceed; exceeds; upwards of;
  north of; beyond; past; worth over; minimum size; min notional; minimum notional; of over; from;
  worth more than; goes above; rises above; crosses above; breaks above; breaks; goes over; size
  over; hits; reaches; is above; is over; min size of; starting at
  """
)
_MOST = phrases(
  """
  at most; under; below; less than; smaller than; lower than; no more than; not more than; maximum
  of; maximum; max; up to; beneath; fewer than; max size; south of; worth less than; worth under;
  goes below; falls below; drops below; dips below; crosses below; breaks below; goes under; drops
  under; falls under; drops to; falls to; is below; is under
  """
)
_COMPARED = Phrases(
  [*((phrase, "min") for phrase in _LEAST), *((phrase, "max") for phrase in _MOST)]
)
_SIGNS = {">": "min", ">=": "min", "≥": "min", "<": "max", "<=": "max", "≤": "max"}
_OR_MORE = Phrases(
  [
    *(
      (f"{join} {word}", "min")
      for join in ("or", "and")
      for word in listed("more above larger bigger greater over up higher")
    ),
    *(
      (f"{join} {word}", "max")
      for join in ("or", "and")
      for word in listed("less below smaller under lower")
    ),
  ]
)
# These compare only what is clearly an amount: from 2020, past 5 trades.
_WEAK = frozenset(("from", "past"))

WORDS = _COMPARED.words | {"between", "percent", "pct", "more", "less"} | set(MULTIPLES)
CORRECTABLE = frozenset(
  ["above", "below", "greater", "larger", "bigger", "smaller", "million", "billion", "between"]
)


@dataclass(frozen=True, slots=True)
class Bound:
  """An amount and the side of it that is meant: `side` is min, max or None where none is said.
  `unit` is a ticker, a currency, % or None where none is said; `high` ends a range. `rounded` says
  that k or m was used, as people do for money."""

  side: str | None
  value: float
  unit: str | None
  high: float | None = None
  rounded: bool = False

  @property
  def in_dollars(self) -> bool:
    """Whether it is an amount of dollars, or of what is worth one."""
    return self.unit in STABLE


@dataclass(frozen=True, slots=True)
class _Amount:
  value: float
  unit: str | None
  end: int
  rounded: bool
  more: bool


def bound_at(tokens: Sequence[Token], first: int) -> tuple[Bound, int] | None:
  """The bound that begins at `first`, and where the text goes on."""
  if tokens[first].word == "between":
    return _range(tokens, first + 1, ("and", "to", "-"))
  side, at = _compared(tokens, first)
  if at >= len(tokens) or _is_time(tokens, at):
    return None
  found = _amount_at(tokens, at, money=side is not None)
  if found is None:
    return None
  clear = found.unit is not None or found.rounded
  if side is None:
    if not (found.more or clear):
      return None
    ranged = _range(tokens, first, ("-", "–", "to")) if clear else None
    if ranged is not None:
      return ranged
  elif not clear and tokens[first].word in _WEAK:
    return None
  end = found.end
  suffix = _OR_MORE.at(tokens, end)
  if suffix is not None:
    side, end = side or suffix[0], suffix[1]
  elif found.more:
    side = side or "min"
  return Bound(side, found.value, found.unit, None, found.rounded), end


def unit_at(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
  """The currency or asset that stands here."""
  if at >= len(tokens):
    return None
  currency = CURRENCY_NAMES.at(tokens, at)
  if currency is not None:
    return currency
  found = ASSET_NAMES.at(tokens, at)
  if found is None or (found[0] in ORDINARY and not tokens[at].capitals):
    return None
  return found


def _amount_at(tokens: Sequence[Token], first: int, *, money: bool) -> _Amount | None:
  """A number with its currency sign, multiple, plus and unit: $100k, 1m usd, 2.5 BTC, 1%, 1m+."""
  if first >= len(tokens):
    return None
  unit = CURRENCY_SIGNS.get(tokens[first].text)
  number = number_at(tokens, first + (unit is not None))
  if number is None:
    return None
  value, at = number
  money = money or unit is not None
  rounded = False
  while at < len(tokens) and (factor := MULTIPLES.get(tokens[at].word)):
    if not (money or tokens[at].word in LONG_MULTIPLES or _means_money(tokens, at + 1)):
      break
    value, at, rounded = value * factor, at + 1, True
  more, at = _plus(tokens, at)
  if at < len(tokens):
    if tokens[at].text == "%" or tokens[at].word in ("percent", "pct"):
      unit, at = "%", at + 1
    elif tokens[at].text in CURRENCY_SIGNS and not _number_after(tokens, at):
      unit, at = CURRENCY_SIGNS[tokens[at].text], at + 1
    else:
      found = unit_at(tokens, at)
      # Of "$5 btc" the dollar is the unit already.
      if found is not None and (unit is None or (found[0] in STABLE and unit == "USD")):
        unit, at = found
  if not more:
    more, at = _plus(tokens, at)
  return _Amount(round(value, 9), unit, at, rounded, more)


def _plus(tokens: Sequence[Token], at: int) -> tuple[bool, int]:
  """The plus of 100k+: glued to the number, and to nothing behind it."""
  if at >= len(tokens) or tokens[at].text != "+" or not tokens[at].glued:
    return False, at
  after = at + 1
  return (True, after) if after == len(tokens) or not tokens[after].glued else (False, at)


def _number_after(tokens: Sequence[Token], at: int) -> bool:
  return at + 1 < len(tokens) and tokens[at + 1].glued and number_at(tokens, at + 1) is not None


def _means_money(tokens: Sequence[Token], at: int) -> bool:
  """Whether what follows 1m says that m is a million."""
  if at >= len(tokens):
    return False
  if _plus(tokens, at)[0] or tokens[at].text in CURRENCY_SIGNS:
    return True
  found = unit_at(tokens, at)
  return found is not None and (found[0] in STABLE or CURRENCY_NAMES.at(tokens, at) is not None)


def _is_time(tokens: Sequence[Token], at: int) -> bool:
  """Whether a length of time stands here; 5m alone may be five millions."""
  found = duration_at(tokens, at)
  return found is not None and not (tokens[found[1] - 1].word == "m" and found[1] == at + 2)


def _compared(tokens: Sequence[Token], first: int) -> tuple[str | None, int]:
  if tokens[first].text in _SIGNS:
    return _SIGNS[tokens[first].text], first + 1
  found = _COMPARED.at(tokens, first)
  if found is None:
    return None, first
  side, at = found
  return side, at + 1 if at < len(tokens) and tokens[at].text in (":", "=") else at


def _range(tokens: Sequence[Token], first: int, words: Sequence[str]) -> tuple[Bound, int] | None:
  low = _amount_at(tokens, first, money=True)
  if low is None or low.end >= len(tokens) or tokens[low.end].word not in words:
    return None
  high = _amount_at(tokens, low.end + 1, money=True)
  if high is None or high.value < low.value:
    return None
  unit = high.unit or low.unit
  return Bound("min", low.value, unit, high.value, low.rounded or high.rounded), high.end
