"""Names that a table has: the longest phrase of each table at a position."""

from collections.abc import Callable, Sequence

from bond_english.reading.sides import key_before
from bond_english.reading.source_words import SourceWords
from bond_english.text.chunks import (
  ALIAS,
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
  How,
  Role,
  filter_chunk,
)
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import WORD, Token
from bond_english.words import assets, data, filler, split_phrases, split_words, unsupported, venues
from bond_english.words.chains import SOURCES
from bond_english.words.english import is_english
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
from bond_english.words.plain import is_plain

_WEAK_KINDS = frozenset(
  ("value", "valuation", "rate", "rates", "cost", "worth", "how", "ticks", "tick")
)
BLENDING = frozenset(
  split_words(
    "merged combined consolidated pooled blended mixed blend blending mix mixing merge merging"
  )
)
_VENUE_KEYS = frozenset(("exchange", "exchanges", "venue", "venues"))
_BETWEEN_VENUES = frozenset(("+", "&", "/", ",", "and", "vs", "or", "n"))
MERGING = BLENDING | frozenset(split_words("aggregate aggregated total overall"))
"""Words for one figure, or one book, of several venues."""

CHAIN_SOURCES = frozenset(SOURCES.values())
"""Sources whose events have words of their own."""

_CONTEXT_WORDS: dict[str, Role] = {
  **dict.fromkeys(("posts", "post", "mentions", "mention"), POSTS),
  **dict.fromkeys(("average", "avg", "mean", *MERGING), AVERAGE),
  "x": AMBIGUOUS_X,
}
"""Single words whose meaning depends on what stands around them."""

MOVEMENT_COST = 2.5
"""Of a word such as "moves", which means a transfer only on a chain."""

_VERBS = frozenset(("trade", "price", "book", "mark", "print", "quote"))
_SUBJECTS = frozenset(("i", "we", "you", "they", "who", "he", "she", "to"))
"""After these such a word is a verb."""
_COUNTS = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    """
    number of; count of; counts of; how many; numbers of; tally of; total number of; the number of;
    count and total value; count and value; count and volume; count and notional; count and size;
    number and value; number and total value; count and total size; count and total notional
    """
  )
)

_EVERY_CHANGE = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    """
    raw updates; raw update; raw deltas; raw diffs; incremental updates; incremental; deltas; diffs;
    every level change; all level changes; every change of a level; diff updates; delta updates
    """
  )
)

_CLOSED = frozenset(split_words("closed completed finished finalised finalized"))
"""Of candles that will not change any more."""

WORDS = _CLOSED | _CONTEXT_WORDS.keys() | unsupported.LARGE | unsupported.SMALL


def names_at(tokens: Sequence[Token], first: int, sources: SourceWords) -> list[Chunk]:
  """The longest name of each table at `first`.

  `sources` are the words of installed sources; they count where no table has a name.
  """
  found = [chunk for read in _READERS if (chunk := read(tokens, first)) is not None]
  for number, chunk in enumerate(found):
    chunk.cost += 0.02 * number
  longest = max((chunk.end for chunk in found), default=first)
  source = sources.phrases.longest_at(tokens, first)
  # Solana transfers are transfers, on Solana.
  event = source is not None and EVENT_NAMES.longest_at(tokens, source[1] - 1) is not None
  own = source is not None and source[0] in CHAIN_SOURCES and event
  if source is not None and source[1] > longest and not own:
    found.append(Chunk(KIND, first, source[1], (source[0],), cost=0.3))
  venue = sources.venues.longest_at(tokens, first)
  if venue is not None and all(chunk.role != VENUE for chunk in found):
    found.append(_venue_chunk(tokens, first, *venue))
  return found


def _kind(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = KIND_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  kind, end = found
  word = tokens[first].word
  if end == first + 1 and _is_verb(tokens, first):
    return None
  chunk = Chunk(KIND, first, end, (kind,), EXACT if word.rstrip("s") == kind.rstrip("s") else ALIAS)
  if word == "how" or (end == first + 1 and word in _WEAK_KINDS):
    chunk.role = WEAK_KIND
  if (
    kind == "orderbook"
    and end < len(tokens)
    and tokens[end].word in ("deltas", "diffs", "delta", "diff")
  ):
    chunk.end = end + 1
    chunk.facts.append(("filter", {"deltas": True}, EXACT))
  return chunk


def _is_verb(tokens: Sequence[Token], first: int) -> bool:
  """Whether a name of data is what somebody does: I trade perps on Bybit, my husband trades."""
  word, before = tokens[first].word, [token.word for token in tokens[max(0, first - 2) : first]]
  if word in _VERBS:
    # I usually trade stocks.
    before = [other for other in before if not other.endswith("ly")]
    return before[-1:] != [] and before[-1] in _SUBJECTS
  known = len(before) == 2 and before[1] in ASSET_NAMES.words | VENUE_NAMES.words
  return (
    word.removesuffix("s") in _VERBS
    and before[:1] != []
    and not known
    and (len(before) == 2 and before[0] in ("my", "our") and tokens[first - 1].kind == WORD)
  )


def _event(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = EVENT_NAMES.longest_at(tokens, first)
  if found is None:
    if tokens[first].word in data.MOVEMENTS:
      return Chunk(EVENT, first, first + 1, "movement", ALIAS, cost=MOVEMENT_COST)
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
  """An asset; one that is also an English word in small letters needs support."""
  found = ASSET_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  ticker, end = found
  token = tokens[first]
  if token.text == "etc" and end < len(tokens) and tokens[end].text == "." and tokens[end].attached:
    # "BTC, ETH, etc." is no Ethereum Classic.
    return Chunk(UNKNOWN, first, end + 1, ())
  exact = end == first + 1 and token.text.upper() == ticker
  weak = end == first + 1 and (
    ticker in assets.ENGLISH_TICKERS and not token.uppercase
    if exact
    else token.word in assets.ENGLISH_NAMES and token.text.islower()
  )
  if ticker == "HYPE":
    # The coin of a venue that is named beside it.
    weak = weak and all(VENUE_NAMES.single.get(t.word) != "hyperliquid" for t in tokens)
  return Chunk(ASSET, first, end, ticker, EXACT if exact else ALIAS, weak=weak)


def _venue(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = VENUE_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  return _venue_chunk(tokens, first, *found)


def _venue_chunk(tokens: Sequence[Token], first: int, venue: str, end: int) -> Chunk:
  how: How = EXACT if tokens[first].word == venue else ALIAS
  # A venue whose name is an English word needs "on", a capital letter or a venue beside it.
  word = tokens[first].word
  english = word in venues.ENGLISH_NAMES or word in filler.FILLER or is_plain(word)
  weak = english and end == first + 1 and tokens[first].text.islower()
  weak = weak and not _is_said_to_be_venue(tokens, first, end)
  cost = 1.5 if tokens[first].word in ASSET_NAMES.single and end == first + 1 else 0.0
  return Chunk(VENUE, first, end, venue, how, cost=cost, weak=weak)


def _is_said_to_be_venue(tokens: Sequence[Token], first: int, end: int) -> bool:
  """Whether a name that may be an English word is the value of a key for venues, or stands beside
  one that is no such word: exchange = gate, gate + mexc."""
  if key_before(tokens, first) in _VENUE_KEYS:
    return True
  for sign, other in ((end, end + 1), (first - 1, first - 2)):
    if sign < 0 or other < 0 or other >= len(tokens) or tokens[sign].text not in _BETWEEN_VENUES:
      continue
    if tokens[other].word in VENUE_NAMES.single and not is_english(tokens[other].word):
      return True
  return False


def _chain(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = CHAIN_NAMES.longest_at(tokens, first)
  if found is None:
    return None
  chain, end = found
  facts: list[Fact] = [("filter", {"chain": chain}, ALIAS)]
  plain = end == first + 1
  named_like_asset = plain and ASSET_NAMES.longest_at(tokens, first) is not None
  weak = plain and not named_like_asset and is_english(tokens[first].word)
  after = [token.word for token in tokens[end : end + 2]]
  # Solana transfers of USDC.
  where = len(after) > 1 and after[0] in EVENT_NAMES.single and after[1] == "of"
  cost = 3.0 if named_like_asset and not where else 0.0
  return Chunk(CHAIN, first, end, chain, ALIAS, facts, cost=cost, weak=weak)


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
  if role == POSTS and first and tokens[first - 1].word in ("that", "which", "who"):
    # Posts which mention an ETF.
    return None
  return None if role is None else Chunk(role, first, first + 1)


def _vague_size(tokens: Sequence[Token], first: int) -> Chunk | None:
  word = tokens[first].word
  if word in unsupported.LARGE or word in unsupported.SMALL:
    return Chunk(FILTER, first, first + 1, "size")
  return None


def _closed(tokens: Sequence[Token], first: int) -> Chunk | None:
  if tokens[first].word not in _CLOSED:
    return None
  return filter_chunk("closed", first, first + 1, {"closed": True})


def _deltas(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Every change of a book, where one is named: level2 of BTC, the raw updates."""
  found = _EVERY_CHANGE.longest_at(tokens, first)
  if found is None or all(KIND_NAMES.single.get(t.word) != "orderbook" for t in tokens):
    return None
  return filter_chunk("deltas", first, found[1], {"deltas": True})


def _filler_phrase(tokens: Sequence[Token], first: int) -> Chunk | None:
  found = FILLER_PHRASES.longest_at(tokens, first)
  return None if found is None else Chunk(FILLER, first, found[1])


def _count(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Number of tweets, how many trades."""
  found = _COUNTS.longest_at(tokens, first)
  return (
    None
    if found is None
    else Chunk(FILTER, first, found[1], "count", facts=[("note", "count", EXACT)])
  )


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
  _closed,
  _deltas,
  _filler_phrase,
  _count,
)
