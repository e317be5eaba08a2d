"""Binance's published limits: request weight a minute (429, then 418), connections in five minutes,
messages a second, and how it keeps connections alive."""

from collections.abc import Callable, Mapping

import attrs
from bond_simkit import ConnectionPolicy

from bond_sim.binance.paths import COINM, SPOT, USDM, BinanceMarketName

MAX_STREAMS = {SPOT: 1024, USDM: 1024, COINM: 200}
"""Streams of one connection."""

MINUTE_MS = 60_000
CONNECTS, CONNECT_SECONDS = 300, 300.0
"""Connection attempts of one address; published for spot, applied to both markets."""

WEIGHT_LIMIT = {SPOT: 6000, USDM: 2400, COINM: 2400}
# How many requests after the first 429 bring the ban is not published; bans begin at 2 minutes.
BAN_AFTER, BAN_MS = 10, 120_000


def policy(market: BinanceMarketName, ping_payload: Callable[[], bytes]) -> ConnectionPolicy:
  """Spot: 5 messages/s, ping every 20 s, pong within a minute. Futures: 10/s, 3 min, 10 min."""
  if market == SPOT:
    return ConnectionPolicy(
      messages_per_second=5, ping_every=20.0, pong_within=60.0, ping_payload=ping_payload
    )
  return ConnectionPolicy(
    messages_per_second=10, ping_every=180.0, pong_within=600.0, ping_payload=ping_payload
  )


def _stepped(limit: int, steps: Mapping[int, int]) -> int:
  return next((weight for upto, weight in steps.items() if limit <= upto), list(steps.values())[-1])


def weight(market: BinanceMarketName, endpoint: str, limit: int, symbols: int) -> int:
  """Request weight of an endpoint (the last part of its path) for a `limit` and a number of symbols
  (0: all)."""
  if endpoint == "depth":
    if market == SPOT:
      return _stepped(limit, {100: 5, 500: 25, 1000: 50, 5000: 250})
    return _stepped(limit, {50: 2, 100: 5, 500: 10, 1000: 20})
  if endpoint == "klines":
    return 2 if market == SPOT else _stepped(limit, {99: 1, 499: 2, 1000: 5, 1500: 10})
  if endpoint == "ticker/24hr":
    if market == SPOT:
      return 80 if symbols == 0 else _stepped(symbols, {20: 2, 100: 40, 10_000: 80})
    return 1 if symbols else 40
  if endpoint == "premiumIndex":
    return 10 if market == COINM or not symbols else 1
  fixed = {
    SPOT: {"exchangeInfo": 20, "trades": 25, "aggTrades": 4},
    USDM: {"trades": 5, "aggTrades": 20},
    COINM: {"trades": 5, "aggTrades": 20},
  }
  return fixed[market].get(endpoint, 1)


@attrs.define
class WeightMeter:
  """Request weight of one address on one market, counted by the minutes of the clock."""

  limit: int
  used: int = 0
  minute: int = -1
  over: int = 0
  banned_until: int = 0

  def charge(self, weight: int, now_ms: int) -> int:
    """Counts a request and returns its status: 200, 429 or 418."""
    if now_ms // MINUTE_MS != self.minute:
      self.minute, self.used, self.over = now_ms // MINUTE_MS, 0, 0
    if now_ms < self.banned_until:
      return 418
    self.used += weight
    if self.used <= self.limit:
      return 200
    self.over += 1
    if self.over > BAN_AFTER:
      self.banned_until = now_ms + BAN_MS
      return 418
    return 429

  def retry_after(self, now_ms: int) -> float:
    """Seconds until requests are served again."""
    return max(self.banned_until - now_ms, (self.minute + 1) * MINUTE_MS - now_ms) / 1000
