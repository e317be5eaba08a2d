"""What a table knows by name: the longest phrase of all tables at a place."""

from collections.abc import Callable, Sequence

from bond_english.lexicon import (
  ASSET_NAMES,
  CHAIN_NAMES,
  EVENT_NAMES,
  FILLER_PHRASES,
  KIND_NAMES,
  MARKET_NAMES,
  METRIC_NAMES,
  PROVIDER_NAMES,
  VAGUE_NAMES,
  VENUE_NAMES,
)
from bond_english.marks import (
  ALIAS,
  ASSET,
  ASSUMED,
  AVERAGE,
  CHAIN,
  EVENT,
  EXACT,
  FILLER,
  FILTER,
  KIND,
  MARKET,
  METRIC,
  PERHAPS,
  POSTS,
  PROVIDER,
  UNKNOWN,
  VAGUE,
  VENUE,
  WEAK,
  Fact,
  Mark,
)
from bond_english.phrases import Phrases
from bond_english.tokens import Token
from bond_english.words import assets, beyond

LETTER_X = "x"
"""The role of an X, which may be the network."""

_ORDINARY_KINDS = frozenset(("value", "valuation", "rate", "rates", "cost", "worth", "how"))
_POSTS = frozenset(("posts", "post", "mentions", "mention"))

_AVERAGES = frozenset(("average", "avg", "mean"))

WORDS = _POSTS | _AVERAGES | {"x"} | beyond.LARGE | beyond.SMALL


def name_at(tokens: Sequence[Token], first: int, own: Phrases[str]) -> Mark | None:
  """The longest phrase; of equally long ones that of the first table counts. `own` are the words of
  plugins, for what no table has."""
  best: Mark | None = None
  for read in _TABLES:
    mark = read(tokens, first)
    if mark is not None and (best is None or mark.last > best.last):
      best = mark
  found = own.at(tokens, first)
  if found is not None and best is None:
    return Mark(KIND, first, found[1], (found[0],))
  return best


def _kind(tokens: Sequence[Token], first: int) -> Mark | None:
  found = KIND_NAMES.at(tokens, first)
  if found is None:
    return None
  kind, end = found
  word = tokens[first].word
  mark = Mark(KIND, first, end, (kind,), EXACT if word.rstrip("s") == kind.rstrip("s") else ALIAS)
  if word == "how" or (end == first + 1 and word in _ORDINARY_KINDS):
    mark.slot = WEAK
  if kind == "orderbook" and end < len(tokens) and tokens[end].word in ("deltas", "diffs"):
    mark.last = end + 1
    mark.facts.append(("filter", {"deltas": True}, EXACT))
  return mark


def _event(tokens: Sequence[Token], first: int) -> Mark | None:
  found = EVENT_NAMES.at(tokens, first)
  if found is None:
    return None
  facts: list[Fact] = [("filter", {"event_types": [found[0]]}, EXACT)]
  return Mark(EVENT, first, found[1], found[0], ALIAS, facts)


def _metric(tokens: Sequence[Token], first: int) -> Mark | None:
  found = METRIC_NAMES.at(tokens, first)
  if found is None:
    return None
  (metric, kind), end = found
  return Mark(METRIC, first, end, kind, EXACT, [("filter", {"metric": metric}, EXACT)])


def _provider(tokens: Sequence[Token], first: int) -> Mark | None:
  found = PROVIDER_NAMES.at(tokens, first)
  if found is None:
    return None
  (provider, kind), end = found
  return Mark(PROVIDER, first, end, kind, EXACT, [("filter", {"provider": provider}, EXACT)])


def _vague(tokens: Sequence[Token], first: int) -> Mark | None:
  found = VAGUE_NAMES.at(tokens, first)
  return None if found is None else Mark(VAGUE, first, found[1], found[0], ASSUMED)


def _asset(tokens: Sequence[Token], first: int) -> Mark | None:
  """An asset; a word of everyday English in small letters is one only where a symbol stands."""
  found = ASSET_NAMES.at(tokens, first)
  if found is None:
    return None
  ticker, end = found
  token = tokens[first]
  if token.text == "etc" and end < len(tokens) and tokens[end].text == "." and tokens[end].glued:
    # BTC, ETH, etc.: and what else?
    return Mark(UNKNOWN, first, end + 1, ())
  exact = end == first + 1 and token.text.upper() == ticker
  everyday = end == first + 1 and (
    ticker in assets.ORDINARY and not token.capitals
    if exact
    else token.word in assets.ORDINARY_NAMES and token.text.islower()
  )
  return Mark(PERHAPS if everyday else ASSET, first, end, ticker, EXACT if exact else ALIAS)


def _venue(tokens: Sequence[Token], first: int) -> Mark | None:
  found = VENUE_NAMES.at(tokens, first)
  if found is None:
    return None
  return Mark(VENUE, first, found[1], found[0], EXACT if tokens[first].word == found[0] else ALIAS)


def _chain(tokens: Sequence[Token], first: int) -> Mark | None:
  found = CHAIN_NAMES.at(tokens, first)
  return None if found is None else Mark(CHAIN, first, found[1], found[0], ALIAS)


def _market(tokens: Sequence[Token], first: int) -> Mark | None:
  found = MARKET_NAMES.at(tokens, first)
  if found is None:
    return None
  market, end = found
  facts: list[Fact] = [("filter", {"market": "perp" if market == "inverse" else market}, EXACT)]
  return Mark(MARKET, first, end, market, EXACT, facts)


def _posts(tokens: Sequence[Token], first: int) -> Mark | None:
  word = tokens[first].word
  if word in _AVERAGES:
    return Mark(AVERAGE, first, first + 1)
  if word in _POSTS:
    return Mark(POSTS, first, first + 1)
  return Mark(LETTER_X, first, first + 1) if word in ("x", "𝕏") else None


def _size(tokens: Sequence[Token], first: int) -> Mark | None:
  word = tokens[first].word
  if word in beyond.LARGE or word in beyond.SMALL:
    return Mark(FILTER, first, first + 1, "size")
  return None


def _filler(tokens: Sequence[Token], first: int) -> Mark | None:
  found = FILLER_PHRASES.at(tokens, first)
  return None if found is None else Mark(FILLER, first, found[1])


_TABLES: tuple[Callable[[Sequence[Token], int], Mark | None], ...] = (
  *(_kind, _metric, _event, _asset, _venue, _chain, _market, _provider, _vague, _posts, _size),
  _filler,
)
