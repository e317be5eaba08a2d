"""What an ambiguous word is where it stands: near the token or the word, Solana the asset or the
chain, X the network or a letter."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.text.chunks import (
  ALIAS,
  AMBIGUOUS_ASSET,
  AMBIGUOUS_X,
  ASSET,
  ASSUMED,
  AUTHOR,
  BOUND,
  CHAIN,
  CONJUNCTION,
  EVENT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  MARKET_TYPE,
  METRIC,
  PAIR,
  POSTS,
  PREPOSITION,
  PROVIDER,
  QUERY,
  QUOTE,
  TIME_SPAN,
  VAGUE_KIND,
  VENUE,
  VERSUS,
  WEAK_KIND,
  Chunk,
  How,
  Role,
)
from bond_english.words import chains, data, filler, venues
from bond_english.words.lexicon import CHAIN_NAMES, VENUE_NAMES

_DATA: tuple[Role, ...] = (KIND, METRIC, EVENT, WEAK_KIND, POSTS, VAGUE_KIND, PROVIDER)
_SYMBOLS: tuple[Role, ...] = (ASSET, PAIR)
_AFTER_ASSET: tuple[Role, ...] = (
  CONJUNCTION,
  INTERVAL,
  TIME_SPAN,
  PREPOSITION,
  *_DATA,
  QUOTE,
  VENUE,
  BOUND,
  FILTER,
  MARKET_TYPE,
  VERSUS,
  *_SYMBOLS,
  AMBIGUOUS_ASSET,
)
"""Roles of what may follow an asset directly."""
_ABOUT_WORDS = frozenset(("about", "mentioning"))
_WALLET_WORDS = frozenset(("wallet", "account", "holder", "owner"))
_TOKEN_WORDS = frozenset(("mint", "contract", "address", "token"))
_LOCATION_WORDS = frozenset(("on", "at", "from", "via", "through", "by", "in", "using"))
_CHAIN_NOUNS = frozenset(("chain", "network", "blockchain", "mainnet", "chain's"))


def disambiguate(request: Request, findings: Findings) -> None:
  """Gives every ambiguous chunk the role that its neighbours allow."""
  for index, chunk in enumerate(request.chunks):
    if chunk.role == ASSET:
      _asset_or_venue(request, index, chunk)
  for index, chunk in request.indexed(VENUE):
    _venue_or_word(request, index, chunk)
    if chunk.value == "*" and chunk.how == ASSUMED:
      findings.warn(f"{request.text_of(chunk)!r} is taken for all that are installed")
  for index, chunk in request.indexed(AMBIGUOUS_ASSET):
    _asset_or_word(request, findings, index, chunk)
  for index, chunk in request.indexed(AMBIGUOUS_X):
    _network_or_letter(request, findings, index, chunk)
  for chunk in request.having(POSTS):
    _posts(request, findings, chunk)
  for index, chunk in request.indexed(FILTER):
    _wallet_or_token(request, index, chunk)
  for index, chunk in request.indexed(ASSET, CHAIN):
    _asset_or_chain(request, index, chunk)


def _asset_or_venue(request: Request, index: int, chunk: Chunk) -> None:
  """Orca, Jupiter, dYdX: a venue after "on" or beside another venue."""
  venue = VENUE_NAMES.single.get(request.first_word(chunk))
  if venue is None or chunk.end != chunk.first + 1:
    return
  if _is_location(request, index):
    chunk.role, chunk.value, chunk.how = VENUE, venue, ALIAS


def _is_location(request: Request, index: int) -> bool:
  """Whether a word such as "on" or another venue stands before this index."""
  previous = request.previous(index)
  if previous is None:
    return False
  if previous.role in (PREPOSITION, FILLER) and request.first_word(previous) in _LOCATION_WORDS:
    return True
  beside = request.previous(index, skip=(CONJUNCTION,))
  return beside is not None and beside.role == VENUE


def _venue_or_word(request: Request, index: int, chunk: Chunk) -> None:
  """A venue whose name is an English word needs "on", a capital letter or a venue beside it."""
  if chunk.value not in venues.ENGLISH_NAMES or chunk.end != chunk.first + 1:
    return
  following = request.following(index, skip=(CONJUNCTION,))
  beside_venue = following is not None and following.role == VENUE
  capitalised = not request.tokens[chunk.first].text.islower()
  if not (beside_venue or _is_location(request, index) or capitalised):
    chunk.make_unknown()


def _asset_or_word(request: Request, findings: Findings, index: int, chunk: Chunk) -> None:
  """A ticker that is an English word, in small letters: an asset only where one is expected."""
  following = request.following(index)
  if _asset_is_expected(request, index):
    chunk.role = ASSET
    before = request.previous(index, skip=(FILLER,))
    about = (
      before is not None
      and before.role == PREPOSITION
      and request.first_word(before) in _ABOUT_WORDS
    )
    of_texts = (
      following is not None
      and following.role == KIND
      and not data.TEXTS.isdisjoint(following.value)
    )
    if about or of_texts:
      chunk.how = ASSUMED
      findings.warn(f"{request.text_of(chunk)!r} is taken for the asset {chunk.value}")
    return
  word = request.first_word(chunk)
  counts = following is not None and following.role not in (CONJUNCTION, INTERVAL, TIME_SPAN)
  if word in filler.FILLER or (word == "one" and counts):
    chunk.make_filler()
  elif word in CHAIN_NAMES.single:
    chunk.role, chunk.value = CHAIN, CHAIN_NAMES.single[word]
  else:
    chunk.make_unknown()


def _asset_is_expected(request: Request, index: int) -> bool:
  """Whether an asset is expected at this index: before data, after "of", or in a list of assets."""
  previous, following = request.previous(index), request.following(index)
  if previous is None and following is None:
    return True
  # "One" is a number more often than Harmony.
  is_one = request.first_word(request.chunks[index]) == "one"
  before_data = following is not None and following.role in (*_DATA, MARKET_TYPE, QUOTE)
  if before_data and not is_one:
    return True
  complete = (
    following is None
    or following.role in _AFTER_ASSET
    or (
      following.role == FILLER
      and request.first_word(following) in (*_LOCATION_WORDS, ".", "?", "!", ")")
    )
  )
  before = request.previous(index, skip=(FILLER,))
  if before is not None and before.role == PREPOSITION and complete and not is_one:
    # Filler before it other than "the" makes it a plain word: price of all one.
    return previous is None or previous.role != FILLER or request.first_word(previous) == "the"
  before = request.previous(index, skip=(CONJUNCTION, VERSUS))
  if before is not None and before.role in _SYMBOLS and complete:
    return True
  after = request.following(index, skip=(CONJUNCTION, VERSUS, AMBIGUOUS_ASSET))
  if after is not None and after.role in _SYMBOLS:
    return following is not None and following.role in (
      (CONJUNCTION,) if is_one else (CONJUNCTION, VERSUS, *_SYMBOLS)
    )
  return False


def _network_or_letter(request: Request, findings: Findings, index: int, chunk: Chunk) -> None:
  """X: posts on X beside words for posts, or after "on" where nothing else is named."""
  previous, following = request.previous(index), request.following(index, skip=(FILLER,))
  located = previous is not None and request.first_word(previous) in ("on", "from")
  nearby = {other.role for other in request.chunks[max(0, index - 3) : index + 3]}
  named = any("tweets" in other.value for other in request.having(KIND))
  if named:
    chunk.make_filler()
  elif POSTS in nearby or (following is not None and following.role in (METRIC, POSTS)):
    _make_kind(chunk, "tweets")
  elif located and not request.having(KIND, WEAK_KIND, EVENT, VAGUE_KIND):
    _make_kind(chunk, "tweets", ASSUMED)
    findings.warn("'on X' is taken for posts on X")
  else:
    chunk.make_unknown()


def _posts(request: Request, findings: Findings, chunk: Chunk) -> None:
  """Posts, mentions: of the network that the request names, else of the one that an installed
  source has the word for."""
  named = any(kind in data.TEXTS for kind in request.kinds())
  if named or request.first_word(chunk) in ("post", "mention"):
    chunk.make_filler()
    return
  source = request.source_words.get("posts", "bluesky.posts")
  kind = "tweets" if source.startswith("x.") else "bluesky"
  _make_kind(chunk, kind, ASSUMED)
  free = ", which are free" if kind == "bluesky" else ""
  written, label = request.text_of(chunk), data.KINDS[kind].label
  findings.warn(f"no network is named; {written!r} is taken for {label}{free}")


def _make_kind(chunk: Chunk, kind: str, how: How = ALIAS) -> None:
  chunk.role, chunk.value, chunk.how = KIND, (kind,), how


def _wallet_or_token(request: Request, index: int, chunk: Chunk) -> None:
  """An address is a token's unless a word such as wallet stands before it."""
  previous = request.previous(index, skip=(FILLER,))
  if chunk.value != "address" or previous is None:
    return
  word = request.first_word(previous)
  if word in _WALLET_WORDS:
    chunk.facts = [("filter", {"account": request.text_of(chunk)}, chunk.how)]
  if word in _WALLET_WORDS or word in _TOKEN_WORDS:
    previous.make_filler()


def _asset_or_chain(request: Request, index: int, chunk: Chunk) -> None:
  """Ethereum in "eth blocks" and "USDC on ethereum" is a chain, in "ethereum price" an asset."""
  following, previous = request.following(index), request.previous(index)
  chain = chains.CHAIN_OF_ASSET.get(chunk.value) if chunk.role == ASSET else chunk.value
  if chain is None:
    return
  chain_wide = following is not None and (
    (following.role == EVENT and following.value in data.CHAIN_WIDE_EVENTS)
    or (following.role == KIND and "gas" in following.value)
    or (following.role == METRIC and following.value in ("gas", "onchain"))
    or (following.role == FILTER and following.value == "venue_type")
    or (following.role == FILLER and request.first_word(following) in _CHAIN_NOUNS)
  )
  located = (
    previous is not None
    and request.first_word(previous) in ("on", "via", "over")
    and previous.end == chunk.first
  )
  listed = False
  if previous is not None and previous.role == CONJUNCTION:
    beside = request.previous(index, skip=(CONJUNCTION,))
    last = following is None or following.role in (CONJUNCTION, INTERVAL, TIME_SPAN, BOUND)
    listed = beside is not None and beside.role == CHAIN and last
  if (
    chain_wide
    or (located and _subject_is_named(request, index))
    or (listed and chunk.role == ASSET)
  ):
    _make_chain(chunk, chain)
  elif chunk.role == CHAIN and not chunk.facts:
    unambiguous = chunk.end > chunk.first + 1 or request.first_word(chunk) == "bsc"
    if unambiguous or located:
      _make_chain(chunk, chain)
    else:
      chunk.make_unknown()


def _make_chain(chunk: Chunk, chain: str) -> None:
  chunk.role, chunk.value = CHAIN, chain
  chunk.facts = [("filter", {"chain": chain}, chunk.how)]


def _subject_is_named(request: Request, index: int) -> bool:
  """Whether the words before "on" say already what the data is about: USDC price on ethereum,
  transfers on solana, but not tweets on solana."""
  later: Role | None = None
  for chunk in reversed(request.chunks[: index - 1]):
    if chunk.role in (ASSET, PAIR, EVENT, AUTHOR, QUERY):
      return True
    if chunk.role == FILTER and chunk.value == "address":
      return True
    if chunk.role == KIND:
      if not {"onchain", "gas"}.isdisjoint(chunk.value):
        return True
      if not data.TEXTS.isdisjoint(chunk.value):
        return False
    if chunk.role == CONJUNCTION and later == KIND:
      return False
    if chunk.role != FILLER:
      later = chunk.role
  return False
