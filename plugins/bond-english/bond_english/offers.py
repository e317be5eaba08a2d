"""Which source answers for what, and which package has it when none is installed."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

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
"""The channels of a venue that carry a kind of data."""

_SPOKEN = {
  "tweets": ("tweets", "twitter"),
  "bluesky": ("bluesky",),
  "news": ("news", "headlines"),
  "google_trends": ("google trends",),
  "polymarket": ("polymarket",),
  "gas": ("gas price", "gas", "gas fees"),
  "cvd": ("cvd", "volume delta"),
  "implied_vol": ("implied vol", "implied volatility"),
}
_PACKAGED = {"tweets": ("x.posts", "bond-x"), "bluesky": ("bluesky.posts", "bond-bluesky")}


class Offer(NamedTuple):
  """A source for something. `package` is what has to be installed first, None where it is there."""

  use: str
  settings: dict[str, str]
  package: str | None = None


class Offers:
  """What the installed sources offer, by the words that they are known by."""

  def __init__(self, words: Mapping[str, str]) -> None:
    self._words = {word.casefold(): source for word, source in words.items()}
    self._names = frozenset(words.values())

  def of_venue(self, venue: str, channel: str) -> Offer | None:
    """The source of a venue's channel; None where no package is known to have it."""
    name = f"{venue}.{channel}"
    by_ccxt = venues.BY_CCXT.get(channel)
    if name in self._names:
      return Offer(name, {})
    if by_ccxt in self._names and venue in venues.VENUES:
      return Offer(by_ccxt or "", {"exchange": venue})
    if channel in venues.NATIVE.get(venue, ()) and not self.has(venue):
      return Offer(name, {}, f"bond-{venue}")
    if by_ccxt is not None and venue in venues.VENUES:
      return Offer(by_ccxt, {"exchange": venue}, "bond-ccxt")
    return None

  def usual_venue(self, channel: str, without: Collection[str] = ()) -> str | None:
    """The venue for a channel where none is said: the first main one that can answer now, else the
    first that could."""
    possible = [
      (venue, offer)
      for venue in venues.MAIN
      if venue not in without and (offer := self.of_venue(venue, channel)) is not None
    ]
    possible.sort(key=lambda entry: entry[1].package is not None)
    return possible[0][0] if possible else None

  def all_venues(self, channel: str, without: Collection[str] = ()) -> list[str]:
    """Every venue with a source of this channel that is installed."""
    native = [venue for venue in venues.VENUES if f"{venue}.{channel}" in self._names]
    if venues.BY_CCXT.get(channel) in self._names:
      native += [venue for venue in venues.MAIN if venue not in native]
    return [venue for venue in native if venue not in without]

  def of_texts(self, kind: str) -> Offer | None:
    """The source of tweets, posts, news and the like."""
    for word in _SPOKEN.get(kind, ()):
      if word in self._words:
        return Offer(self._words[word], {})
    name, package = _PACKAGED.get(kind, ("", ""))
    if not name:
      return None
    return Offer(name, {}, None if name in self._names else package)

  def by_word(self, *words: str) -> str | None:
    """The source that one of these words is for."""
    return next((self._words[word] for word in words if word in self._words), None)

  def has(self, plugin: str) -> bool:
    """Whether a plugin of that name is installed."""
    return any(name.startswith(f"{plugin}.") for name in self._names)

  def is_source(self, name: str) -> bool:
    """Whether a source of that name is installed."""
    return name in self._names
