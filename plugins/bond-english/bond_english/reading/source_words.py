"""The words of installed sources: phrases to look for, and the venues that they have.

A source PLUGIN.CHANNEL of market data is one of the venue PLUGIN, whatever its package. A source
for any venue has the names of the venues as words: "kraken" is a word of ccxt.trades. "Hyperliquid
perps in USDC" says which of a venue's markets is meant where a request names none.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from bond_english.text.phrases import PhraseTable
from bond_english.words.lexicon import MARKET_TYPE_NAMES

CHANNELS = frozenset(
  ("trades", "orderbook", "ticker", "funding", "open_interest", "liquidation", "candle", "ohlcv")
)
"""Channels of venues, which a request names by their venue and a kind of data."""


class UsualMarket(NamedTuple):
  """The type of market and the quote currency that are usual on a venue."""

  market_type: str
  quote: str


class SourceWords(NamedTuple):
  """`phrases` for sources (phrase → source), and the `venues` that installed sources have (phrase →
  venue); `served` are the venues of sources for any venue, by their plugin, and `usual` what is
  meant on a venue where a request does not say."""

  phrases: PhraseTable[str]
  venues: PhraseTable[str]
  served: Mapping[str, frozenset[str]]
  usual: Mapping[str, UsualMarket]

  @property
  def words(self) -> set[str]:
    """All words of all phrases."""
    return self.phrases.words | self.venues.words


def read_source_words(source_words: Mapping[str, str]) -> SourceWords:
  """The phrases of these words (word → source); "open-interest" is the phrase "open interest"."""
  return _read(tuple(source_words.items()))


# What is installed is the same for every request of a process.
@lru_cache(maxsize=8)
def _read(source_words: tuple[tuple[str, str], ...]) -> SourceWords:
  phrases: list[tuple[str, str]] = []
  venues: dict[str, str] = {}
  served: dict[str, set[str]] = {}
  usual: dict[str, UsualMarket] = {}
  plugins = {source.partition(".")[0] for _, source in source_words}
  for word, source in source_words:
    phrase = " ".join(word.casefold().replace("-", " ").split())
    plugin, _, channel = source.partition(".")
    if channel not in CHANNELS:
      phrases += [(phrase, source)] if phrase else []
    elif phrase.partition(" ")[0] == plugin:
      venues[plugin] = plugin
      if (found := _usual_market(phrase)) is not None:
        usual[plugin] = found
    elif phrase.isalnum() and phrase not in plugins | CHANNELS:
      served.setdefault(plugin, set()).add(phrase)
    elif phrase in plugins:
      # Another plugin has this venue, too; its own sources come first.
      served.setdefault(plugin, set()).add(phrase)
  for names in served.values():
    for name in sorted(names):
      venues.setdefault(name, name)
  return SourceWords(
    PhraseTable(phrases),
    PhraseTable(venues.items()),
    {plugin: frozenset(names) for plugin, names in served.items()},
    usual,
  )


def _usual_market(phrase: str) -> UsualMarket | None:
  """That of VENUE MARKET in QUOTE: hyperliquid perps in usdc."""
  _, *words = phrase.split()
  if len(words) != 3 or words[1] != "in" or words[0] not in MARKET_TYPE_NAMES.single:
    return None
  return UsualMarket(MARKET_TYPE_NAMES.single[words[0]], words[2].upper())
