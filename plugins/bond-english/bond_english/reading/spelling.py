"""Spelling: what an unknown word is corrected to, by a rule that prefers to ask.

A correction needs a word of four letters or more that is in no table and no list of English words.
It must be one edit away from a known word (two from eight letters on; swapping two neighbours is
one edit), with the same first letter or the first two swapped, and closer to it than to a word of
another meaning. Nothing is corrected to a ticker of up to four letters, and short words in capital
letters are not corrected.
"""

from collections.abc import Iterable, Sequence, Set
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from bond_english.quantities import (
  amounts,
  depths,
  intervals,
  numbers,
  price_moves,
  time_spans,
)
from bond_english.quantities.durations import UNITS
from bond_english.reading import (
  asset_groups,
  languages,
  names,
  quote_currencies,
  sides,
  venue_groups,
)
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import WORD, Token
from bond_english.words import assets, filler, unsupported
from bond_english.words.lexicon import (
  ASSET_NAMES,
  CHAIN_NAMES,
  CURRENCY_NAMES,
  EVENT_NAMES,
  FILLER_PHRASES,
  KIND_NAMES,
  MARKET_TYPE_NAMES,
  METRIC_NAMES,
  NEGATIONS,
  PROVIDER_NAMES,
  VAGUE_NAMES,
  VENUE_NAMES,
)
from bond_english.words.operators import OPERATORS
from bond_english.words.plain import is_plain

MIN_LENGTH = 4
MAX_LENGTH = 24
"""Longer words are not typing errors."""
TWO_EDITS_FROM = 8
MAX_TICKER_LENGTH = 4

_JOINTS = frozenset((",", "&", "+", "/", "and", "or"))

_TABLES: dict[str, PhraseTable[Any]] = {
  "source": KIND_NAMES,
  "event": EVENT_NAMES,
  "asset": ASSET_NAMES,
  "currency": CURRENCY_NAMES,
  "venue": VENUE_NAMES,
  "chain": CHAIN_NAMES,
  "market": MARKET_TYPE_NAMES,
  "metric": METRIC_NAMES,
  "provider": PROVIDER_NAMES,
  "vague": VAGUE_NAMES,
}
_READERS = (
  amounts,
  asset_groups,
  depths,
  intervals,
  languages,
  names,
  numbers,
  price_moves,
  quote_currencies,
  sides,
  time_spans,
  venue_groups,
)
"""Modules with words of their own."""


class Correction(NamedTuple):
  """The `word` that an unknown word is corrected to, None where that is not certain; then `alike`
  are the known words that are spelled alike."""

  word: str | None
  alike: tuple[str, ...] = ()


def correct(tokens: Sequence[Token], more: Set[str]) -> dict[int, tuple[str, ...]]:
  """Corrects misspelt tokens in place. `more` are known words besides those of the tables.

  Returns the known words spelled like those that are left uncorrected, by the token's index.
  """
  uncorrected: dict[int, tuple[str, ...]] = {}
  for index, token in enumerate(tokens):
    base, mark, _ = token.word.partition("'")
    if mark and base and token.kind == WORD and not is_known(token.word, more):
      # ETH's, it'd.
      token.word = base
    if token.kind != WORD or is_known(token.word, more):
      continue
    found = correction(token.word, uppercase=token.text.isupper())
    asset = found.word in ASSET_NAMES.words
    if len(token.word) <= MAX_TICKER_LENGTH and not asset and _is_in_list(tokens, index):
      # Trx & usdd: a ticker of no table, and no word for something else.
      continue
    if found.word is not None:
      token.word, token.corrected = found.word, True
    elif found.alike:
      uncorrected[index] = found.alike
  return uncorrected


def _is_in_list(tokens: Sequence[Token], index: int) -> bool:
  """Whether a word is in a list with a ticker."""
  for joint, other in ((index - 1, index - 2), (index + 1, index + 2)):
    if other < 0 or other >= len(tokens) or tokens[joint].word not in _JOINTS:
      continue
    if tokens[other].word in ASSET_NAMES.single:
      return True
  return False


def correction(word: str, *, uppercase: bool = False) -> Correction:
  """The correction of an unknown word; `uppercase` says that it is written in capital letters."""
  if not word.replace("'", "").isalpha():
    return Correction(None)
  if not MIN_LENGTH <= len(word) <= MAX_LENGTH or (uppercase and len(word) <= MAX_TICKER_LENGTH):
    return Correction(None)
  limit = 2 if len(word) >= TWO_EDITS_FROM else 1
  found: list[tuple[int, str, str]] = []
  for target, meaning in _candidates(word):
    distance = edits(word, target, limit)
    if distance is None:
      continue
    if word[0] != target[0] and not _swaps_first_two(word, target):
      continue
    found.append((distance, target, meaning))
  if not found:
    return Correction(None)
  found.sort()
  least, target, meaning = found[0]
  rivals = {
    other
    for distance, other, other_meaning in found
    if distance == least and other_meaning != meaning
  }
  if rivals and word not in lookalikes():
    # A name of data, an asset or a venue says more than a word such as "tick".
    names = [(other, m) for distance, other, m in found if distance == least and _is_name(m)]
    # Letters are left out more often than mistaken.
    longer = [entry for entry in names if _leaves_out(word, entry[0])]
    for likely in (names, longer):
      if len({meaning for _, meaning in likely}) == 1:
        return Correction(likely[0][0])
  if rivals or word in lookalikes():
    likely_words = {other for distance, other, m in found if distance == least and m != "filler"}
    return Correction(None, tuple(sorted(likely_words)))
  return Correction(target)


def _leaves_out(word: str, target: str) -> bool:
  """Whether a word is another one with letters left out."""
  letters = iter(target)
  return all(letter in letters for letter in word)


def _is_name(meaning: str) -> bool:
  return meaning.partition(" ")[0] in ("source", "asset", "venue")


def edits(word: str, other: str, limit: int) -> int | None:
  """The Damerau-Levenshtein distance (insert, delete, substitute, swap neighbours), None beyond
  `limit`."""
  if abs(len(word) - len(other)) > limit:
    return None
  before: list[int] = []
  row = list(range(len(other) + 1))
  for i, a in enumerate(word, 1):
    above, before = before, row
    row = [i]
    for j, b in enumerate(other, 1):
      cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
      if i > 1 and j > 1 and a == other[j - 2] and word[i - 2] == b:
        cost = min(cost, above[j - 2] + 1)
      row.append(cost)
    if min(row) > limit:
      return None
  return row[-1] if row[-1] <= limit else None


def _swaps_first_two(word: str, other: str) -> bool:
  return word[:2] == other[1::-1] and word[2:] == other[2:]


def _candidates(word: str) -> Iterable[tuple[str, str]]:
  """The words that `word` may be a misspelling of, by their first letters, with their meanings."""
  by_first_letter = _by_first_letter()
  yield from by_first_letter.get(word[0], ())
  if word[1] != word[0]:
    for target, meaning in by_first_letter.get(word[1], ()):
      if _swaps_first_two(word, target):
        yield target, meaning


@cache
def _by_first_letter() -> dict[str, list[tuple[str, str]]]:
  found: dict[str, list[tuple[str, str]]] = {}
  for word, meaning in correctable().items():
    found.setdefault(word[0], []).append((word, meaning))
  return found


@cache
def correctable() -> dict[str, str]:
  """The words that a misspelling may be corrected to, each with a key of its meaning: words of one
  meaning have equal keys."""
  targets = {word: "filler" for word in filler.FILLER if len(word) > MIN_LENGTH}
  for words in (
    intervals.CORRECTABLE,
    intervals.WORDS,
    amounts.CORRECTABLE,
    depths.WORDS,
    asset_groups.WORDS,
    venue_groups.WORDS,
  ):
    targets |= {word: f"unit {UNITS[word]}" if word in UNITS else word for word in words}
  for words in (price_moves.WORDS, sides.WORDS, languages.WORDS, time_spans.WORDS):
    targets |= {word: word for word in words}
  for name, table in _TABLES.items():
    for word in table.words:
      targets.setdefault(word, word)
    targets |= {word: f"{name} {value}" for word, value in table.single.items()}
  short_tickers = {
    ticker.lower()
    for ticker in (*assets.ASSETS, *assets.CURRENCIES)
    if len(ticker) <= MAX_TICKER_LENGTH
  }
  return {
    word: meaning
    for word, meaning in targets.items()
    if len(word) >= MIN_LENGTH and word.isalpha() and word not in short_tickers
  }


def is_known(word: str, more: Set[str]) -> bool:
  """Whether some table has a word, or `more`, the words of installed sources."""
  return word in known_words() or word in more or is_plain(word)


@cache
def known_words() -> frozenset[str]:
  """Every word that some table has."""
  tables = (*_TABLES.values(), FILLER_PHRASES, NEGATIONS)
  lists = (
    unsupported.NOT_OFFERED,
    OPERATORS,
    filler.CORRECTIONS,
    unsupported.HISTORY,
    unsupported.REPLAY,
    unsupported.ALERTS,
    unsupported.HELP,
    unsupported.EDITS,
    unsupported.ORDERS,
    unsupported.GREETINGS,
    unsupported.CONTROL,
    unsupported.ORDER_VERBS,
    assets.EQUITY_NAMES,
  )
  return frozenset(
    {word for table in tables for word in table.words}
    | {word for phrases in lists for phrase in phrases for word in phrase.split()}
    | {word for reader in _READERS for word in reader.WORDS}
    | filler.FILLER
    | filler.CONJUNCTIONS
    | filler.PREPOSITIONS
    | filler.KEYS
    | {ticker.lower() for ticker in assets.EQUITIES}
    | {"w"}
  )


@cache
def lookalikes() -> frozenset[str]:
  """English words spelled like a word of the grammar; wordlists.py makes the file."""
  text = files("bond_english.reading").joinpath("lookalikes.txt").read_text(encoding="utf-8")
  return frozenset(line for line in text.splitlines() if not line.startswith("#"))
