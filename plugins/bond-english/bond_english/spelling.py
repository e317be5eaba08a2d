"""Misspelt words: what a word is corrected to, by a rule that would rather ask.

A correction needs a word of four letters or more that no table and no English word list has, one
edit away from a known word (two from eight letters on; swapping neighbours is one), with the same
first letter or as one swap, and nearer to it than to a word of another meaning. Tickers of up to
four letters are never corrected to, nor short words in capital letters.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from bond_english import (
  amounts,
  depths,
  forms,
  groups,
  intervals,
  moves,
  names,
  numbers,
  sides,
  spans,
)
from bond_english.durations import UNITS
from bond_english.lexicon import (
  ASSET_NAMES,
  CHAIN_NAMES,
  CURRENCY_NAMES,
  EVENT_NAMES,
  FILLER_PHRASES,
  KIND_NAMES,
  MARKET_NAMES,
  METRIC_NAMES,
  NEGATIONS,
  PROVIDER_NAMES,
  VAGUE_NAMES,
  VENUE_NAMES,
)
from bond_english.phrases import Phrases
from bond_english.tokens import WORD, Token
from bond_english.words import assets, beyond, filler

SHORTEST = 4
TWO_EDITS_FROM = 8
LONGEST_TICKER_KEPT = 4
LONGEST = 24
"""Longer words are no typing errors."""

_TABLES: dict[str, Phrases[Any]] = {
  "source": KIND_NAMES,
  "event": EVENT_NAMES,
  "asset": ASSET_NAMES,
  "currency": CURRENCY_NAMES,
  "venue": VENUE_NAMES,
  "chain": CHAIN_NAMES,
  "market": MARKET_NAMES,
  "metric": METRIC_NAMES,
  "provider": PROVIDER_NAMES,
  "vague": VAGUE_NAMES,
}
_READ = (depths, forms, groups, moves, names, sides, spans)
"""Modules with words of their own."""


class Correction(NamedTuple):
  """`word` is what is meant, or None where that is not certain; then `near` are the known words
  that are near."""

  word: str | None
  near: tuple[str, ...] = ()


def correct(tokens: Sequence[Token], more: Iterable[str]) -> dict[int, tuple[str, ...]]:
  """Puts misspelt tokens right and gives the words near to those that it leaves alone, by their
  number. `more` are further known words, such as those of plugins."""
  known = known_words()
  further = {part for phrase in more for part in phrase.casefold().replace("-", " ").split()}
  left: dict[int, tuple[str, ...]] = {}
  for number, token in enumerate(tokens):
    if token.kind != WORD or token.word in known or token.word in further:
      continue
    found = correction(token.word, capitals=token.text.isupper())
    if found.word is not None:
      token.word, token.corrected = found.word, True
    elif found.near:
      left[number] = found.near
  return left


def correction(word: str, *, capitals: bool = False) -> Correction:
  """What an unknown word was meant to be."""
  if not SHORTEST <= len(word) <= LONGEST or (capitals and len(word) <= LONGEST_TICKER_KEPT):
    return Correction(None)
  allowed = 2 if len(word) >= TWO_EDITS_FROM else 1
  found: list[tuple[int, str, str]] = []
  for target, meaning in _candidates(word):
    distance = edits(word, target, allowed)
    if distance is None:
      continue
    if word[0] != target[0] and not _is_swap(word, target):
      continue
    found.append((distance, target, meaning))
  if not found:
    return Correction(None)
  found.sort()
  best, target, meaning = found[0]
  rivals = {other for distance, other, means in found if distance == best and means != meaning}
  if rivals or word in english_words():
    return Correction(None, tuple(sorted({target, *rivals})))
  return Correction(target)


def edits(one: str, other: str, most: int) -> int | None:
  """The Damerau-Levenshtein distance (insert, leave out, change, swap neighbours), None beyond
  `most`."""
  if abs(len(one) - len(other)) > most:
    return None
  before: list[int] = []
  row = list(range(len(other) + 1))
  for i, a in enumerate(one, 1):
    above, before = before, row
    row = [i]
    for j, b in enumerate(other, 1):
      cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
      if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
        cost = min(cost, above[j - 2] + 1)
      row.append(cost)
    if min(row) > most:
      return None
  return row[-1] if row[-1] <= most else None


def _is_swap(one: str, other: str) -> bool:
  return one[:2] == other[1::-1] and one[2:] == other[2:]


def _candidates(word: str) -> Iterable[tuple[str, str]]:
  by_start = _by_start()
  yield from by_start.get(word[0], ())
  if word[1] != word[0]:
    # A swap of the first two letters.
    for target, meaning in by_start.get(word[1], ()):
      if _is_swap(word, target):
        yield target, meaning


@cache
def _by_start() -> dict[str, list[tuple[str, str]]]:
  found: dict[str, list[tuple[str, str]]] = {}
  for word, meaning in correctable().items():
    found.setdefault(word[0], []).append((word, meaning))
  return found


@cache
def correctable() -> dict[str, str]:
  """The words that a misspelling may be corrected to, with something that is equal for words of one
  meaning."""
  targets = {word: "filler" for word in filler.FILLER if len(word) > SHORTEST}
  written = (
    intervals.CORRECTABLE,
    intervals.WORDS,
    amounts.CORRECTABLE,
    depths.WORDS,
    groups.WORDS,
  )
  for words in written:
    targets |= {word: f"unit {UNITS[word]}" if word in UNITS else word for word in words}
  targets |= {word: word for word in (*moves.WORDS, *sides.WORDS, *spans.WORDS)}
  for name, table in _TABLES.items():
    for word in table.words:
      targets.setdefault(word, word)
    targets |= {word: f"{name} {value}" for word, value in table.single.items()}
  short = {
    ticker.lower()
    for ticker in (*assets.ASSETS, *assets.CURRENCIES)
    if len(ticker) <= LONGEST_TICKER_KEPT
  }
  return {
    word: meaning
    for word, meaning in targets.items()
    if len(word) >= SHORTEST and word.isalpha() and word not in short
  }


@cache
def known_words() -> frozenset[str]:
  """Every word that some table has."""
  tables = (*_TABLES.values(), FILLER_PHRASES, NEGATIONS)
  told = (
    *(beyond.NOT_OFFERED, beyond.HISTORY, beyond.REPLAY, beyond.ALERTS, beyond.HELP, beyond.EDITS),
    *(beyond.ORDERS, beyond.GREETINGS, beyond.CONTROL, beyond.ORDER_VERBS, assets.EQUITY_NAMES),
  )
  return frozenset(
    {word for table in tables for word in table.words}
    | {word for phrases in told for phrase in phrases for word in phrase.split()}
    | {word for module in (*_READ, amounts, intervals, numbers) for word in module.WORDS}
    | filler.FILLER
    | filler.JOINING
    | filler.PREPOSITIONS
    | {ticker.lower() for ticker in assets.EQUITIES}
    | {"w"}
  )


@cache
def english_words() -> frozenset[str]:
  """English words that are near to a word that could be meant; made by near.py."""
  text = files("bond_english").joinpath("near.txt").read_text(encoding="utf-8")
  return frozenset(line for line in text.splitlines() if not line.startswith("#"))
