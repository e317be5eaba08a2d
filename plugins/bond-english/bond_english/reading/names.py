"""Names that a table has: the longest phrase of all tables at a position."""

from collections.abc import Callable, Sequence

from bond_english.text.chunks import (
  ALIAS,
  AMBIGUOUS_ASSET,
  AMBIGUOUS_X,
  ASSET,
  ASSUMED,
  AVERAGE,
  CHAIN,
  EVENT,
  EXACT,
  FILLER,
  FILTER,
  KIND,
  MARKET_TYPE,
  METRIC,
  POSTS,
  PROVIDER,
  UNKNOWN,
  VAGUE_KIND,
  VENUE,
  WEAK_KIND,
  Chunk,
  Fact,
  Role,
)
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import Token
from bond_english.words import assets, unsupported
from bond_english.words.lexicon import (
  ASSET_NAMES,
  CHAIN_NAMES,
  EVENT_NAMES,
  FILLER_PHRASES,
  KIND_NAMES,
  MARKET_TYPE_NAMES,
  METRIC_NAMES,
  PROVIDER_NAMES,
  VAGUE_NAMES,
  VENUE_NAMES,
)

_WEAK_KINDS = frozenset(("value", "valuation", "rate", "rates", "cost", "worth", "how"))
_CONTEXT_WORDS: dict[str, Role] = {
  **dict.fromkeys(("posts", "post", "mentions", "mention"), POSTS),
  **dict.fromkeys(("average", "avg", "mean"), AVERAGE),
  "x": AMBIGUOUS_X,
}
"""Single words whose meaning depends on what stands around them."""

WORDS = _CONTEXT_WORDS.keys() | unsupported.LARGE | unsupported.SMALL


def name_at(tokens: Sequence[Token], first: int, sources: PhraseTable[str]) -> Chunk | None:
  """The longest name at `first`, of equally long ones that of the first table.

  `sources` are the phrases for installed sources; they count where no table has a name.
  """
  best: Chunk | None = None
  for read in _READERS:
    chunk = read(tokens, first)
    if chunk is not None and (best is None or chunk.end > best.end):
      best = chunk
  found = sources.longest_at(tokens, first)
  if found is not None and best is None:
    return Chunk(KIND, first, found[1], (found[0],))
  return best


def _kind(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = KIND_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  kind, end = found
  word = tokens[first].word
  chunk = Chunk(KIND, first, end, (kind,), EXACT if word.rstrip("s") == kind.rstrip("s") else ALIAS)
  if word == "how" or (end == first + 1 and word in _WEAK_KINDS):
    chunk.role = WEAK_KIND
  if kind == "orderbook" and end < len(tokens) and tokens[end].word in ("deltas", "diffs"):
    chunk.end = end + 1
    chunk.facts.append(("filter", {"deltas": True}, EXACT))
  return chunk


def _event(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = EVENT_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  facts: list[Fact] = [("filter", {"event_types": [found[0]]}, EXACT)]
  return Chunk(EVENT, first, found[1], found[0], ALIAS, facts)


def _metric(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = METRIC_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  (metric, kind), end = found
  return Chunk(METRIC, first, end, kind, EXACT, [("filter", {"metric": metric}, EXACT)])


def _provider(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = PROVIDER_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  (provider, kind), end = found
  return Chunk(PROVIDER, first, end, kind, EXACT, [("filter", {"provider": provider}, EXACT)])


def _vague(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = VAGUE_NAMES.longest_at(tokens, first)
  return None if found is None else Chunk(VAGUE_KIND, first, found[1], found[0], ASSUMED)


def _asset(tokens: Sequence[Token], first: int) -> Chunk | None:
  """An asset; one that is also an English word in small letters is ambiguous."""
  found = ASSET_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  ticker, end = found
  token = tokens[first]
  if token.text == "etc" and end < len(tokens) and tokens[end].text == "." and tokens[end].attached:
    # "BTC, ETH, etc." is no Ethereum Classic.
    return Chunk(UNKNOWN, first, end + 1, ())
  exact = end == first + 1 and token.text.upper() == ticker
  ambiguous = end == first + 1 and (
    ticker in assets.ENGLISH_TICKERS and not token.uppercase
    if exact
    else token.word in assets.ENGLISH_NAMES and token.text.islower()
  )
  return Chunk(
    AMBIGUOUS_ASSET if ambiguous else ASSET, first, end, ticker, EXACT if exact else ALIAS
  )


def _venue(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = VENUE_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  return Chunk(VENUE, first, found[1], found[0], EXACT if tokens[first].word == found[0] else ALIAS)


def _chain(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = CHAIN_NAMES.longest_at(tokens, first)
  return None if found is None else Chunk(CHAIN, first, found[1], found[0], ALIAS)


def _market_type(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = MARKET_TYPE_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  market_type, end = found
  market = "perp" if market_type == "inverse" else market_type
  facts: list[Fact] = [("filter", {"market": market}, EXACT)]
  return Chunk(MARKET_TYPE, first, end, market_type, EXACT, facts)


def _context_word(tokens: Sequence[Token], first: int) -> Chunk | None:
  role = _CONTEXT_WORDS.get(tokens[first].word)
  return None if role is None else Chunk(role, first, first + 1)


def _vague_size(tokens: Sequence[Token], first: int) -> Chunk | None:
  word = tokens[first].word
  if word in unsupported.LARGE or word in unsupported.SMALL:
    return Chunk(FILTER, first, first + 1, "size")
  return None


def _filler_phrase(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = FILLER_PHRASES.longest_at(tokens, first)
  return None if found is None else Chunk(FILLER, first, found[1])


_READERS: tuple[Callable[[Sequence[Token], int], Chunk | None], ...] = (
  _kind,
  _metric,
  _event,
  _asset,
  _venue,
  _chain,
  _market_type,
  _provider,
  _vague,
  _context_word,
  _vague_size,
  _filler_phrase,
)
