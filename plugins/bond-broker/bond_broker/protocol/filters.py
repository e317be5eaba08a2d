"""Which events a subscription selects."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from bond_core import Channel, Gap, Instrument, MarketType

ANY = frozenset(("*",))
OF_ASSETS = frozenset(("post", "chain", "custom"))
"""Channels whose events are about an asset (BTC), and so about each market of it that is named."""


class MarketPattern(NamedTuple):
  """One market that a subscription names: the canonical symbol, and what its spelling says beyond
  that. None matches any. Where a venue has contracts of a pair that settle differently, a symbol in
  an event names the currency too (BTC/USD:USD), and `settle` tells them apart."""

  symbol: str
  market_type: MarketType | None = None
  expiry: str | None = None
  settle: str | None = None

  def matches(self, symbol: str, market_type: MarketType | None, expiry: str | None) -> bool:
    """Whether it is this market."""
    pair, _, settle = symbol.partition(":")
    return (
      self.symbol in (pair, symbol)
      and self.market_type in (None, market_type)
      # A perpetual with a day (an X-Perp) is meant only where that day is named.
      and (self.expiry == expiry if self.market_type == "perp" else self.expiry in (None, expiry))
      and (not settle or self.settle in (None, settle))
    )


class Filter(NamedTuple):
  """One subscription's filter; equal filters share one group. `markets` None means every symbol,
  `exchanges` holds "*" for every venue. `names` are spellings that no market can be read from, or
  several (a mint, a contract, DOTUSD), in upper case: they match symbols that are such, and those
  that are so without their slash. `narrow` is the filter of a token that is for no more than it."""

  channels: frozenset[Channel]
  markets: frozenset[MarketPattern] | None = None
  exchanges: frozenset[str] = ANY
  depth: int = 20
  speed_ms: int = 100
  raw: bool = False
  compact: bool = False
  deltas: bool = False
  consolidated: bool = False
  names: frozenset[str] = frozenset()
  narrow: bool = False

  @property
  def plain(self) -> bool:
    """Whether events go out in the usual form, with nothing beside them."""
    return not (self.compact or self.raw)

  def matches(
    self,
    channel: str,
    exchange: str,
    symbol: str,
    market_type: MarketType | None = None,
    expiry: str | None = None,
  ) -> bool:
    """Whether events of this channel and instrument match. A consolidated book matches instead of
    the venues' own books."""
    if not self._has(channel):
      return False
    if "*" not in self.exchanges and exchange not in self.exchanges:
      return False
    if self.markets is None:
      return True
    if self._named(symbol, market_type, expiry):
      return True
    if channel in OF_ASSETS and "/" not in symbol:
      return any(market.symbol.partition("/")[0] == symbol for market in self.markets)
    return any(market.matches(symbol, market_type, expiry) for market in self.markets)

  def _named(self, symbol: str, market_type: MarketType | None, expiry: str | None) -> bool:
    """Whether a symbol is one of the names. A source may also keep a venue's own ones: BTCUSDT, or
    BTC for its market against USDT."""
    upper = symbol.upper()
    if "/" in upper:
      pair = upper.partition(":")[0]
      asset = pair.removesuffix("/USDT")
      return not self.names.isdisjoint((upper, pair.replace("/", ""), asset))
    return upper in self.names or any(
      upper in (market.symbol.removesuffix("/USDT"), market.symbol.replace("/", ""))
      and market.matches(market.symbol, market_type, expiry)
      for market in self.markets or ()
    )

  def with_instruments(self, instruments: Collection[Instrument]) -> "Filter":
    """This filter, which matches these too. Where all of them say what they settle in, a pattern
    of that settlement means no other contract of its pair."""
    if self.markets is None:
      return self
    symbols = {instrument.symbol for instrument in instruments}
    kept = {
      market
      for market in self.markets
      if f"{market.symbol}:{market.settle}" not in symbols or market.symbol in symbols
    }
    more = {
      MarketPattern(i.symbol, i.market_type, i.expiry)
      for i in instruments
      if not any(market.matches(i.symbol, i.market_type, i.expiry) for market in kept)
    }
    return self._replace(markets=frozenset(kept | more)) if more else self

  def _has(self, channel: str) -> bool:
    if self.consolidated and channel in ("orderbook", "consolidated"):
      return channel == "consolidated" and "orderbook" in self.channels
    return channel in self.channels

  def shown(self, gap: Gap) -> Gap:
    """A gap as readers of this filter have it: a narrow token is not for the names of what others
    read."""
    return msgspec.structs.replace(gap, streams=None) if self.narrow else gap

  def concerns(self, gap: Gap) -> bool:
    """Whether what a gap declares may have matched."""
    # A consolidated book is made of the venues' own, so their losses are its own too.
    if gap.channel not in ("*", *self.channels) and not self._has(gap.channel):
      return False
    if gap.exchange != "*" and "*" not in self.exchanges and gap.exchange not in self.exchanges:
      return False
    if self.markets is None or gap.symbol == "*":
      return True
    if self._named(gap.symbol, gap.market_type, gap.expiry):
      return True
    if gap.channel in ("*", *OF_ASSETS) and "/" not in gap.symbol:
      return any(market.symbol.partition("/")[0] == gap.symbol for market in self.markets)
    return any(
      market.matches(gap.symbol, gap.market_type or market.market_type, market.expiry)
      for market in self.markets
    )
