"""What a word is by its place: near the token or the word, Solana the asset or the chain, X the
network or a letter."""

from bond_english.draft import Draft
from bond_english.lexicon import CHAIN_NAMES, VENUE_NAMES
from bond_english.marks import (
  ALIAS,
  ASSET,
  ASSUMED,
  AUTHOR,
  BOUND,
  CHAIN,
  EVENT,
  FILLER,
  FILTER,
  INTERVAL,
  JOIN,
  KIND,
  MARKET,
  METRIC,
  OF,
  PAIR,
  PERHAPS,
  POSTS,
  PROVIDER,
  QUERY,
  QUOTE,
  SPAN,
  VAGUE,
  VENUE,
  VERSUS,
  WEAK,
  Mark,
)
from bond_english.names import LETTER_X
from bond_english.words import chains, data, filler, venues

_DATA = (KIND, METRIC, EVENT, WEAK, POSTS, VAGUE, PROVIDER)
_SYMBOLS = (ASSET, PAIR)
_ABOUT = frozenset(("about", "mentioning"))
_WALLETS = frozenset(("wallet", "account", "holder", "owner"))
_TOKENS = frozenset(("mint", "contract", "address", "token"))
_AT = frozenset(("on", "at", "from", "via", "through", "by", "in", "using"))
_CHAIN_NOUNS = frozenset(("chain", "network", "blockchain", "mainnet", "chain's"))


def settle(draft: Draft) -> None:
  """Gives every mark that could be several things the one that its place allows."""
  for number, mark in enumerate(draft.marks):
    if mark.slot == ASSET:
      _venue_or_asset(draft, number, mark)
  for number, mark in draft.numbered(VENUE):
    _named_venue(draft, number, mark)
    if mark.value == "*" and mark.how == ASSUMED:
      draft.warn(f"{draft.written(mark)!r} is taken for all that are installed")
  for number, mark in draft.numbered(PERHAPS):
    _symbol_or_word(draft, number, mark)
  _networks(draft)
  for number, mark in draft.numbered(FILTER):
    _whose_address(draft, number, mark)
  for number, mark in draft.numbered(ASSET, CHAIN):
    _chain_or_asset(draft, number, mark)


def _venue_or_asset(draft: Draft, number: int, mark: Mark) -> None:
  """Orca, Jupiter, dYdX: a venue behind "on" or beside another venue."""
  venue = VENUE_NAMES.single.get(draft.word(mark))
  if venue is None or mark.last != mark.first + 1:
    return
  if _at_a_venue(draft, number):
    mark.slot, mark.value, mark.how = VENUE, venue, ALIAS


def _at_a_venue(draft: Draft, number: int) -> bool:
  previous = draft.before(number)
  if previous is None:
    return False
  if previous.slot in (OF, FILLER) and draft.word(previous) in _AT:
    return True
  beside = draft.before(number, over=(JOIN,))
  return beside is not None and beside.slot == VENUE


def _named_venue(draft: Draft, number: int, mark: Mark) -> None:
  """A venue whose name is a word for something else needs "on" or a capital letter."""
  if mark.value not in venues.ORDINARY or mark.last != mark.first + 1:
    return
  following = draft.after(number, over=(JOIN,))
  near = following is not None and following.slot == VENUE
  if not (near or _at_a_venue(draft, number) or not draft.tokens[mark.first].text.islower()):
    draft.give_up(mark)


def _symbol_or_word(draft: Draft, number: int, mark: Mark) -> None:
  """A ticker that is an English word, in small letters: a symbol only where one stands."""
  following = draft.after(number)
  previous = draft.before(number)
  if _stands_for_symbol(draft, number, previous, following):
    mark.slot = ASSET
    behind = draft.before(number, over=(FILLER,))
    said = following is not None and following.slot == KIND
    about = behind is not None and behind.slot == OF and draft.word(behind) in _ABOUT
    if about or (said and following is not None and not data.TEXTS.isdisjoint(following.value)):
      mark.how = ASSUMED
      draft.warn(f"{draft.written(mark)!r} is taken for the asset {mark.value}")
    return
  word = draft.word(mark)
  counted = following is not None and following.slot not in (JOIN, INTERVAL, SPAN)
  if word in filler.FILLER or (word == "one" and counted):
    draft.ignore(mark)
  elif word in CHAIN_NAMES.single:
    mark.slot, mark.value = CHAIN, CHAIN_NAMES.single[word]
  else:
    draft.give_up(mark)


def _stands_for_symbol(
  draft: Draft, number: int, previous: Mark | None, following: Mark | None
) -> bool:
  word = draft.word(draft.marks[number])
  if previous is None and following is None:
    return True
  alone = word == "one"
  if following is not None and following.slot in (*_DATA, MARKET, QUOTE) and not alone:
    return True
  ends = following is None or following.slot in (
    *(JOIN, INTERVAL, SPAN, OF, *_DATA, QUOTE, VENUE, BOUND, FILTER, MARKET, VERSUS, *_SYMBOLS),
    PERHAPS,
  )
  ends = ends or (
    following is not None
    and following.slot == FILLER
    and draft.word(following) in (*_AT, ".", "?", "!", ")")
  )
  behind = draft.before(number, over=(FILLER,))
  if behind is not None and behind.slot == OF and ends and not alone:
    return not (previous is not None and previous.slot == FILLER and draft.word(previous) != "the")
  beside = draft.before(number, over=(JOIN, VERSUS))
  if beside is not None and beside.slot in _SYMBOLS and ends:
    return True
  ahead = draft.after(number, over=(JOIN, VERSUS, PERHAPS))
  if ahead is not None and ahead.slot in _SYMBOLS:
    return following is not None and following.slot in (
      (JOIN,) if alone else (JOIN, VERSUS, *_SYMBOLS)
    )
  return False


def _whose_address(draft: Draft, number: int, mark: Mark) -> None:
  """An address is a token's unless a wallet is named before it."""
  previous = draft.before(number, over=(FILLER,))
  if mark.value != "address" or previous is None:
    return
  word = draft.word(previous)
  if word in _WALLETS:
    mark.facts = [("filter", {"account": draft.written(mark)}, mark.how)]
  if word in _WALLETS or word in _TOKENS:
    draft.ignore(previous)


def _networks(draft: Draft) -> None:
  """Posts, mentions, X: of the network that is named beside them, else of the one that an installed
  plugin has the word for."""
  for number, mark in draft.numbered(LETTER_X):
    previous, following = draft.before(number), draft.after(number, over=(FILLER,))
    on = previous is not None and draft.word(previous) in ("on", "from")
    near = {other.slot for other in draft.marks[max(0, number - 3) : number + 3]}
    named = any("tweets" in other.value for other in draft.of(KIND))
    if named:
      draft.ignore(mark)
    elif POSTS in near or (following is not None and following.slot in (METRIC, POSTS)):
      _as_kind(mark, "tweets")
    elif on and not draft.of(KIND, WEAK, EVENT, VAGUE):
      _as_kind(mark, "tweets", ASSUMED)
      draft.warn("'on X' is taken for posts on X")
    else:
      draft.give_up(mark)
  for mark in draft.of(POSTS):
    if any(kind in data.TEXTS for kind in draft.kinds()) or draft.word(mark) in ("post", "mention"):
      draft.ignore(mark)
      continue
    source = draft.words.get("posts", "bluesky.posts")
    kind = "tweets" if source.startswith("x.") else "bluesky"
    _as_kind(mark, kind, ASSUMED)
    free = ", which are free" if kind == "bluesky" else ""
    draft.warn(
      f"no network is named; {draft.written(mark)!r} is taken for {data.KINDS[kind].label}{free}"
    )


def _as_kind(mark: Mark, kind: str, how: str = ALIAS) -> None:
  mark.slot, mark.value, mark.how = KIND, (kind,), how


def _chain_or_asset(draft: Draft, number: int, mark: Mark) -> None:
  """Ethereum in "eth blocks" and "USDC on ethereum" is a chain, in "ethereum price" an asset."""
  following, previous = draft.after(number), draft.before(number)
  chain = chains.OF_ASSET.get(mark.value) if mark.slot == ASSET else mark.value
  if chain is None:
    return
  whole = following is not None and (
    (following.slot == EVENT and following.value in data.OF_WHOLE_CHAIN)
    or (following.slot == KIND and "gas" in following.value)
    or (following.slot == METRIC and following.value in ("gas", "onchain"))
    or (following.slot == FILTER and following.value == "venue_type")
    or (following.slot == FILLER and draft.word(following) in _CHAIN_NOUNS)
  )
  placed = (
    previous is not None
    and draft.word(previous) in ("on", "via", "over")
    and previous.last == mark.first
  )
  listed = False
  if previous is not None and previous.slot == JOIN:
    beside = draft.before(number, over=(JOIN,))
    ends = following is None or following.slot in (JOIN, INTERVAL, SPAN, BOUND)
    listed = beside is not None and beside.slot == CHAIN and ends
  if whole or (placed and _has_a_subject(draft, number)) or (listed and mark.slot == ASSET):
    _as_chain(mark, chain)
  elif mark.slot == CHAIN and not mark.facts:
    several = mark.last > mark.first + 1 or draft.word(mark) == "bsc"
    if several or placed:
      _as_chain(mark, chain)
    else:
      draft.give_up(mark)


def _as_chain(mark: Mark, chain: str) -> None:
  mark.slot, mark.value = CHAIN, chain
  mark.facts = [("filter", {"chain": chain}, mark.how)]


def _has_a_subject(draft: Draft, number: int) -> bool:
  """Whether the words before "on" say already what it is about: USDC price on ethereum, transfers
  on solana, but not tweets on solana."""
  later = ""
  for mark in reversed(draft.marks[: number - 1]):
    if mark.slot in (ASSET, PAIR, EVENT, AUTHOR, QUERY):
      return True
    if mark.slot == FILTER and mark.value == "address":
      return True
    if mark.slot == KIND:
      if not {"onchain", "gas"}.isdisjoint(mark.value):
        return True
      if not data.TEXTS.isdisjoint(mark.value):
        return False
    if mark.slot == JOIN and later == KIND:
      return False
    if mark.slot != FILLER:
      later = mark.slot
  return False
