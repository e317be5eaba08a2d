"""Which kinds of data a clause asks for, also where it names them in a roundabout way."""

import re

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request, Scope
from bond_english.reading.names import BLENDING, MERGING
from bond_english.text.chunks import (
  ALERT,
  ALIAS,
  AMBIGUOUS_X,
  ASSET,
  ASSUMED,
  AUTHOR,
  AVERAGE,
  BOUND,
  CHAIN,
  CONJUNCTION,
  EVENT,
  EXACT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  METRIC,
  OPERATOR,
  PAIR,
  PLAIN,
  POSTS,
  PROVIDER,
  QUERY,
  QUOTE,
  TIME_SPAN,
  UNKNOWN,
  VAGUE_KIND,
  VENUE,
  WEAK_KIND,
  Chunk,
  How,
)
from bond_english.text.tokens import SIGN
from bond_english.words import data
from bond_english.words.assets import ASSETS, MONEY
from bond_english.words.chains import CHAIN_OF_ASSET
from bond_english.words.english import is_english
from bond_english.words.lexicon import CHAIN_NAMES, KIND_NAMES
from bond_english.words.plain import bases
from bond_english.words.venues import DEXES

_WALLET_WORDS = frozenset(("wallet", "account", "holder", "owner", "wallets", "accounts"))
_ENTERING = frozenset(("to", "into", "entering", "enters", "reaching", "reaches"))
_LEAVING = frozenset(("from", "leaving", "leaves", "exiting", "exits"))
_WALLET_ADJECTIVES = frozenset(("hot", "cold", "deposit", "treasury", "multisig"))
_TOKEN_WORDS = frozenset(("mint", "contract", "address", "token"))


_AVERAGED = frozenset(("price", "vwap", "bbo"))
"""Kinds of which a window has the average: of the price, of the best bid and ask."""
_HANDLE = re.compile(r"\w{2,15}", re.ASCII)
"""What X takes as the name of an account."""
_MADE = data.WINDOWED | {"ohlc"}
"""Kinds that are made of trades."""
_OF = frozenset(("from", "of", "over", "using", "with"))
_PRICED = frozenset(("priced", "quoted", "denominated"))
"""Words for a currency that say that a price is meant."""


def resolve_kinds(request: Request, clause: Scope, findings: Findings) -> None:
  """Makes kinds of what stands for one: transfers, market data, sentiment, headlines of a provider,
  worth."""
  for index, chunk in clause.indexed(AMBIGUOUS_X):
    _network_or_letter(request, clause, findings, index, chunk)
  for chunk in clause.having(FILTER):
    if chunk.value == "closed" and request.having(EVENT):
      # Of events on a chain it is how sure they are.
      chunk.value, chunk.facts = "commitment", [("filter", {"commitment": "finalized"}, EXACT)]
  for chunk in clause.having(VENUE):
    _each_of_named(request, chunk)
  for index, chunk in clause.indexed(POSTS):
    _posts(request, clause, findings, index, chunk)
  for chunk in clause.having(EVENT):
    if chunk.value == "movement":
      _movement(clause, chunk)
    elif chunk.value == "tx" and any(venue.value not in DEXES for venue in clause.having(VENUE)):
      # Transactions at an exchange.
      chunk.facts = []
      _make_kinds(chunk, ("trades",), ALIAS)
    else:
      _make_kinds(chunk, ("onchain",), chunk.how)
  for chunk in clause.having(PROVIDER, METRIC):
    _metric_or_provider(clause, findings, chunk)
  for chunk in clause.having(VAGUE_KIND):
    _vague(request, clause, findings, chunk)
  for chunk in clause.having(AVERAGE):
    # A window has the average price, bid and ask, and no other average.
    if clause.first_word(chunk) in MERGING:
      _merged(clause, chunk)
    elif clause.kinds() & _AVERAGED and clause.kinds() <= _AVERAGED | {"trades"}:
      chunk.role, chunk.value, chunk.facts = FILTER, "blend", [("note", "average", EXACT)]
    else:
      chunk.role, chunk.value = OPERATOR, request.text_of(chunk)
  for index, chunk in clause.indexed(WEAK_KIND):
    following = clause.following(index)
    compared = following is not None and following.role == BOUND and following.value.side
    if clause.kinds() or compared:
      chunk.make_filler()
    else:
      chunk.role, chunk.how = KIND, ALIAS
  for chunk in clause.having(KIND):
    _what_it_is_made_of(request, request.chunks.index(chunk), chunk)
  for index, chunk in clause.indexed(FILTER):
    _wallet_or_token(request, clause, index, chunk)
  for index, chunk in clause.indexed(ASSET):
    _chain_before_token(clause, index, chunk)
  _posts_left_out(request, clause, findings)
  _kind_by_verb(request, clause, findings)
  _trades_of_tokens(clause, findings)
  _trading_at(request, clause)


def _each_of_named(request: Request, chunk: Chunk) -> None:
  """Each exchange are those that the request names. @binance is an account where posts are asked
  for."""
  written = request.text_of(chunk)
  named = [other for other in request.having(VENUE) if other.value != "*"]
  if chunk.value == "*" and named and request.first_word(chunk) in ("each", "every"):
    chunk.make_filler()
  elif written.startswith("@") and (request.having(POSTS) or request.kinds() & data.TEXTS):
    chunk.role, chunk.value, chunk.how = AUTHOR, written[1:], EXACT


def _what_it_is_made_of(request: Request, index: int, chunk: Chunk) -> None:
  """The trades of "bars from ETH trades" are what the bars are made of, and no data besides."""
  for number in reversed(range(index)):
    made = request.chunks[number]
    if made.role in (CONJUNCTION, BOUND) or request.tokens[made.first].kind == SIGN:
      return
    if made.role == KIND:
      between = {token.word for token in request.tokens[made.end : chunk.first]}
      if chunk.value == ("trades",) and made.value[0] in _MADE and between & _OF:
        made.parts.append(chunk)
        chunk.make_filler()
      return


def _movement(clause: Scope, chunk: Chunk) -> None:
  """Moves are transfers where a chain, a wallet or an amount of coins is named."""
  amounts = [other.value.unit for other in clause.having(BOUND)]
  coins = any(unit in ASSETS and unit not in MONEY for unit in amounts)
  if coins or is_on_chain(clause) or "onchain" in clause.kinds():
    chunk.facts = [("filter", {"event_types": ["transfer"]}, ALIAS)]
    _make_kinds(chunk, ("onchain",), ALIAS)
  elif clause.kinds() and clause.having(ASSET, PAIR):
    # A moving picture of the best bid and offer.
    chunk.role, chunk.value = PLAIN, None
  else:
    chunk.make_unknown()


def _merged(clause: Scope, chunk: Chunk) -> None:
  """Merged books are one book, merged prices and volumes one figure; events come as they are."""
  kinds = clause.kinds()
  quotes = [other for other in clause.having(KIND) if other.value == ("bbo",)]
  if kinds == {"bbo"} and not any(other.facts for other in quotes):
    # The best bid and ask of all is the first level of one book.
    for other in quotes:
      other.value, other.facts = ("orderbook",), [("filter", {"depth": 1}, ALIAS)]
    kinds = {"orderbook"}
  if kinds == {"orderbook"}:
    chunk.role, chunk.value = FILTER, METRIC
    chunk.facts = [("filter", {"metric": "consolidated"}, ALIAS)]
  elif kinds and kinds <= _one_figure(clause, chunk) and not _of_stream(clause, chunk):
    chunk.role, chunk.value, chunk.facts = FILTER, "blend", [("note", "average", EXACT)]
  else:
    chunk.make_filler()


def _one_figure(clause: Scope, chunk: Chunk) -> frozenset[str]:
  """The kinds of which venues can be merged into one figure: trades where they are added up."""
  added = clause.having(INTERVAL, TIME_SPAN) and clause.first_word(chunk) in BLENDING
  return data.WINDOWED | {"price"} | ({"trades"} if added else set())


def _of_stream(clause: Scope, chunk: Chunk) -> bool:
  """Whether it is the stream that is merged, which it is anyway."""
  after = clause.tokens[chunk.end : chunk.end + 4]
  return any(token.word in ("stream", "feed", "streams", "feeds") for token in after)


def is_on_chain(clause: Scope) -> bool:
  """Whether a chain, or an address on one, is named."""
  return bool(clause.having(CHAIN)) or any(c.value == "address" for c in clause.having(FILTER))


def _chain_before_token(clause: Scope, index: int, chunk: Chunk) -> None:
  """The polygon of "polygon USDC transfers" and of "polygon: USDC to 0x…" is where they are."""
  at = index + 1
  at += at < len(clause.chunks) and clause.first_word(clause.chunks[at]) == ":"
  following = clause.chunks[at] if at < len(clause.chunks) else None
  found = CHAIN_NAMES.longest_at(clause.tokens, chunk.first)
  if following is None or following.role != ASSET or found is None or found[1] != chunk.end:
    return
  on_chain = "onchain" in clause.kinds() or (not clause.kinds() and is_on_chain(clause))
  if on_chain and following.value not in CHAIN_OF_ASSET:
    chunk.role, chunk.value = CHAIN, found[0]
    chunk.facts = [("filter", {"chain": found[0]}, ALIAS)]


def _network_or_letter(
  request: Request, clause: Scope, findings: Findings, index: int, chunk: Chunk
) -> None:
  """X: posts on X beside words for posts, or after "on" where nothing else is named."""
  following = clause.following(index, skip=(FILLER,))
  located = chunk.preposition in ("on", "from")
  nearby = {other.role for other in clause.chunks[max(0, index - 3) : index + 3]}
  named = any("tweets" in other.value for other in request.having(KIND))
  beside = clause.chunks[max(0, index - 2) : index]
  joined = [other.role for other in beside] == [KIND, CONJUNCTION]
  network = joined and not data.TEXTS.isdisjoint(beside[0].value)
  if located and request.having(POSTS):
    _make_kinds(chunk, ("tweets",), ALIAS)
  elif named:
    chunk.make_filler()
  elif network or POSTS in nearby or (following is not None and following.role in (METRIC, POSTS)):
    _make_kinds(chunk, ("tweets",), ALIAS)
  elif located and not request.having(KIND, WEAK_KIND, EVENT, VAGUE_KIND):
    _make_kinds(chunk, ("tweets",), ASSUMED)
    findings.warn("'on X' is taken for posts on X")
  else:
    chunk.make_unknown()


def _posts(request: Request, clause: Scope, findings: Findings, index: int, chunk: Chunk) -> None:
  """Posts, mentions: of the network that the request names, else of the one that an installed
  source has the word for."""
  named = any(kind in data.TEXTS for kind in clause.kinds())
  elsewhere = any(kind in data.TEXTS for kind in request.kinds())
  previous = clause.previous(index, skip=(FILLER,))
  foreign = previous is not None and previous.role == UNKNOWN
  if foreign and previous is not None:
    # Reddit posts: one question about both words.
    chunk.role, chunk.value = UNKNOWN, ()
    return
  if named or elsewhere or clause.first_word(chunk) in ("post", "mention"):
    chunk.make_filler()
    return
  source = request.source_words.get("posts", "bluesky.posts")
  kind = "tweets" if source.startswith("x.") else "bluesky"
  _make_kinds(chunk, (kind,), ASSUMED)
  free = ", which are free" if kind == "bluesky" else ""
  written, label = request.text_of(chunk), data.KINDS[kind].label
  findings.warn(f"no network is named; {written!r} is taken for {label}{free}")


def _posts_left_out(request: Request, clause: Scope, findings: Findings) -> None:
  """Not from @elonmusk, without replies: what a search on X leaves out."""
  if "tweets" not in request.kinds():
    return
  for chunk in clause.chunks:
    written = clause.text_of(chunk).removeprefix("@")
    if not chunk.left_out or chunk.role not in (UNKNOWN, AUTHOR):
      continue
    operator = data.LEFT_OUT_POSTS.get(clause.first_word(chunk))
    named = clause.tokens[chunk.first - 1].word in ("from", "by") and not is_english(written)
    if chunk.role == AUTHOR or named:
      operator = f"from:{written}" if _HANDLE.fullmatch(written) else None
    if operator is not None:
      chunk.role, chunk.value, chunk.left_out = FILTER, "without", False
      chunk.facts = [("filter", {"without": operator}, EXACT)]
      findings.note(f"without {written}")


def _metric_or_provider(clause: Scope, findings: Findings, chunk: Chunk) -> None:
  kind = chunk.value
  if kind == "gas":
    # Blocks have their fee as a field; without blocks a fee is a kind of its own.
    chunk.facts = []
    mempool = [c for c in clause.having(KIND) if _is_event(c, "mempool") and c.end == chunk.first]
    blocks = not mempool and any(
      _is_event(other, "block") and not _is_how_often(clause, other)
      for other in clause.having(KIND)
    )
    if blocks:
      chunk.role, chunk.value, chunk.told = FILTER, "field", True
      chunk.facts = [("note", "a field of the events", chunk.how)]
      findings.note(f"each block has the {clause.text_of(chunk)}")
    else:
      _make_kinds(chunk, ("gas",), ALIAS)
      for other in mempool:
        if clause.having(CHAIN, ASSET):
          other.make_filler()
          continue
        # What waits to be in a block is said of Bitcoin.
        other.role, other.value, other.how = CHAIN, "bitcoin", ASSUMED
        other.facts = [("filter", {"chain": "bitcoin"}, ASSUMED)]
        findings.warn("No chain is named; the mempool is taken for that of Bitcoin")
  elif kind in clause.kinds():
    chunk.role, chunk.value = FILTER, chunk.role
  elif chunk.role == METRIC and kind == "tweets":
    _make_kinds(chunk, (kind,), ASSUMED)
    findings.warn(f"{clause.text_of(chunk)!r} is taken for that of {data.KINDS[kind].label}")
  else:
    if kind == "onchain":
      chunk.facts.append(("filter", {"event_types": ["metric"]}, chunk.how))
    _make_kinds(chunk, (kind,), ALIAS)


def _is_event(chunk: Chunk, event: str) -> bool:
  return any(value == {"event_types": [event]} for _, value, _ in chunk.facts)


def _is_how_often(clause: Scope, chunk: Chunk) -> bool:
  """Whether every or each stands before a chunk: base fee every block."""
  return clause.tokens[chunk.first - 1].word in ("every", "each") if chunk.first else False


def _vague(request: Request, clause: Scope, findings: Findings, chunk: Chunk) -> None:
  kinds = chunk.value
  named = clause.kinds()
  if "_" in clause.text_of(chunk) and request.having(KIND):
    # The name of a tool, beside what it is to do.
    chunk.make_filler()
    return
  texts = data.TEXTS.issuperset(kinds) and not data.TEXTS.isdisjoint(named)
  if named.issuperset(kinds) or texts:
    chunk.make_filler()
    return
  labels = " and ".join(data.KINDS[kind].label for kind in kinds)
  findings.warn(f"{clause.text_of(chunk)!r} is taken for {labels}")
  _make_kinds(chunk, kinds, ASSUMED)


def _wallet_or_token(request: Request, clause: Scope, index: int, chunk: Chunk) -> None:
  """An address is a token's, but after "to" and "from", a word such as wallet, or with movements it
  is a wallet."""
  if chunk.value != "address":
    return
  _token_in_brackets(request, chunk)
  previous = clause.previous(index, skip=(FILLER,))
  word = "" if previous is None else clause.first_word(previous)
  written = clause.text_of(chunk)
  moving = any(request.first_word(other) in data.MOVEMENTS for other in request.having(KIND))
  named = any(slot == "symbol" for slot, _, _ in chunk.facts)
  way = chunk.preposition or word
  directed = way in ("by", *_ENTERING, *_LEAVING) or any(
    other.value == "direction" for other in request.having(FILTER)
  )
  directed = directed or (word not in _TOKEN_WORDS and not named and _names_token(clause))
  if word in _WALLET_WORDS or directed or (moving and not named):
    facts: dict[str, object] = {"account": written}
    if way in _ENTERING:
      facts["direction"] = "in"
    elif way in _LEAVING:
      facts["direction"] = "out"
    chunk.facts = [("filter", facts, chunk.how)]
  for other in request.having(UNKNOWN, PLAIN):
    if request.first_word(other) in _WALLET_WORDS | _TOKEN_WORDS | _WALLET_ADJECTIVES:
      other.make_filler()
  owners = [c for c in clause.chunks[:index] if c.role not in (FILLER, PLAIN, UNKNOWN)][-1:]
  if word in _WALLET_WORDS and owners and owners[0].role == VENUE:
    # Binance's hot wallet: whose it is.
    owners[0].make_filler()


def _names_token(clause: Scope) -> bool:
  """Whether a token is named besides an address, which is then no token's: USDC moved by 0x…"""
  tokens = [c for c in clause.having(ASSET) if c.how == EXACT or c.value not in CHAIN_OF_ASSET]
  return bool(tokens) and "onchain" in clause.kinds()


def _token_in_brackets(request: Request, chunk: Chunk) -> None:
  """The (USDT) after the address of a token names it once more."""
  contract = any(slot == "filter" and "account" not in value for slot, value, _ in chunk.facts)
  index = request.chunks.index(chunk)
  after = request.chunks[index + 1 : index + 4]
  texts = [request.text_of(other) for other in after]
  if contract and len(after) == 3 and after[1].role == ASSET and texts[::2] == ["(", ")"]:
    chunk.facts = [fact for fact in chunk.facts if fact[0] != "symbol"]
    chunk.facts.append(("symbol", after[1].value, ALIAS))
    after[1].make_filler()


def _trading_at(request: Request, clause: Scope) -> None:
  """Tell me when BTC trades under 90k: at what price, and not for how much."""
  if not request.having(ALERT):
    return
  for index, chunk in clause.indexed(KIND):
    before, after = clause.previous(index), clause.following(index)
    verb = clause.first_word(chunk) in ("trades", "trade") and chunk.end == chunk.first + 1
    if not verb or chunk.value != ("trades",) or before is None or after is None:
      continue
    if before.role in (ASSET, PAIR) and after.role == BOUND:
      bound = after.value
      if bound.unit is None or bound.in_dollars:
        _make_kinds(chunk, ("price",), ALIAS)


def _trades_of_tokens(clause: Scope, findings: Findings) -> None:
  """Trades on Raydium, and of a token that an address names, are swaps."""
  named = clause.having(ASSET, PAIR)
  addressed = not named and any(c.value == "address" for c in clause.having(FILTER))
  venues = clause.having(VENUE)
  on_chain = bool(venues) and all(chunk.value in DEXES for chunk in venues)
  if not (addressed or on_chain):
    return
  for chunk in clause.having(KIND):
    if chunk.value == ("trades",):
      chunk.facts.append(("filter", {"event_types": ["swap"]}, ASSUMED))
      _make_kinds(chunk, ("onchain",), ASSUMED)
      findings.warn("trades on chain are taken for swaps")


def _kind_by_verb(request: Request, clause: Scope, findings: Findings) -> None:
  """Everything printed above $200k, what is traded on okx: where nothing else names data."""
  if request.having(KIND, POSTS, EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND):
    return
  for chunk in clause.having(FILLER, PLAIN):
    if clause.first_word(chunk) in KIND_NAMES.single:
      continue
    forms = [form for base in bases(clause.first_word(chunk)) for form in (base, f"{base}s")]
    kinds = {KIND_NAMES.single[form] for form in forms if form in KIND_NAMES.single}
    if kinds and kinds <= data.SIZED:
      (kind,) = kinds
      findings.warn(f"{clause.text_of(chunk)!r} is taken for {data.KINDS[kind].label}")
      _make_kinds(chunk, (kind,), ASSUMED)
      return


def assume_kinds(request: Request, findings: Findings) -> None:
  """Assumes a kind for a request that names none and has no question yet: trades where a side is
  named, tweets where an author is, else the price."""
  if findings.rejections or findings.questions:
    return
  if _symbol_is_joined_with_texts(request):
    _assume(
      findings,
      "price",
      "a symbol joined with posts or chain events; its price is taken to be meant",
    )
    return
  if request.kinds() or request.having(UNKNOWN, OPERATOR):
    return
  filters = {chunk.value for chunk in request.having(FILTER) if isinstance(chunk.value, str)}
  if "depth" in filters:
    findings.assume("source", "orderbook", ALIAS)
  elif any(isinstance(c.value, tuple) and c.value == ("onchain",) for c in request.having(FILTER)):
    _assume(findings, "onchain", "no kind of data is named; taken for transfers on the chain")
  elif any("account" in value for c in request.having(FILTER) for _, value, _ in c.facts if value):
    _assume(findings, "onchain", "no kind of data is named; taken for what the wallet transfers")
  elif any(token.word == "everything" for token in request.tokens):
    findings.ask("Which data: price, trades, order book, funding, tweets, …?")
  elif "side" in filters:
    _assume(findings, "trades", "buys and sells are taken for trades")
  elif "position" in filters:
    _assume(findings, "liquidations", "longs and shorts are taken for their liquidations")
  elif request.having(AUTHOR) or (request.having(QUERY) and not request.having(ASSET, PAIR)):
    _assume(findings, "tweets", "no kind of data is named; taken for tweets")
  elif request.having(ASSET, PAIR) and (vague := _activity(request)) is not None:
    if request.having(CHAIN):
      findings.assume("source", "onchain", ALIAS)
      return
    findings.ask(
      f"{request.text_of(vague)!r}: what is traded, or what happens on its chain?",
      *(((vague.first, vague.end, words),) for words in ("trades", "on-chain activity")),
    )
  elif any(request.first_word(chunk) in _PRICED for chunk in request.having(QUOTE)):
    findings.assume("source", "price", ALIAS)
  elif request.having(ASSET, PAIR):
    _assume(findings, "price", "no kind of data is named; taken for the price")


def _activity(request: Request) -> Chunk | None:
  return next((c for c in request.having(FILLER) if request.first_word(c) == "activity"), None)


def _symbol_is_joined_with_texts(request: Request) -> bool:
  """Whether symbols are joined with data of no market: BTC/USDT + tweets is a price and tweets."""
  if not request.kinds() or not request.kinds() <= data.TEXTS | {"onchain"}:
    return False
  first_kind = next((index for index, _ in request.indexed(KIND)), 0)
  joint = request.previous(first_kind, skip=(FILLER,))
  if joint is None or joint.role != CONJUNCTION:
    return False
  if joint.value not in ("+", "&", "plus", "and", "with", "also"):
    return False
  before = request.previous(request.chunks.index(joint), skip=(FILLER, CONJUNCTION))
  symbols_after = any(chunk.role in (ASSET, PAIR) for chunk in request.chunks[first_kind:])
  return before is not None and before.role in (ASSET, PAIR) and not symbols_after


def _assume(findings: Findings, kind: str, warning: str) -> None:
  findings.assume("source", kind, ASSUMED)
  findings.warn(warning)


def _make_kinds(chunk: Chunk, kinds: tuple[str, ...], how: How) -> None:
  chunk.role, chunk.value, chunk.how = KIND, kinds, how
