"""Groups instead of names: top 10 coins by volume, memecoins, all exchanges, dexes."""

from collections.abc import Sequence
from typing import Any

from bond_english.marks import ASSUMED, EXACT, VENUE, Mark, filtered
from bond_english.numbers import number_at
from bond_english.phrases import Phrases
from bond_english.tokens import Token
from bond_english.words import beyond, listed, phrases

_COINS = frozenset(
  listed(
    """
    coins coin tokens token cryptos crypto cryptocurrencies assets symbols symbol pairs pair
    instruments altcoins memecoins currencies stablecoins tickers projects contracts perps
    """
  )
)
_MOST = frozenset(("most", "traded", "liquid", "biggest", "largest"))
_ALL_OF = frozenset(("the", "of", "available", "listed", "usdt", "your"))
_RANKED = frozenset(("by", "based", "ranked", "sorted"))
_RANKED_BY = Phrases(
  [
    *((phrase, "volume") for phrase in phrases("volume; trading volume; 24 h volume; turnover")),
    *((phrase, "volume") for phrase in phrases("liquidity; popularity")),
    *((phrase, "market_cap") for phrase in phrases("market cap; marketcap; mcap; size")),
    *((phrase, "market_cap") for phrase in phrases("market capitalization; market capitalisation")),
    *((phrase, "change") for phrase in phrases("performance; change; price change; gains")),
    ("open interest", "open_interest"),
  ]
)
_GROUPS = Phrases((phrase, phrase) for phrase in beyond.GROUPS)
_EVERYWHERE = Phrases(
  (phrase, None)
  for phrase in phrases(
    "everywhere; cross exchange; across exchanges; across venues; cross venue; multi exchange"
  )
)
_VENUES = frozenset(listed("exchange exchanges venue venues platform platforms marketplaces"))
_BETWEEN = frozenset(listed("the of available supported other your known possible"))
_MAJOR = frozenset(("major", "main", "big", "top", "largest", "biggest"))
_DEXES = frozenset(("dex", "dexes", "dexs", "amm", "amms"))
_CEXES = frozenset(("cexes", "cexs"))

WORDS = (
  _COINS
  | _MOST
  | _RANKED
  | _RANKED_BY.words
  | _GROUPS.words
  | _EVERYWHERE.words
  | _VENUES
  | _MAJOR
  | _DEXES
  | _CEXES
  | set(listed("multiple several various many decentralized decentralised centralized centralised"))
)


def group_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """A group of assets, which has to be shown as a list before it can be a stream."""
  found = _top(tokens, first) or _all(tokens, first)
  if found is None:
    named = _GROUPS.at(tokens, first)
    if named is None:
      return None
    found = {"group": named[0]}, named[1]
  universe, end = found
  if end < len(tokens) and tokens[end].word in _RANKED:
    at = end + 1
    while at < len(tokens) and tokens[at].word in ("by", "on", "the", "daily"):
      at += 1
    ranked = _RANKED_BY.at(tokens, at) if at < len(tokens) else None
    if ranked is not None:
      universe["rank_by"], end = ranked
  return filtered("universe", first, end, {"universe": universe})


def _top(tokens: Sequence[Token], first: int) -> tuple[dict[str, Any], int] | None:
  """Top 10 coins, the largest tokens."""
  if tokens[first].word not in ("top", "biggest", "largest", "first", "best"):
    return None
  number = number_at(tokens, first + 1)
  at = first + 1 if number is None else number[1]
  while at < len(tokens) and tokens[at].word in _MOST:
    at += 1
  if at >= len(tokens) or tokens[at].word not in _COINS:
    return None
  universe = {} if number is None else {"n": int(min(number[0], 1_000_000))}
  return universe, at + 1


def _all(tokens: Sequence[Token], first: int) -> tuple[dict[str, Any], int] | None:
  """All symbols, every pair."""
  if tokens[first].word not in ("all", "every", "each", "any"):
    return None
  at = first + 1
  while at < len(tokens) and tokens[at].word in _ALL_OF:
    at += 1
  return ({"all": True}, at + 1) if at < len(tokens) and tokens[at].word in _COINS else None


def all_venues_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """All exchanges, every venue; the major exchanges are taken for all that there are."""
  found = _EVERYWHERE.at(tokens, first)
  if found is not None:
    return Mark(VENUE, first, found[1], "*")
  word, at, how = tokens[first].word, first, EXACT
  if word in ("all", "every", "any", "each", "across"):
    at += 1
    while at < len(tokens) and (tokens[at].word in _BETWEEN or tokens[at].word in ("all", "every")):
      at += 1
  elif word in ("multiple", "several", "various", "many"):
    at, how = at + 1, ASSUMED
  while at < len(tokens) and tokens[at].word in _MAJOR:
    at, how = at + 1, ASSUMED
  if at == first or at >= len(tokens) or tokens[at].word not in _VENUES:
    return None
  return Mark(VENUE, first, at + 1, "*", how)


def venue_type_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """Dexes, decentralised exchanges."""
  word = tokens[first].word
  named = first + 1 < len(tokens) and tokens[first + 1].word in _VENUES
  if word in _DEXES or word in _CEXES:
    kind = "dex" if word in _DEXES else "cex"
  elif named and word in ("decentralized", "decentralised"):
    kind = "dex"
  elif named and word in ("centralized", "centralised"):
    kind = "cex"
  else:
    return None
  return filtered("venue_type", first, first + 1 + named, {"venue_type": kind})
