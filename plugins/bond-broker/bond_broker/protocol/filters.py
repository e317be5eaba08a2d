"""Which events a subscription selects."""

from typing import NamedTuple

from bond_core import Channel, Gap, MarketType

ANY = frozenset(("*",))
OF_ASSETS = frozenset(("post", "chain", "custom"))
"""Channels whose events are about an asset (BTC), and so about each market of it that is named."""


class MarketPattern(NamedTuple):
  """One market that a subscription names: the canonical symbol, and what its spelling says beyond
  that. None matches any."""

  symbol: str
  market_type: MarketType | None = None
  expiry: str | None = None


class Filter(NamedTuple):
  """One subscription's filter; equal filters share one group. `markets` None means every symbol,
  `exchanges` holds "*" for every venue."""

  channels: frozenset[Channel]
  markets: frozenset[MarketPattern] | None = None
  exchanges: frozenset[str] = ANY
  depth: int = 20
  speed_ms: int = 100
  raw: bool = False
  compact: bool = False
  deltas: bool = False
  consolidated: bool = False

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
    if channel in OF_ASSETS and "/" not in symbol:
      return any(market.symbol.partition("/")[0] == symbol for market in self.markets)
    return any(
      market.symbol == symbol
      and market.market_type in (None, market_type)
      and market.expiry in (None, expiry)
      for market in self.markets
    )

  def _has(self, channel: str) -> bool:
    if self.consolidated and channel in ("orderbook", "consolidated"):
      return channel == "consolidated" and "orderbook" in self.channels
    return channel in self.channels

  def concerns(self, gap: Gap) -> bool:
    """Whether what a gap declares may have matched."""
    # A consolidated book is made of the venues' own, so their losses are its own too.
    if gap.channel not in ("*", *self.channels) and not self._has(gap.channel):
      return False
    if gap.exchange != "*" and "*" not in self.exchanges and gap.exchange not in self.exchanges:
      return False
    if self.markets is None or gap.symbol == "*":
      return True
    if gap.channel in ("*", *OF_ASSETS) and "/" not in gap.symbol:
      return any(market.symbol.partition("/")[0] == gap.symbol for market in self.markets)
    return any(
      market.symbol == gap.symbol
      and (gap.market_type is None or market.market_type in (None, gap.market_type))
      for market in self.markets
    )
