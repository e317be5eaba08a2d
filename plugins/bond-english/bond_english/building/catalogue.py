"""Which source has which data, and which package has it when none is installed."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bond_core.packages import package_for
from bond_english.reading.source_words import CHANNELS as CHANNELS_OF_VENUES, read_source_words
from bond_english.words import venues

CHANNELS = {
  "price": ("trades", "ticker"),
  "trades": ("trades",),
  "volume": ("trades",),
  "vwap": ("trades",),
  "orderbook": ("orderbook",),
  "bbo": ("ticker",),
  "ohlc": ("candle",),
  "funding": ("funding",),
  "open_interest": ("open_interest",),
  "liquidations": ("liquidation",),
  "mark_price": ("funding",),
  "index_price": ("funding",),
}
"""The channels of a venue that have a kind of data."""

_WORDS_OF_KIND = {
  "tweets": ("tweets", "twitter"),
  "bluesky": ("bluesky",),
  "news": ("news", "headlines"),
  "google_trends": ("google trends",),
  "polymarket": ("polymarket",),
  "gas": ("gas price", "gas", "gas fees"),
  "cvd": ("cvd", "volume delta"),
  "implied_vol": ("implied vol", "implied volatility"),
}
"""The words by which a plugin's source is known to have a kind of data."""

_PACKAGES = {"tweets": ("x.posts", "bond-x"), "bluesky": ("bluesky.posts", "bond-bluesky")}
"""Kinds whose source and package are known."""


class SourceMatch(NamedTuple):
  """A source, the settings that it needs, and the package to install first, None where it is
  installed."""

  use: str
  settings: dict[str, str]
  package: str | None = None


class SourceCatalogue:
  """The installed sources by their words (word → source), and those of known packages."""

  def __init__(self, source_words: Mapping[str, str]) -> None:
    # The words of a venue's sources name the venue, and no kind of data: Polymarket is one of ccxt.
    self._by_word = {
      word.casefold(): source
      for word, source in source_words.items()
      if source.rpartition(".")[2] not in CHANNELS_OF_VENUES
    }
    self._names = frozenset(source_words.values())
    self._words_of: dict[str, list[str]] = {}
    for word, source in source_words.items():
      self._words_of.setdefault(source, []).append(word)
    read = read_source_words(source_words)
    self._served, self._usual = read.served, read.usual

  def of_venue(self, venue: str, channel: str) -> SourceMatch | None:
    """The source of a venue's channel; None where no package is known to have it."""
    name = f"{venue}.{channel}"
    by_ccxt = venues.CCXT_SOURCES.get(channel)
    if name in self._names:
      return SourceMatch(name, {})
    for plugin, served in self._served.items():
      # A source for any venue says which it has.
      own = by_ccxt if plugin == "ccxt" else f"{plugin}.{channel}"
      if own is not None and venue in served and (plugin == "ccxt" or own in self._names):
        return SourceMatch(own, {"exchange": venue})
    if by_ccxt in self._names and "ccxt" not in self._served and venue in venues.VENUES:
      return SourceMatch(by_ccxt or "", {"exchange": venue})
    package = package_for("plugins", venue)
    if package is not None and not self._has_plugin(venue):
      return SourceMatch(name, {}, package)
    if by_ccxt is not None and venue in venues.VENUES and "ccxt" not in self._served:
      return SourceMatch(by_ccxt, {"exchange": venue}, "bond-ccxt")
    return None

  def quote_of(self, venue: str) -> str:
    """The quote currency of a venue's main markets."""
    own = self._usual.get(venue)
    return venues.QUOTE_OF_VENUE.get(venue, "USDT") if own is None else own.quote

  def market_of(self, venue: str) -> str | None:
    """The market that is meant on a venue where a request names none; None for spot."""
    own = self._usual.get(venue)
    if own is None:
      return venues.MARKET_OF_VENUE.get(venue)
    return None if own.market_type == "spot" else own.market_type

  def contracts_of(self, venue: str) -> str:
    """The venue that has the contracts of one whose spot markets stand apart, as krakenfutures has
    those of kraken; else the venue itself."""
    apart = f"{venue}futures"
    served = any(apart in names for names in self._served.values())
    return apart if served and not self._has_plugin(venue) else venue

  def default_venue(self, channel: str, without: Collection[str] = ()) -> str | None:
    """The venue for a channel where a request names none: the first default venue with an installed
    source, else the first with a known package."""
    possible = [
      (venue, match)
      for venue in venues.DEFAULT_VENUES
      if venue not in without and (match := self.of_venue(venue, channel)) is not None
    ]
    possible.sort(key=lambda entry: entry[1].package is not None)
    return possible[0][0] if possible else None

  def all_venues(self, channel: str, without: Collection[str] = ()) -> list[str]:
    """Every venue with an installed source of this channel; with ccxt, of all others the default
    venues."""
    found = sorted(
      plugin
      for plugin, _, own in (name.partition(".") for name in self._names)
      if own == channel and plugin not in ("ccxt", *self._served)
    )
    # The usual ones first.
    usual = [venue for venue in venues.DEFAULT_VENUES if venue in found]
    found = [*usual, *(venue for venue in found if venue not in usual)]
    if venues.CCXT_SOURCES.get(channel) in self._names:
      found += [venue for venue in venues.DEFAULT_VENUES if venue not in found]
    return [venue for venue in found if venue not in without]

  def bars_of(self, venue: str) -> frozenset[str]:
    """The intervals of a venue's candles, by its words ("okx 1m candles"); none where it does not
    say."""
    words = [word.split() for word in self._words_of.get(f"{venue}.candle", ())]
    return frozenset(word[1] for word in words if len(word) == 3 and word[2] == "candles")

  def of_texts(self, kind: str) -> SourceMatch | None:
    """The source of tweets, posts, news and the like."""
    source = self.by_words(*_WORDS_OF_KIND.get(kind, ()))
    if source is not None:
      return SourceMatch(source, {})
    name, package = _PACKAGES.get(kind, ("", ""))
    if not name:
      return None
    return SourceMatch(name, {}, None if name in self._names else package)

  def of_kind(self, kind: str) -> str | None:
    """The installed source that has a word for a kind of data."""
    return self.by_words(*_WORDS_OF_KIND[kind])

  def by_words(self, *words: str) -> str | None:
    """The installed source with the first of these words that one has."""
    return next((self._by_word[word] for word in words if word in self._by_word), None)

  def is_installed(self, source: str) -> bool:
    """Whether a source of this name is installed."""
    return source in self._names

  def _has_plugin(self, plugin: str) -> bool:
    return any(name.startswith(f"{plugin}.") for name in self._names)
