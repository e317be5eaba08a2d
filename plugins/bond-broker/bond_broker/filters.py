"""Which events a subscription wants."""

from typing import NamedTuple

from bond_core import Gap

ANY = frozenset(("*",))
OF_ASSETS = frozenset(("post", "chain", "custom"))
"""Channels whose events tell of an asset (BTC), and so of each market of it that somebody names."""


class Wanted(NamedTuple):
  """One market that a subscription names: the canonical symbol, and what its spelling says beyond
  that. None leaves it open."""

  symbol: str
  market_type: str | None = None
  expiry: str | None = None


class Filter(NamedTuple):
  """One subscription's filter; equal filters are one to the broker. `wanted` None means every
  symbol, `exchanges` holds "*" for every venue."""

  channels: frozenset[str]
  wanted: frozenset[Wanted] | None = None
  exchanges: frozenset[str] = ANY
  depth: int = 20
  speed_ms: int = 100
  raw: bool = False
  compact: bool = False
  deltas: bool = False
  consolidated: bool = False

  def matches(
    self,
    channel: str,
    exchange: str,
    symbol: str,
    market_type: str | None = None,
    expiry: str | None = None,
  ) -> bool:
    """Whether events of this channel and instrument are wanted. A consolidated book is wanted
    instead of the venues' own books."""
    if not self._wants(channel):
      return False
    if "*" not in self.exchanges and exchange not in self.exchanges:
      return False
    if self.wanted is None:
      return True
    if channel in OF_ASSETS and "/" not in symbol:
      return any(want.symbol.partition("/")[0] == symbol for want in self.wanted)
    return any(
      want.symbol == symbol
      and want.market_type in (None, market_type)
      and want.expiry in (None, expiry)
      for want in self.wanted
    )

  def _wants(self, channel: str) -> bool:
    if self.consolidated and channel in ("orderbook", "consolidated"):
      return channel == "consolidated" and "orderbook" in self.channels
    return channel in self.channels

  def concerned(self, gap: Gap) -> bool:
    """Whether what a gap declares may have been wanted."""
    # A consolidated book is made of the venues' own, so what they lost concerns it too.
    if gap.channel not in ("*", *self.channels) and not self._wants(gap.channel):
      return False
    if gap.exchange != "*" and "*" not in self.exchanges and gap.exchange not in self.exchanges:
      return False
    if self.wanted is None or gap.symbol == "*":
      return True
    if gap.channel in ("*", *OF_ASSETS) and "/" not in gap.symbol:
      return any(want.symbol.partition("/")[0] == gap.symbol for want in self.wanted)
    return any(
      want.symbol == gap.symbol
      and (gap.market_type is None or want.market_type in (None, gap.market_type))
      for want in self.wanted
    )
