"""The currency that a price is in: in euros, vs USDT, dollars; and BTC vs ETH, which compares."""

from collections.abc import Sequence

from bond_english.text.chunks import QUOTE, VERSUS, Chunk
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import WORD, Token
from bond_english.words import assets, split_phrases, split_words
from bond_english.words.lexicon import ASSET_NAMES, CURRENCY_NAMES

# Only after "in" the quote may be a coin, too: ETH price in BTC.
_BEFORE_QUOTE = PhraseTable(
  (phrase, phrase.endswith("in"))
  for phrase in split_phrases(
    "priced in; denominated in; quoted in; measured in; in terms of; in; versus; vs; v; against; to"
  )
)
_COMPARING = frozenset(("vs", "versus", "v", "against", "compared"))

WORDS = _COMPARING | frozenset(split_words("priced denominated quoted measured"))


def quote_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The quote currency that begins at `first`, or a word that compares."""
  token = tokens[first]
  for coins, at in _BEFORE_QUOTE.all_at(tokens, first) if first else ():
    at += at < len(tokens) and (tokens[at].text == "." or tokens[at].word == "the")
    found = _currency(tokens, at, coins=coins)
    if found is not None:
      return Chunk(QUOTE, first, found[1], found[0])
  if token.text == "/" and first and (found := _currency(tokens, first + 1, coins=False)):
    return Chunk(QUOTE, first, found[1], found[0])
  if first and token.kind == WORD and token.word in _COMPARING:
    end = first + 1
    while end < len(tokens) and (tokens[end].text == "." or tokens[end].word in ("to", "with")):
      end += 1
    return Chunk(VERSUS, first, end)
  bare = CURRENCY_NAMES.longest_at(tokens, first)
  return None if bare is None else Chunk(QUOTE, first, bare[1], bare[0])


def _currency(tokens: Sequence[Token], at: int, *, coins: bool) -> tuple[str, int] | None:
  """A currency or stablecoin, with `coins` also bitcoin and the like, and the index after it."""
  if at >= len(tokens):
    return None
  found = CURRENCY_NAMES.longest_at(tokens, at) or ASSET_NAMES.longest_at(tokens, at)
  if found is None:
    return None
  quotes = assets.QUOTE_RANKING if coins else assets.MONEY
  return found if found[0] in quotes else None
