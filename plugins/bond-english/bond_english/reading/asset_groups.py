"""Groups of assets: top 10 coins by volume, memecoins, all symbols."""

from collections.abc import Sequence
from typing import Any

from bond_english.quantities.numbers import number_at
from bond_english.text.chunks import Chunk, filter_chunk
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import Token
from bond_english.words import split_phrases, split_words, unsupported

_ASSET_NOUNS = frozenset(
  split_words(
    """
    coins coin tokens token cryptos crypto cryptocurrencies assets symbols symbol pairs pair
    instruments altcoins memecoins currencies stablecoins tickers projects contracts perps
    """
  )
)
_MOST = frozenset(("most", "traded", "liquid", "biggest", "largest"))
_AFTER_ALL = frozenset(("the", "of", "available", "listed", "usdt", "your"))
_RANKED = frozenset(("by", "based", "ranked", "sorted"))
_RANKINGS = PhraseTable(
  [
    *(
      (phrase, "volume")
      for phrase in split_phrases("volume; trading volume; 24 h volume; turnover")
    ),
    *((phrase, "volume") for phrase in split_phrases("liquidity; popularity")),
    *((phrase, "market_cap") for phrase in split_phrases("market cap; marketcap; mcap; size")),
    *(
      (phrase, "market_cap")
      for phrase in split_phrases("market capitalization; market capitalisation")
    ),
    *((phrase, "change") for phrase in split_phrases("performance; change; price change; gains")),
    ("open interest", "open_interest"),
  ]
)
_GROUPS = PhraseTable((phrase, phrase) for phrase in unsupported.GROUPS)

WORDS = _ASSET_NOUNS | _MOST | _RANKED | _RANKINGS.words | _GROUPS.words


def asset_group_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The group of assets that begins at `first`: a filter with `universe`. Which assets are meant
  has to be asked before it can be a stream."""
  found = _top(tokens, first) or _all(tokens, first)
  if found is None:
    group = _GROUPS.longest_at(tokens, first)
    if group is None:
      return None
    found = {"group": group[0]}, group[1]
  universe, end = found
  if end < len(tokens) and tokens[end].word in _RANKED:
    at = end + 1
    while at < len(tokens) and tokens[at].word in ("by", "on", "the", "daily"):
      at += 1
    ranking = _RANKINGS.longest_at(tokens, at) if at < len(tokens) else None
    if ranking is not None:
      universe["rank_by"], end = ranking
  return filter_chunk("universe", first, end, {"universe": universe})


def _top(tokens: Sequence[Token], first: int) -> tuple[dict[str, Any], int] | None:
  """Top 10 coins, the largest tokens."""
  leading = number_at(tokens, first)
  if leading is not None and leading[1] < len(tokens):
    # The 10 biggest coins.
    found = _top(tokens, leading[1]) if tokens[leading[1]].word in _MOST | {"top"} else None
    return None if found is None else ({"n": int(min(leading[0], 1_000_000))}, found[1])
  if tokens[first].word not in ("top", "biggest", "largest", "first", "best", "most"):
    return None
  number = number_at(tokens, first + 1)
  at = first + 1 if number is None else number[1]
  while at < len(tokens) and tokens[at].word in _MOST:
    at += 1
  if at >= len(tokens) or tokens[at].word not in _ASSET_NOUNS:
    return None
  universe = {} if number is None else {"n": int(min(number[0], 1_000_000))}
  return universe, at + 1


def _all(tokens: Sequence[Token], first: int) -> tuple[dict[str, Any], int] | None:
  """All symbols, every pair."""
  if tokens[first].word not in ("all", "every", "each", "any"):
    return None
  at = first + 1
  while at < len(tokens) and tokens[at].word in _AFTER_ALL:
    at += 1
  return ({"all": True}, at + 1) if at < len(tokens) and tokens[at].word in _ASSET_NOUNS else None
