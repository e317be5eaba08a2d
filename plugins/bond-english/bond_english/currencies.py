"""Quotes and comparisons: in euros, BTC USDT, vs dollars, BTC vs ETH."""

from bond_english.draft import Draft
from bond_english.marks import (
  ALIAS,
  ASSET,
  FILLER,
  FILTER,
  INTERVAL,
  JOIN,
  KIND,
  PAIR,
  QUOTE,
  VERSUS,
  Mark,
)
from bond_english.pairs import Pair, better_quote
from bond_english.words import data
from bond_english.words.assets import CURRENCIES, MONEY, RENAMED, STABLE

_QUOTING = frozenset(
  ["in", "vs", "versus", "v", "against", "to", "priced", "denominated", "quoted", "measured", "/"]
)


def settle_quotes(draft: Draft) -> None:
  """Says which currency a price is in, and what stands against what."""
  for number, mark in draft.numbered(ASSET):
    _beside(draft, number, mark)
  if draft.of(ASSET, PAIR):
    _quote(draft)
  else:
    for mark in draft.of(QUOTE):
      _asset_after_all(draft, mark)
  for number, mark in draft.numbered(VERSUS):
    _compare(draft, number, mark)
  _lists(draft)
  for mark in draft.of(ASSET):
    if mark.value in RENAMED:
      draft.warn(RENAMED[mark.value])


def _beside(draft: Draft, number: int, mark: Mark) -> None:
  """BTC USDT is a pair where nothing stands between the two."""
  if mark.value not in STABLE or not number:
    return
  previous, following = draft.marks[number - 1], draft.after(number)
  onchain = following is not None and following.slot == KIND and "onchain" in following.value
  if previous.slot == ASSET and previous.value not in MONEY and not onchain:
    mark.slot = QUOTE


def _asset_after_all(draft: Draft, mark: Mark) -> None:
  """A currency by itself is what it is about, if that can be: transfers in USDC."""
  if mark.value in CURRENCIES:
    draft.ask(f"The price of what in {mark.value}?")
  else:
    mark.slot, mark.how = ASSET, ALIAS


def _quote(draft: Draft) -> None:
  """Makes pairs of assets and the currencies that are said of them: BTC USD is one pair, "in euros"
  is said of the assets before it, "dollar price of" of those behind it."""
  waiting: list[Mark] = []
  quotes: list[str] = []
  leading: list[str] = []
  for number, mark in enumerate(draft.marks):
    if mark.left_out:
      continue
    if mark.slot == QUOTE:
      previous = draft.marks[number - 1] if number else None
      bare = draft.word(mark) not in _QUOTING
      if bare and previous is not None and previous.slot == ASSET and not previous.left_out:
        _pair(previous, [mark.value])
        waiting = [other for other in waiting if other is not previous]
        quotes = []
      elif waiting or quotes:
        quotes = [*quotes, mark.value]
      else:
        leading.append(mark.value)
    elif mark.slot == ASSET or _has_no_quote(mark):
      if quotes:
        _pair_all(waiting, quotes)
        waiting, quotes = [], []
      if leading:
        _pair(mark, leading)
      else:
        waiting.append(mark)
  if quotes:
    _pair_all(waiting, quotes)
  elif leading and not draft.of(PAIR):
    draft.ask(f"The price of what in {leading[0]}?")


def _pair_all(marks: list[Mark], quotes: list[str]) -> None:
  for mark in marks:
    _pair(mark, quotes)


def _pair(mark: Mark, quotes: list[str]) -> None:
  perpetual = isinstance(mark.value, Pair) and mark.value.perpetual
  base = mark.value.base if isinstance(mark.value, Pair) else mark.value
  pairs = [Pair(base, quote, perpetual) for quote in dict.fromkeys(quotes) if quote != base]
  if pairs:
    mark.slot, mark.value = PAIR, pairs if len(pairs) > 1 else pairs[0]


def _has_no_quote(mark: Mark) -> bool:
  return mark.slot == PAIR and isinstance(mark.value, Pair) and mark.value.quote is None


def _compare(draft: Draft, number: int, mark: Mark) -> None:
  """BTC vs ETH: both, and whether one in the other is meant is said."""
  before = draft.before(number, over=(FILLER, KIND, FILTER, INTERVAL))
  behind = draft.after(number, over=(FILLER,))
  compared = all(m is not None and m.slot in (ASSET, PAIR) for m in (before, behind))
  mark.slot, mark.value = JOIN, "vs"
  if compared and data.TEXTS.isdisjoint(draft.kinds()):
    draft.warn("'vs' is taken for a comparison: each of the two in its usual currency")


def _lists(draft: Draft) -> None:
  """SOL/JUP is a list of two, since no market has that name; for data of derivatives ETH/BTC is."""
  kinds = draft.kinds()
  derivatives = bool(kinds) and kinds <= data.DERIVATIVES
  for mark in draft.of(PAIR):
    pair = mark.value
    if isinstance(pair, Pair):
      plain = not (pair.perpetual or pair.expiry)
      coins = pair.quote is not None and pair.quote not in MONEY
      if derivatives and plain and coins and pair.quote is not None:
        mark.value = [pair.base, pair.quote]
      elif not pair.known:
        draft.warn(f"{pair.symbol} is taken as it is written; {pair.base} is in no list of assets")
      elif mark.how == "assumed":
        draft.warn(f"{draft.written(mark)} is taken for the market {pair.symbol}")
    elif isinstance(pair[0], Pair):
      continue
    elif len(pair) == 2 and not derivatives and not data.TEXTS.issuperset(kinds or {"price"}):
      first, second = pair
      told = f"{first}/{second} is no usual market; taken for {first} and {second}"
      if better_quote(first, second):
        told += f" (the other way round is {second}/{first})"
      draft.warn(told)
