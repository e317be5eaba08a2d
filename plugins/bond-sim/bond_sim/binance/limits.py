"""Binance's published limits: request weight a minute (429, then 418), connections in five minutes,
messages a second, and how it keeps connections alive."""

from collections import deque
from collections.abc import Callable, Mapping

import attrs

from bond_sim.binance.paths import SPOT, USDM
from bond_sim.websocket import Policy

MAX_STREAMS = 1024
MINUTE_MS = 60_000
CONNECTS, CONNECT_SECONDS = 300, 300.0
WEIGHT_LIMIT = {SPOT: 6000, USDM: 2400}
# Not published: how many requests after the first 429 bring the ban, which starts at 2 minutes.
BAN_AFTER, BAN_MS = 10, 120_000


def policy(market: str, ping_payload: Callable[[], bytes]) -> Policy:
  """Spot: 5 messages/s, ping every 20 s, pong within a minute. USD-M: 10, 3 and 10 minutes."""
  if market == SPOT:
    return Policy(
      messages_per_second=5, ping_every=20.0, pong_within=60.0, ping_payload=ping_payload
    )
  return Policy(
    messages_per_second=10, ping_every=180.0, pong_within=600.0, ping_payload=ping_payload
  )


def _stepped(limit: int, steps: Mapping[int, int]) -> int:
  return next((weight for upto, weight in steps.items() if limit <= upto), list(steps.values())[-1])


def weight(market: str, endpoint: str, limit: int, symbols: int) -> int:
  """Request weight of an endpoint (the last part of its path) for a `limit` and a number of
  symbols, 0 meaning all."""
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
    return 1 if symbols else 10
  fixed = {
    SPOT: {"exchangeInfo": 20, "trades": 25, "aggTrades": 4},
    USDM: {"trades": 5, "aggTrades": 20},
  }
  return fixed[market].get(endpoint, 1)


@attrs.define
class WeightMeter:
  """Request weight of one address on one market. Minutes are the clock's: the count starts anew
  with each."""

  limit: int
  used: int = 0
  minute: int = -1
  over: int = 0
  banned_until: int = 0

  def charge(self, weight: int, now_ms: int) -> int:
    """Counts a request; returns 200, 429 or 418."""
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
    """Seconds until requests are answered again."""
    return max(self.banned_until - now_ms, (self.minute + 1) * MINUTE_MS - now_ms) / 1000


class ConnectMeter:
  """Connection attempts of one address: 300 in 5 minutes (published for spot, applied to both)."""

  def __init__(self) -> None:
    self._attempts: deque[float] = deque(maxlen=CONNECTS + 1)

  def admit(self, now: float) -> bool:
    """Counts an attempt at `now` (seconds)."""
    while self._attempts and self._attempts[0] <= now - CONNECT_SECONDS:
      self._attempts.popleft()
    self._attempts.append(now)
    return len(self._attempts) <= CONNECTS
