"""What shows by its form or its closest neighbours: $BTC, @saylor, addresses, quoted words, money a
price is in."""

from collections.abc import Sequence

from bond_english.lexicon import ASSET_NAMES, CURRENCY_NAMES, KIND_NAMES, VENUE_NAMES
from bond_english.marks import (
  ALIAS,
  ASSET,
  AUTHOR,
  EXACT,
  FILTER,
  QUERY,
  QUOTE,
  REFUSED,
  UNKNOWN,
  VENUE,
  VERSUS,
  Fact,
  Mark,
)
from bond_english.phrases import Phrases
from bond_english.tokens import ADDRESS, CASHTAG, HANDLE, HASHTAG, NUMBER, WORD, Token
from bond_english.words import assets, beyond, listed, phrases

LONGEST_QUERY = 16

_CLOSING = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’"}
_QUOTING = Phrases(
  (phrase, phrase.endswith("in"))
  for phrase in phrases(
    "priced in; denominated in; quoted in; measured in; in terms of; in; versus; vs; v; against; to"
  )
)
_COMPARING = frozenset(("vs", "versus", "v", "against", "compared"))
_HISTORY = Phrases((phrase, phrase) for phrase in beyond.HISTORY)
_NOT_OFFERED = Phrases((phrase, phrase) for phrase in beyond.NOT_OFFERED)
_EQUITIES = Phrases((phrase, phrase) for phrase in assets.EQUITY_NAMES)

WORDS = _COMPARING | frozenset(listed("priced denominated quoted measured"))


def form_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """A token that its form gives away."""
  token = tokens[first]
  if token.kind == HANDLE:
    venue = VENUE_NAMES.single.get(token.word[1:])
    if venue is not None:
      return Mark(VENUE, first, first + 1, venue, ALIAS)
    return Mark(AUTHOR, first, first + 1, token.text[1:])
  if token.kind == CASHTAG:
    ticker = token.text[1:].upper()
    if ticker in assets.ASSETS:
      return Mark(ASSET, first, first + 1, ticker)
    if ticker in assets.EQUITIES:
      return Mark(REFUSED, first, first + 1, (ticker, "equity"))
    return Mark(UNKNOWN, first, first + 1, ())
  if token.kind == HASHTAG:
    named = ASSET_NAMES.single.get(token.word[1:])
    if named is not None:
      return Mark(ASSET, first, first + 1, named, ALIAS)
    return Mark(QUERY, first, first + 1, token.text)
  return _address(token, first) if token.kind == ADDRESS else None


def _address(token: Token, first: int) -> Mark:
  """A contract of an EVM chain or a mint of Solana; of a well-known one the ticker is known."""
  if token.text.startswith("0x"):
    name, ticker = "address", assets.CONTRACTS.get(token.word)
  else:
    name, ticker = "mint", assets.MINTS.get(token.text)
  facts: list[Fact] = [("filter", {name: token.text}, EXACT)]
  if ticker is not None:
    facts.append(("symbol", ticker, ALIAS))
  return Mark(FILTER, first, first + 1, "address", EXACT, facts)


def quoted_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """Words in quotation marks, which are looked for as they stand."""
  closing = _CLOSING.get(tokens[first].text)
  if closing is None:
    return None
  for end in range(first + 1, min(first + LONGEST_QUERY, len(tokens))):
    if tokens[end].text == closing:
      return Mark(QUERY, first, end + 1, "") if end > first + 1 else None
  return None


def out_of_reach_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """Notions that nobody offers, equities, times that have passed."""
  token = tokens[first]
  notion = _NOT_OFFERED.at(tokens, first)
  if notion is not None:
    kind = KIND_NAMES.at(tokens, first)
    if kind is None or kind[1] < notion[1]:
      return Mark(UNKNOWN, first, notion[1], ())
  equity = _EQUITIES.at(tokens, first)
  if equity is not None:
    return Mark(REFUSED, first, equity[1], (equity[0], "equity"))
  if token.capitals and token.text in assets.EQUITIES and token.text not in assets.ASSETS:
    return Mark(REFUSED, first, first + 1, (token.text, "equity"))
  past = _HISTORY.at(tokens, first)
  if past is not None:
    return Mark(REFUSED, first, past[1], (past[0], "history"))
  if first and _is_year(token) and tokens[first - 1].word in ("in", "since"):
    return Mark(REFUSED, first, first + 1, (token.text, "history"))
  return None


def _is_year(token: Token) -> bool:
  year = token.kind == NUMBER and len(token.text) == 4 and token.text.isdecimal()
  return year and token.text[:2] in ("19", "20")


def money_at(tokens: Sequence[Token], first: int) -> Mark | None:
  """The currency that a price is in: in euros, vs USDT, dollars; BTC vs ETH compares."""
  token = tokens[first]
  for coins, at in _QUOTING.all_at(tokens, first) if first else ():
    at += at < len(tokens) and (tokens[at].text == "." or tokens[at].word == "the")
    found = _currency(tokens, at, coins=coins)
    if found is not None:
      return Mark(QUOTE, first, found[1], found[0])
  if token.text == "/" and first and (found := _currency(tokens, first + 1, coins=False)):
    return Mark(QUOTE, first, found[1], found[0])
  if first and token.kind == WORD and token.word in _COMPARING:
    end = first + 1
    while end < len(tokens) and (tokens[end].text == "." or tokens[end].word in ("to", "with")):
      end += 1
    return Mark(VERSUS, first, end)
  bare = CURRENCY_NAMES.at(tokens, first)
  return None if bare is None else Mark(QUOTE, first, bare[1], bare[0])


def _currency(tokens: Sequence[Token], at: int, *, coins: bool) -> tuple[str, int] | None:
  """A currency or what is worth one; with `coins` bitcoin and the like, too: ETH price in BTC."""
  if at >= len(tokens):
    return None
  found = CURRENCY_NAMES.at(tokens, at) or ASSET_NAMES.at(tokens, at)
  if found is None:
    return None
  quotes = assets.RANK if coins else assets.MONEY
  return found if found[0] in quotes else None
