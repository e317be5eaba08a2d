"""What its notation gives away: $BTC, @saylor, #bitcoin, addresses, quoted words."""

from collections.abc import Sequence

from bond_english.text.chunks import (
  ALIAS,
  ASSET,
  AUTHOR,
  EXACT,
  FILLER,
  FILTER,
  QUERY,
  REFUSED,
  UNKNOWN,
  VENUE,
  Chunk,
  Fact,
)
from bond_english.text.tokens import ADDRESS, CASHTAG, HANDLE, HASHTAG, NUMBER, WORD, Token
from bond_english.words import assets
from bond_english.words.chains import chain_of_address
from bond_english.words.lexicon import ASSET_NAMES, VENUE_NAMES

MAX_QUERY_TOKENS = 16

_CLOSING = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’"}


def notation_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """A handle, cashtag, hashtag or address."""
  token = tokens[first]
  domain = _domain(tokens, first)
  if domain is not None:
    return domain
  if token.kind == HANDLE:
    venue = VENUE_NAMES.single.get(token.word[1:])
    if venue is not None:
      return Chunk(VENUE, first, first + 1, venue, ALIAS)
    return Chunk(AUTHOR, first, first + 1, token.text[1:])
  if token.kind == CASHTAG:
    ticker = token.text[1:].upper()
    if ticker in assets.ASSETS:
      return Chunk(ASSET, first, first + 1, ticker)
    if ticker in assets.EQUITIES:
      return Chunk(REFUSED, first, first + 1, (ticker, "equity"))
    return Chunk(UNKNOWN, first, first + 1, ())
  if token.kind == HASHTAG:
    if token.text[1:].isdecimal():
      # Request #42.
      return Chunk(FILLER, first, first + 1)
    asset = ASSET_NAMES.single.get(token.word[1:])
    if asset is not None:
      return Chunk(ASSET, first, first + 1, asset, ALIAS)
    return Chunk(QUERY, first, first + 1, token.text)
  return _address(token, first) if token.kind == ADDRESS else None


def _domain(tokens: Sequence[Token], first: int) -> Chunk | None:
  """A handle of Bluesky without its @: jay.bsky.team."""
  end = first + 1
  while end + 1 < len(tokens) and tokens[end].text == "." and tokens[end + 1].attached:
    end += 2
  names = [token.text for token in tokens[first:end:2]]
  if len(names) < 3 or "bsky" not in names[1:]:
    return None
  return Chunk(AUTHOR, first, end, ".".join(names))


def _address(token: Token, first: int) -> Chunk:
  """A contract of an EVM chain or a mint of Solana, with the ticker of a well-known one; one of
  Bitcoin is a wallet."""
  chain = chain_of_address(token.text)
  if chain == "ethereum":
    name, ticker = "address", assets.CONTRACTS.get(token.word)
  elif chain == "bitcoin":
    name, ticker = "account", None
  else:
    name, ticker = "mint", assets.MINTS.get(token.text)
  facts: list[Fact] = [("filter", {name: token.text}, EXACT)]
  if ticker is not None:
    facts.append(("symbol", ticker, ALIAS))
  return Chunk(FILTER, first, first + 1, "address", EXACT, facts)


def quoted_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Words in quotation marks, which are searched for as they are written."""
  closing = _CLOSING.get(tokens[first].text)
  within = first and tokens[first].attached and tokens[first - 1].kind in (WORD, NUMBER)
  if closing is None or within:
    return None
  for end in range(first + 1, min(first + MAX_QUERY_TOKENS, len(tokens))):
    if tokens[end].text == closing:
      return Chunk(QUERY, first, end + 1, "") if end > first + 1 else None
  return None
