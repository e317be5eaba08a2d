"""Groups of venues: all exchanges, everywhere, the major exchanges, dexes."""

from collections.abc import Sequence

from bond_english.text.chunks import ASSUMED, EXACT, VENUE, Chunk, How, filter_chunk
from bond_english.text.phrases import PhraseTable
from bond_english.text.tokens import Token
from bond_english.words import split_phrases, split_words

_EVERYWHERE = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    """
    everywhere; anywhere; wherever; cross exchange; across exchanges; across venues; cross venue;
    multi exchange
    """
  )
)
_VENUE_NOUNS = frozenset(
  split_words("exchange exchanges venue venues platform platforms marketplaces")
)
_KINDS_OF_MARKET = frozenset(split_words("perp perps perpetual spot futures derivatives crypto"))
_AFTER_ALL = frozenset(split_words("the of available supported other your known possible"))
_MAJOR = frozenset(("major", "main", "big", "top", "largest", "biggest"))
_SEVERAL = frozenset(("multiple", "several", "various", "many"))
_DEX = frozenset(("dex", "dexes", "dexs", "amm", "amms"))
_CEX = frozenset(("cexes", "cexs"))
_DECENTRALISED = frozenset(("decentralized", "decentralised"))
_CENTRALISED = frozenset(("centralized", "centralised"))

WORDS = (
  _EVERYWHERE.words | _VENUE_NOUNS | _MAJOR | _SEVERAL | _DEX | _CEX | _DECENTRALISED | _CENTRALISED
)


def all_venues_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """All exchanges, every venue; the major exchanges are taken for all that are installed."""
  found = _EVERYWHERE.longest_at(tokens, first)
  if found is not None:
    return Chunk(VENUE, first, found[1], "*")
  word, at = tokens[first].word, first
  how: How = EXACT
  if word in ("all", "every", "any", "each", "across"):
    at += 1
    while at < len(tokens) and (
      tokens[at].word in _AFTER_ALL or tokens[at].word in ("all", "every")
    ):
      at += 1
  elif word in _SEVERAL:
    at, how = at + 1, ASSUMED
  while at < len(tokens) and tokens[at].word in _MAJOR:
    at, how = at + 1, ASSUMED
  if first < at < len(tokens) - 1 and tokens[at].word in _KINDS_OF_MARKET:
    # All the perp exchanges: what kind of market they have is said beside it.
    return Chunk(VENUE, first, at, "*", how) if tokens[at + 1].word in _VENUE_NOUNS else None
  if at == first or at >= len(tokens) or tokens[at].word not in _VENUE_NOUNS:
    return None
  return Chunk(VENUE, first, at + 1, "*", how)


def venue_type_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Dexes, decentralised exchanges: a filter with `venue_type`, dex or cex."""
  word = tokens[first].word
  with_noun = first + 1 < len(tokens) and tokens[first + 1].word in _VENUE_NOUNS
  if word in _DEX or word in _CEX:
    venue_type = "dex" if word in _DEX else "cex"
  elif with_noun and word in _DECENTRALISED:
    venue_type = "dex"
  elif with_noun and word in _CENTRALISED:
    venue_type = "cex"
  else:
    return None
  return filter_chunk("venue_type", first, first + 1 + with_noun, {"venue_type": venue_type})
